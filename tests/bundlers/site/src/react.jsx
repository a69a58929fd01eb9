// A component that asks over its line and shows the answer; the test mounts and unmounts it.
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

import { useLine } from "./use-line.tsx";

/** What React did to the component. */
export const effects = [];

function Answer({ url }) {
  const { line, state } = useLine(url);
  const [answer, setAnswer] = useState("");
  useEffect(() => {
    effects.push("mounted");
    return () => effects.push("unmounted");
  }, []);
  useEffect(() => {
    line?.request("answered").then(setAnswer, () => {});
  }, [line]);
  return `${state}: ${answer}`;
}

let root;

export function mount(url) {
  root ??= createRoot(document.querySelector("main"));
  root.render(<StrictMode><Answer url={url} /></StrictMode>);
}

export function unmount() {
  root.unmount();
  root = undefined;
}
