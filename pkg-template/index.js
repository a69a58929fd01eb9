// For bundlers and plain modules: the wasm is a file beside this one.

import { instantiate } from "./border.js";
import { connector } from "./connect.js";
import { load } from "./load.js";
import { once } from "./once.js";

export * from "./errors.js";

const file = () => fetch(new URL("./wasm/tautline.wasm", import.meta.url));
const inside = () => import("./wasm/tautline.inline.js");

async function find({ file, inside }) {
  try {
    return await load(file());
  } catch (cause) {
    // A bundler that does not know this kind of URL has left the file behind. This it takes along,
    // as a module of its own that nobody else ever loads.
    const { default: bytes } = await inside().catch(() => {
      throw cause;
    });
    return instantiate(bytes());
  }
}

const plain = once(() => find({ file, inside }));
const durable = once(() => import("./durable-wasm.js").then(find));

export const connect = connector(plain, durable);
