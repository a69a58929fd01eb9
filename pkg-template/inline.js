// For one file without a second request: the wasm is inside.

import { instantiate } from "./border.js";
import { connector } from "./connect.js";
import { needsSocket } from "./needs-socket.js";
import { once } from "./once.js";
import bytes from "./wasm/tautline.inline.js";

export * from "./errors.js";

const plain = once(() => instantiate(bytes()));
const durable = once(async () => {
  const { default: bytes } = await import("./wasm/tautline.durable.inline.js");
  return instantiate(bytes());
});

export const connect = needsSocket(connector(plain, durable));
