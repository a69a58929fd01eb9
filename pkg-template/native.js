// The class that carries the lines of `ReliableWebSocket`s.

import { openCarrier } from "./carrier.js";

/** What `WebSocket` was when this module was loaded: a page may put `ReliableWebSocket` there later. */
export const Native = globalThis.WebSocket;

let isOpening = false;

/** A socket for a line that was about to be opened by a `ReliableWebSocket`. */
export function nativeSocket(url) {
  if (!Native) throw new Error("There is no WebSocket to carry a line: give the option `WebSocket`.");
  // It leads here again. A line that is told so waits, and tries again later.
  if (isOpening) {
    throw new Error(
      "There is no WebSocket to carry a line, as what was `WebSocket` when tautline was loaded makes a " +
        "ReliableWebSocket: give the browser's class as the option `WebSocket`.",
    );
  }
  isOpening = true;
  try {
    return openCarrier(Native, url);
  } finally {
    isOpening = false;
  }
}
