// For one file without a second request: the wasm is inside.

import { instantiate } from "./border.js";
import { connector } from "./connect.js";
import { needsSocket } from "./needs-socket.js";
import bytes from "./wasm/tautline.inline.js";

export * from "./errors.js";

let loading;

export const connect = needsSocket(connector(() => (loading ??= instantiate(bytes()))));
