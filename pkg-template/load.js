// From what a server answers to the wasm.

import { instantiate } from "./border.js";

/** Takes a Response, or a promise of one. */
export async function load(answer) {
  const response = await answer;
  if (!response.ok) throw new Error(`${response.url} answered with status ${response.status}`);
  // Not streaming: that insists on a MIME type which many servers get wrong, for no gain at 20 kB.
  return instantiate(await response.arrayBuffer());
}
