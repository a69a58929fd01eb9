// Which events come, in which order, and what they are.

import { after, attempt, once, opened, record, settled } from "../describe.js";

const FIELDS = [
  "type", "bubbles", "cancelable", "composed", "defaultPrevented", "eventPhase", "returnValue",
];
const tag = (object) => Object.prototype.toString.call(object);

const fieldsOf = (event, socket) => [
  tag(event), FIELDS.map((name) => event[name]), event.target === socket,
  event.currentTarget === socket, event.composedPath().length, typeof event.timeStamp,
];

export default {
  "a whole life": async (Socket, base) => {
    const socket = new Socket(base);
    const log = record(socket, {
      open: () => ["a", "b"].forEach((text) => socket.send(text)),
      message: ({ data }) => data === "b" && socket.close(3001, "enough"),
    });
    await once(socket, "close");
    await settled();
    return log;
  },
  "messages right at the beginning": async (Socket, base) => {
    const socket = new Socket(new URL("greet", base));
    socket.binaryType = "arraybuffer";
    const log = record(socket, { message: ({ data }) => typeof data !== "string" && socket.close() });
    await once(socket, "close");
    return log.map(([type, state]) => [type, state]);
  },
  "messages right at the beginning, with a protocol": async (Socket, base) => {
    const socket = new Socket(new URL("greet", base), "a");
    const log = record(socket, { message: ({ data }) => typeof data !== "string" && socket.close() });
    await once(socket, "close");
    return log.map(([type, state]) => [type, state]);
  },
  "a server that greets and closes": async (Socket, base) => {
    const socket = new Socket(new URL("greet-and-close", base), ["a"]);
    socket.binaryType = "arraybuffer";
    const log = record(socket);
    await once(socket, "close");
    return log.map(([type, state, ...rest]) => [type, state, type === "close" && rest]);
  },
  "the event open": async (Socket, base) => {
    const socket = new Socket(base);
    const fields = new Promise((resolve) => {
      socket.onopen = (event) => resolve(fieldsOf(event, socket));
    });
    return after(socket, await fields);
  },
  "the event message": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const fields = new Promise((resolve) => {
      socket.onmessage = (event) => {
        const { data, origin, lastEventId, source, ports } = event;
        const isOrigin = origin === new URL(base).origin;
        resolve([fieldsOf(event, socket), data, isOrigin, lastEventId, source, ports.length]);
      };
    });
    socket.send("x");
    return after(socket, await fields);
  },
  "the event close": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const fields = new Promise((resolve) => {
      socket.onclose = (event) => {
        const { code, reason, wasClean } = event;
        resolve([fieldsOf(event, socket), code, reason, wasClean, event instanceof CloseEvent]);
      };
    });
    socket.close();
    return fields;
  },
  "the event error": async (Socket, base) => {
    const socket = new Socket(base);
    const fields = new Promise((resolve) => {
      socket.onerror = (event) => resolve(fieldsOf(event, socket));
    });
    socket.close();
    return fields;
  },
  "the state is new before the event": async (Socket, base) => {
    const socket = new Socket(base);
    const states = [socket.readyState];
    socket.onopen = () => (states.push(socket.readyState), socket.close(), states.push(socket.readyState));
    socket.onclose = () => states.push(socket.readyState);
    await once(socket, "close");
    return states;
  },
  "nothing happens within the constructor's turn": async (Socket, base) => {
    const socket = new Socket(base);
    const log = record(socket);
    await Promise.resolve();
    return after(socket, [log.length, socket.readyState]);
  },
  "each message has a turn of its own": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const order = [];
    socket.send("burst 4");
    await new Promise((resolve) => {
      socket.onmessage = async ({ data }) => {
        order.push(`message ${data}`);
        // Deeper than any number of microtasks that would happen to be enough.
        for (let depth = 0; depth < 20; depth += 1) await undefined;
        order.push(`settled ${data}`);
        if (data === "3") resolve();
      };
    });
    return after(socket, order);
  },
  "one message at a time, by await": async (Socket, base) => {
    const socket = await opened(Socket, base);
    socket.send("burst 20");
    const seen = [];
    while (seen.length < 20) seen.push((await once(socket, "message")).data);
    return after(socket, seen);
  },
  "handlers and listeners in the order of their coming": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const calls = [];
    const call = (name) => () => calls.push(name);
    socket.addEventListener("message", call("listener 1"));
    socket.onmessage = call("handler");
    socket.addEventListener("message", call("listener 2"));
    socket.onmessage = call("handler, replaced");
    socket.onmessage = null;
    socket.addEventListener("message", call("listener 3"));
    socket.onmessage = call("handler, set again");
    const told = once(socket, "message");
    socket.send("x");
    await told;
    return after(socket, calls);
  },
  "a handler's this and return value": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const seen = new Promise((resolve) => {
      socket.onmessage = function (event) {
        setTimeout(() => resolve([this === socket, event.defaultPrevented]));
        return false;
      };
    });
    socket.send("x");
    return after(socket, await seen);
  },
  "an object as handler is never called, as listener it is": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const calls = [];
    socket.onmessage = { handleEvent: () => calls.push("handler") };
    socket.addEventListener("message", { handleEvent: () => calls.push("listener") });
    const told = once(socket, "message");
    socket.send("x");
    await told;
    return after(socket, calls);
  },
  "listeners: once, signal, twice, removed": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const calls = [];
    const stop = new AbortController();
    const twice = () => calls.push("twice");
    const removed = () => calls.push("removed");
    socket.addEventListener("message", () => calls.push("once"), { once: true });
    socket.addEventListener("message", () => calls.push("signal"), { signal: stop.signal });
    socket.addEventListener("message", twice);
    socket.addEventListener("message", twice);
    socket.addEventListener("message", removed);
    socket.removeEventListener("message", removed);
    for (const text of ["a", "b"]) {
      const told = once(socket, "message");
      socket.send(text);
      await told;
      stop.abort();
    }
    return after(socket, calls);
  },
  "a listener that throws stops nobody": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const errors = [];
    window.onerror = (message) => (errors.push(message), true);
    socket.onmessage = () => { throw new Error("mine"); };
    const told = once(socket, "message");
    socket.send("x");
    const { data } = await told;
    window.onerror = null;
    return after(socket, [data, errors]);
  },
  "events of one's own": async (Socket, base) => {
    const socket = new Socket(base);
    const seen = [];
    socket.addEventListener("mine", ({ type }) => seen.push(type));
    socket.onopen = ({ type }) => seen.push(type);
    const results = [socket.dispatchEvent(new Event("mine")), socket.dispatchEvent(new Event("open"))];
    return after(socket, [seen, results, socket.readyState]);
  },
  "who made the event": async (Socket, base) => {
    const socket = new Socket(base);
    const open = await once(socket, "open");
    socket.close();
    return [open.isTrusted, (await once(socket, "close")).isTrusted];
  },
  "a server that chooses none of the protocols": async (Socket, base) => {
    const socket = new Socket(new URL("choose-none", base), ["a", "b"]);
    const log = record(socket);
    await once(socket, "close");
    return [log.map(([type, state, code]) => [type, state, code]), socket.protocol];
  },
  "a handshake that is refused": async (Socket, base) => {
    const socket = new Socket(new URL("refuse", base));
    const log = record(socket);
    await once(socket, "close");
    await settled();
    return log;
  },
  "a handshake with a protocol that is refused": async (Socket, base) => {
    const socket = new Socket(new URL("refuse", base), "a");
    const log = record(socket);
    await once(socket, "close");
    return [log.map(([type, state]) => [type, state]), log.at(-1).at(-1), socket.protocol];
  },
  "throwing in onclose": async (Socket, base) => {
    const socket = await opened(Socket, base);
    window.onerror = () => true;
    socket.onclose = () => { throw new Error("mine"); };
    socket.close();
    await once(socket, "close");
    window.onerror = null;
    return [socket.readyState, attempt(() => socket.close())];
  },
};
