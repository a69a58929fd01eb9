// `ReliableWebSocket`: the WebSocket of the standard over a line of `tautline`.

import { required } from "./arguments.js";
import { isOpeningCarrier, SUBPROTOCOL } from "./carrier.js";
import { connect } from "./index.js";
import { nativeSocket } from "./native.js";
import { ReliableSocket, STATES } from "./reliable.js";

const NAME = "ReliableWebSocket";

/** A class whose lines are opened by `connect`, of whichever entry of this package. */
export function reliableWebSocket(connect) {
  class ReliableWebSocket extends EventTarget {
    constructor(url, protocols = [], options = {}) {
      required(NAME, arguments.length);
      // Where this class stands in for `WebSocket`, a line asks it for its own connection.
      const isForLine = isOpeningCarrier() || [protocols].flat().includes(SUBPROTOCOL);
      if (isForLine) return nativeSocket(url);
      return Reflect.construct(ReliableSocket, [connect, url, protocols, options], new.target);
    }
  }
  return likeWebIdl(ReliableWebSocket);
}

/**
 * Gives a class all that a WebSocket has, where Web IDL has it: members on its prototype, constants
 * on both, all of them enumerable.
 */
function likeWebIdl(Socket) {
  const { prototype } = Socket;
  const { constructor: _, ...members } = Object.getOwnPropertyDescriptors(ReliableSocket.prototype);
  for (const [name, member] of Object.entries(members)) {
    Object.defineProperty(prototype, name, { ...member, enumerable: true });
  }
  for (const [name, value] of Object.entries(STATES)) {
    Object.defineProperty(Socket, name, { value, enumerable: true });
    Object.defineProperty(prototype, name, { value, enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: NAME, configurable: true });
  // Given as text: bundlers rename classes.
  return Object.defineProperty(Socket, "name", { value: NAME });
}

export const ReliableWebSocket = /* @__PURE__ */ reliableWebSocket(connect);
