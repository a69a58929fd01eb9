// The class that carries the lines of `ReliableWebSocket`s.

/** What `WebSocket` was when this module was loaded: a page may put `ReliableWebSocket` there later. */
export const Native = globalThis.WebSocket;

/** A socket for a line that was about to be opened by a `ReliableWebSocket`. */
export function nativeSocket(url, protocols) {
  if (Native) return new Native(url, protocols);
  throw new Error("There is no WebSocket to carry a line: give the option `WebSocket`.");
}
