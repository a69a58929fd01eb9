// What happened, as plain data that can be compared.

/** Values by what they are: errors by class and name, functions and objects by their kind. */
export function describe(value) {
  if (value instanceof DOMException) return `DOMException ${value.name}`;
  if (value instanceof Error) return `${value.name}`;
  if (Array.isArray(value)) return value.map(describe);
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol" || typeof value === "bigint") return String(value);
  if (value === undefined) return "undefined";
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (Object(value) !== value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, describe(of)]));
}

/** What `act` throws or, if it throws nothing, returns. */
export function attempt(act) {
  try {
    return describe(act());
  } catch (error) {
    return describe(error);
  }
}

/** Waits for one event. */
export function once(target, type) {
  return new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
}

/** A socket that is open. */
export async function opened(Socket, url, protocols = []) {
  const socket = new Socket(url, protocols);
  await once(socket, "open");
  return socket;
}

/** Closes the socket, and passes `result` on. */
export function after(socket, result) {
  socket.close();
  return result;
}

/** Resolves after the events that are under way. */
export function settled(ms = 100) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Everything a socket tells, with its state at that moment; `change` sees each event first. */
export function record(socket, on = {}) {
  const log = [];
  for (const type of ["open", "message", "error", "close"]) {
    socket.addEventListener(type, (event) => {
      const { code, reason, wasClean } = event;
      const details = { open: [], error: [], message: [event.data], close: [code, reason, wasClean] };
      log.push([type, socket.readyState, ...details[type]]);
      on[type]?.(event);
    });
  }
  return log;
}
