// For bundlers and plain modules: the wasm is a file beside this one.

import { connector } from "./connect.js";
import { compile } from "./load.js";
import { initSync, open, command } from "./wasm/tautline.js";

export * from "./errors.js";

let loading;

async function load() {
  loading ??= compile(fetch(new URL("./wasm/tautline.wasm", import.meta.url)));
  try {
    initSync({ module: await loading });
  } catch (error) {
    // The next line tries again.
    loading = undefined;
    throw error;
  }
  return { open, command };
}

export const connect = connector(load);
