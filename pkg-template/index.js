// For bundlers and plain modules: the wasm is a file beside this one.

import { connector } from "./connect.js";
import init, { Core } from "./wasm/tautline.js";

export * from "./errors.js";

let loading;

const load = () =>
  (loading ??= init({ module_or_path: new URL("./wasm/tautline.wasm", import.meta.url) })).then(
    () => Core,
    (error) => {
      // The next line tries again.
      loading = undefined;
      throw error;
    },
  );

export const connect = connector(load);
