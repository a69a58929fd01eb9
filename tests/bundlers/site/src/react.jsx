// A component that asks over its line and shows the answer; the test mounts and unmounts it.
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

import { useLine } from "./use-line.tsx";

/** What React did to the component. */
export const effects = [];

/** What a component's lines have told of messages whose promises are gone. */
export const settled = [];
export let current;

function Answer({ url, options }) {
  const { line, state } = useLine(url, options);
  useEffect(() => {
    current = line;
    line?.addEventListener("settled", (event) => settled.push(event));
  }, [line]);
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

export function mount(url, options) {
  root ??= createRoot(document.querySelector("main"));
  root.render(<StrictMode><Answer url={url} options={options} /></StrictMode>);
}

export function unmount() {
  root.unmount();
  root = undefined;
}
