// In JavaScript this is smaller than the same in WebAssembly.

const ignore = () => {};

/** Sends `bytes`, if there are any; returns how many `socket` holds that it has not sent yet. */
export function transmit(socket, bytes) {
  try {
    if (bytes.length > 0) socket.send(bytes);
  } catch {
    // It is closing: its close event will tell.
  }
  return socket.bufferedAmount;
}

/** Has `listener` called with what happens to `socket`, or nothing any more. */
export function listen(socket, listener) {
  socket.onopen = socket.onmessage = socket.onclose = listener;
  // A close event follows and tells all. But in Node the package `ws` ends the process for an error
  // that nobody listens to, also when the socket is left before it has opened.
  socket.onerror = ignore;
}
