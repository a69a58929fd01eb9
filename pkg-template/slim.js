// For libraries, and wherever the caller knows best how to get at the wasm.

import { instantiate } from "./border.js";
import { connector } from "./connect.js";
import { load } from "./load.js";
import { needsSocket } from "./needs-socket.js";

export * from "./errors.js";

let announce;
let given = new Promise((resolve) => (announce = resolve));

async function instanceOf(wasm) {
  const source = await wasm;
  if (typeof source === "string" || source instanceof URL || source instanceof Request) {
    return load(fetch(source));
  }
  return source instanceof Response ? load(source) : instantiate(source);
}

/** Has lines take the instance that `loading` brings, and another one if that is broken. */
function take(loading) {
  given = loading;
  const renew = ({ module }) => take(instantiate(module));
  loading.then((loaded) => (loaded.forget = () => renew(loaded)), () => {});
}

/** Gives the wasm: a URL, a Response, its bytes or a compiled module, or a promise of one. */
export async function provide(wasm) {
  const loaded = instanceOf(wasm);
  announce(loaded);
  take(loaded);
  await loaded;
}

export const connect = needsSocket(connector(() => given));
