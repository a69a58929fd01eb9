// A browser has a WebSocket; Node has one from version 22 on.

import { LoadError } from "./errors.js";

/** `connect`, but where there is no WebSocket it says so at once: the line would wait for ever. */
export const needsSocket = (connect) => (url, options) => {
  if (options?.WebSocket ?? globalThis.WebSocket) return connect(url, options);
  const error = new LoadError(
    "There is no WebSocket here: use Node 22 or newer, or install `ws` and give its `WebSocket` as " +
      "the option `WebSocket`.",
  );
  // Trying again brings none.
  error.retryable = false;
  throw error;
};
