// Attributes over the life of a socket.

import { after, attempt, once, opened, settled } from "../describe.js";

const state = ({ readyState, protocol, extensions, binaryType, bufferedAmount }) => [
  readyState, protocol, extensions, binaryType, bufferedAmount,
];
const handlers = ({ onopen, onmessage, onerror, onclose }) => [onopen, onmessage, onerror, onclose];

async function setBinaryType(Socket, base, value) {
  const socket = new Socket(base);
  const thrown = attempt(() => void (socket.binaryType = value));
  return after(socket, [thrown, socket.binaryType]);
}

async function setHandler(Socket, base, value) {
  const socket = new Socket(base);
  socket.onmessage = () => {};
  socket.onmessage = value;
  return after(socket, [typeof socket.onmessage, socket.onmessage === value]);
}

/** How much is buffered right after `send`, and once the echo has come and a moment passed. */
async function buffered(Socket, base, data) {
  const socket = await opened(Socket, base);
  const before = socket.bufferedAmount;
  const echo = once(socket, "message");
  socket.send(data);
  const amounts = [before, socket.bufferedAmount];
  await echo;
  await settled();
  return after(socket, [...amounts, socket.bufferedAmount]);
}

export default {
  "while connecting": async (Socket, base) => {
    const socket = new Socket(base);
    return after(socket, [state(socket), handlers(socket)]);
  },
  "when open": async (Socket, base) => state(await opened(Socket, base)),
  "when closing": async (Socket, base) => {
    const socket = await opened(Socket, base);
    socket.close();
    return state(socket);
  },
  "when closed": async (Socket, base) => {
    const socket = await opened(Socket, base, ["a", "chosen"]);
    socket.close();
    await once(socket, "close");
    return state(socket);
  },
  "the one protocol is agreed on": async (Socket, base) => {
    const socket = await opened(Socket, base, "only");
    return after(socket, state(socket));
  },
  "the server chooses the protocol": async (Socket, base) => {
    const socket = await opened(Socket, base, ["a", "chosen", "b"]);
    return after(socket, state(socket));
  },
  "binaryType: arraybuffer": (...to) => setBinaryType(...to, "arraybuffer"),
  "binaryType: another word": (...to) => setBinaryType(...to, "text"),
  "binaryType: in capitals": (...to) => setBinaryType(...to, "Blob"),
  "binaryType: null": (...to) => setBinaryType(...to, null),
  "binaryType: a symbol": (...to) => setBinaryType(...to, Symbol("x")),
  "binaryType: an object with toString": (...to) =>
    setBinaryType(...to, { toString: () => "arraybuffer" }),
  "a handler: null": (...to) => setHandler(...to, null),
  "a handler: undefined": (...to) => setHandler(...to, undefined),
  "a handler: a number": (...to) => setHandler(...to, 1),
  "a handler: a string": (...to) => setHandler(...to, "alert(1)"),
  "a handler: an object": (...to) => setHandler(...to, {}),
  "a handler: a function": (...to) => setHandler(...to, () => {}),
  "buffered: text": (...to) => buffered(...to, "abc"),
  "buffered: text of several bytes a character": (...to) => buffered(...to, "\u00e9\u{1F600}"),
  "buffered: nothing": (...to) => buffered(...to, ""),
  "buffered: a buffer": (...to) => buffered(...to, new ArrayBuffer(5)),
  "buffered: a view": (...to) => buffered(...to, new Uint16Array(4).subarray(1)),
  "buffered: a Blob": (...to) => buffered(...to, new Blob(["1234567"])),
  "buffered: several": async (Socket, base) => {
    const socket = await opened(Socket, base);
    socket.send("12");
    socket.send(new Blob(["345"]));
    socket.send(new Uint8Array(4));
    return after(socket, socket.bufferedAmount);
  },
  "buffered: sent after close": async (Socket, base) => {
    const socket = await opened(Socket, base);
    socket.close();
    socket.send("12");
    const closing = socket.bufferedAmount;
    await once(socket, "close");
    socket.send(new Uint8Array(3));
    socket.send(new Blob(["1234"]));
    return [closing, socket.bufferedAmount];
  },
};
