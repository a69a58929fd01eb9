// What the class looks like before anything happens.

import { after, attempt } from "../describe.js";

const NAMES = [
  "url", "readyState", "bufferedAmount", "extensions", "protocol", "binaryType",
  "onopen", "onerror", "onclose", "onmessage", "send", "close",
];
const CONSTANTS = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

const kindOf = ({ value, get, set, enumerable, configurable, writable }) => ({
  value: typeof value === "function" ? "method" : value, get: !!get, set: !!set,
  enumerable, configurable, writable,
});
/** Everything that an object itself has, but for `without`: what it is, and what functions look like. */
const own = (object, without = []) =>
  Reflect.ownKeys(object)
    .filter((key) => !without.includes(key))
    .map((key) => {
      const property = Object.getOwnPropertyDescriptor(object, key);
      const functions = [property.value, property.get, property.set]
        .filter((given) => typeof given === "function" && given !== object.constructor)
        .map(({ name, length }) => `${name}/${length}`);
      return [String(key), kindOf(property), functions];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));

export default {
  "it is a class of one argument": (Socket) => [typeof Socket, Socket.length],
  "its name": (Socket, base) => {
    const socket = new Socket(base);
    return after(socket, [Socket.name, Object.prototype.toString.call(socket)]);
  },
  "it is the browser's class": (Socket, base) => {
    const socket = new Socket(base);
    return after(socket, socket instanceof WebSocket);
  },
  "it is an EventTarget": (Socket, base) => {
    const socket = new Socket(base);
    return after(socket, [socket instanceof EventTarget, socket.constructor === Socket]);
  },
  "constants of the class": (Socket) => CONSTANTS.map((name) => [name, Socket[name]]),
  "constants of instances": (Socket, base) => {
    const socket = new Socket(base);
    return after(socket, CONSTANTS.map((name) => socket[name]));
  },
  "constants cannot be changed": (Socket) => attempt(() => {
    "use strict";
    Socket.OPEN = 7;
  }),
  "all that the class itself has": (Socket) => own(Socket, ["name"]),
  "its name as a property": (Socket) => {
    const { value, ...property } = Object.getOwnPropertyDescriptor(Socket, "name");
    return property;
  },
  "all that the prototype itself has": (Socket) => own(Socket.prototype, [Symbol.toStringTag]),
  "its tag as a property": (Socket) => {
    const { value, ...property } =
      Object.getOwnPropertyDescriptor(Socket.prototype, Symbol.toStringTag);
    return property;
  },
  "where it comes from": (Socket) => [
    Object.getPrototypeOf(Socket) === EventTarget,
    Object.getPrototypeOf(Socket.prototype) === EventTarget.prototype,
    Socket.prototype.constructor === Socket,
  ],
  "what it throws where an instance is missing": (Socket) =>
    NAMES.map((name) => {
      const { get, value } = Object.getOwnPropertyDescriptor(Socket.prototype, name);
      return [name, attempt(() => (get ?? value).call({}, "x")), attempt(() => (get ?? value).call(null))];
    }),
  ...Object.fromEntries(NAMES.slice(0, 5).map((name) => [
    `${name} is for reading only`,
    (Socket, base) => {
      const socket = new Socket(base);
      return after(socket, attempt(() => (socket[name] = 1)));
    },
  ])),
  ...Object.fromEntries(["url", "readyState", "onopen", "binaryType"].map((name) => [
    `${name} of something else`,
    (Socket) => attempt(() => Socket.prototype[name]),
  ])),
  "send of something else": (Socket) => attempt(() => Socket.prototype.send.call({}, "x")),
  "close of something else": (Socket) => attempt(() => Socket.prototype.close.call({})),
  "what a loop over it finds": (Socket, base) => {
    const socket = new Socket(base);
    const names = [];
    for (const name in socket) names.push(name);
    return after(socket, names.filter((name) => !(name in EventTarget.prototype)).sort());
  },
  "it has no properties of its own": (Socket, base) => {
    const socket = new Socket(base);
    return after(socket, Object.keys(socket));
  },
  "it can be extended": (Socket, base) => {
    class Mine extends Socket {
      constructor(url) {
        super(url, "mine");
        this.mine = true;
      }
    }
    const socket = new Mine(base);
    return after(socket, [socket.mine, socket instanceof Socket, socket.readyState, Mine.OPEN]);
  },
};
