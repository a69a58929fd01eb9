// The WebSocket that carries a line.

/** Names the protocol in the handshake. */
export const SUBPROTOCOL = "tautline.1";

/** The same for every copy of this package in a page: whether one of them is opening a carrier. */
const OPENING = Symbol.for("tautline: opening a carrier");

/**
 * A WebSocket of `Class`, for a line. The page may have put a `ReliableWebSocket` there, which has to know:
 * it would open a line of its own, that line another one, and so on.
 */
export function openCarrier(Class, url) {
  globalThis[OPENING] = true;
  try {
    return new Class(url, SUBPROTOCOL);
  } finally {
    globalThis[OPENING] = false;
  }
}

/** Whether a WebSocket that is made now is to carry a line. */
export const isOpeningCarrier = () => globalThis[OPENING] === true;
