// `ReliableWebSocket` for Node, which reads the WebAssembly from the disk.

import { connect } from "./node.js";
import { reliableWebSocket } from "./websocket.js";

export { reliableWebSocket };

export const ReliableWebSocket = /* @__PURE__ */ reliableWebSocket(connect);
