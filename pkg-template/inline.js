// For one file without a second request: the wasm is inside.

import { connector } from "./connect.js";
import { initSync, open, command } from "./wasm/tautline.js";
import bytes from "./wasm/tautline.inline.js";

export * from "./errors.js";

let loaded;

const load = async () => {
  loaded ??= initSync({ module: bytes() });
  return { open, command };
};

export const connect = connector(load);
