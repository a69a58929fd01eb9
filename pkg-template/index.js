// For bundlers and plain modules: the wasm is a file beside this one.

import { instantiate } from "./border.js";
import { connector } from "./connect.js";
import { load } from "./load.js";

export * from "./errors.js";

let loading;

async function find() {
  try {
    return await load(fetch(new URL("./wasm/tautline.wasm", import.meta.url)));
  } catch (cause) {
    // A bundler that does not know this kind of URL has left the file behind. This it takes along,
    // as a module of its own that nobody else ever loads.
    const { default: bytes } = await import("./wasm/tautline.inline.js").catch(() => {
      throw cause;
    });
    return instantiate(bytes());
  }
}

export const connect = connector(() => {
  loading ??= find();
  // The next line tries again.
  loading.catch(() => (loading = undefined));
  return loading;
});
