// `ReliableWebSocket`: the WebSocket of the standard over a line of `tautline`.

import { required } from "./arguments.js";
import { connect } from "./index.js";
import { ReliableSocket } from "./reliable.js";

/** A class whose lines are opened by `connect`, of whichever entry of this package. */
export const reliableWebSocket = (connect) =>
  class ReliableWebSocket extends ReliableSocket {
    constructor(url, protocols = [], options = {}) {
      required("ReliableWebSocket", arguments.length);
      super(connect, url, protocols, options);
    }

    get [Symbol.toStringTag]() {
      return "ReliableWebSocket";
    }
  };

export const ReliableWebSocket = /* @__PURE__ */ reliableWebSocket(connect);
