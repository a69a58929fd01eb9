// For libraries, and wherever the caller knows best how to get at the wasm.

import { connector } from "./connect.js";
import { compile } from "./load.js";
import { initSync, open, command } from "./wasm/tautline.js";

export * from "./errors.js";

let announce;
let given = new Promise((resolve) => (announce = resolve));

async function moduleOf(wasm) {
  const source = await wasm;
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === "string" || source instanceof URL || source instanceof Request) {
    return compile(fetch(source));
  }
  return source instanceof Response ? compile(source) : WebAssembly.compile(source);
}

/** Gives the wasm: a URL, a Response, its bytes or a compiled module, or a promise of one. */
export async function provide(wasm) {
  const loaded = moduleOf(wasm).then((module) => {
    initSync({ module });
    return { open, command };
  });
  announce(loaded);
  given = loaded;
  await loaded;
}

export const connect = connector(() => given);
