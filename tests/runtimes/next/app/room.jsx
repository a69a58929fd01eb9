"use client";

import { useEffect, useState } from "react";
import { connect } from "tautline";

/** Says hello to the room whose server the page's address names, and shows what comes back. */
export function Room() {
  const [told, setTold] = useState();
  useEffect(() => {
    const line = connect(new URLSearchParams(location.search).get("line"));
    const room = line.subscribe("room:next");
    room.addEventListener("message", ({ data }) => setTold(data.text));
    room.ready.then(() => line.publish("room:next", { text: "hello" })).catch(setTold);
    return () => void line.close();
  }, []);
  return <p id="told">{told && String(told)}</p>;
}
