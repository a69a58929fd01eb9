// For Node: the wasm is read from the file system, which its `fetch` does not do.

import { readFile } from "node:fs/promises";

import { instantiate } from "./border.js";
import { connector } from "./connect.js";
import { needsSocket } from "./needs-socket.js";
import { once } from "./once.js";

export * from "./errors.js";

async function load() {
  return instantiate(await readFile(new URL("./wasm/tautline.wasm", import.meta.url)));
}

export const connect = needsSocket(connector(once(load)));
