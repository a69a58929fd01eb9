// What is sent, and what comes back from a server that echoes.

import { after, attempt, once, opened } from "../describe.js";

/** A received payload as plain data. */
async function plain(data) {
  if (typeof data === "string") return data;
  const isBlob = data instanceof Blob;
  const bytes = [...new Uint8Array(isBlob ? await data.arrayBuffer() : data)];
  return [Object.prototype.toString.call(data), isBlob ? data.type : "", bytes];
}

/** Sends all, and returns the echoes in their order. */
async function echoes(Socket, base, payloads, binaryType = "arraybuffer") {
  const socket = await opened(Socket, base);
  socket.binaryType = binaryType;
  const seen = [];
  const all = new Promise((resolve) => {
    socket.onmessage = ({ data }) => seen.push(data) === payloads.length && resolve();
  });
  for (const payload of payloads) socket.send(payload);
  await all;
  return after(socket, await Promise.all(seen.map(plain)));
}

async function sendThrows(Socket, base, ...args) {
  const socket = await opened(Socket, base);
  return after(socket, attempt(() => socket.send(...args)));
}

function shared() {
  return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
}

/** The same class of another frame of this page. */
function foreign(name) {
  const frame = document.createElement("iframe");
  document.body.append(frame);
  return frame.contentWindow[name];
}

const bytes = () => new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]);
const PAYLOADS = {
  "text": ["hello", "", "\u00e9\u{1F600}\u0000", "\ufeffmark"],
  "lone surrogates": ["a\ud800b", "\udc00"],
  "numbers": [5, -0, 1.5, NaN, 10n],
  "other values": [null, undefined, true],
  "objects": [{}, [1, 2], { toString: () => "mine" }, new String("boxed"), /x/],
  "a function": [function mine() {}],
  "a buffer": [bytes().buffer],
  "an empty buffer": [new ArrayBuffer(0)],
  "views": [
    bytes(), new Int8Array(bytes().buffer, 2, 3), new Uint16Array([1, 256]), new DataView(bytes().buffer, 1, 2),
    new Float64Array([1]), new BigInt64Array([2n]), new Uint8ClampedArray([300]), bytes().subarray(6),
  ],
  "a Blob": [new Blob(["some ", bytes()], { type: "text/plain" })],
  "an empty Blob": [new Blob([])],
  "a File": [new File(["file"], "name.txt")],
};

export default {
  ...Object.fromEntries(Object.entries(PAYLOADS).map(([name, payloads]) => [
    `echo: ${name}`, (Socket, base) => echoes(Socket, base, payloads),
  ])),
  "echo: as Blobs": (...to) => echoes(...to, [bytes(), new Blob(["x"]), "text", new Blob([])], "blob"),
  "echo: bytes of another frame": (...to) => {
    const Buffer = foreign("ArrayBuffer");
    const View = foreign("Uint8Array");
    const OtherBlob = foreign("Blob");
    return echoes(...to, [new Buffer(2), new View([7]), new OtherBlob(["y"])]);
  },
  "echo: a SharedArrayBuffer is no bytes": (...to) => echoes(...to, [shared()]),
  "order: Blobs, text and bytes": (...to) =>
    echoes(...to, [
      "1", new Blob(["x".repeat(500_000)]).slice(0, 3), new Uint8Array([4]), new Blob(["5"]), "6",
      new Blob(["y".repeat(200_000)]).slice(1, 2), "8",
    ]),
  "order: five hundred of one turn": (...to) =>
    echoes(...to, Array.from({ length: 500 }, (_, n) => `${n}`)),
  "a large text": async (Socket, base) => {
    const [text] = await echoes(Socket, base, ["\u00e9".repeat(300_000)]);
    return [text.length, text.replaceAll("\u00e9", "")];
  },
  "bytes that change after send": async (Socket, base) => {
    const socket = await opened(Socket, base);
    socket.binaryType = "arraybuffer";
    const seen = [];
    const all = new Promise((resolve) => {
      socket.onmessage = ({ data }) => seen.push([...new Uint8Array(data)]) === 3 && resolve();
    });
    const view = new Uint8Array([1]);
    socket.send(view);
    view[0] = 2;
    socket.send(new Blob([view]));
    view[0] = 3;
    socket.send(view);
    view[0] = 4;
    await all;
    return after(socket, seen);
  },
  "binaryType changes between two messages": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const kinds = [];
    const both = new Promise((resolve) => {
      socket.onmessage = ({ data }) => {
        kinds.push(Object.prototype.toString.call(data));
        socket.binaryType = "arraybuffer";
        if (kinds.length === 2) resolve();
      };
    });
    socket.send(bytes());
    socket.send(bytes());
    await both;
    return after(socket, kinds);
  },
  "throws: no argument": (...to) => sendThrows(...to),
  "throws: a symbol": (...to) => sendThrows(...to, Symbol("x")),
  "throws: an object without text": (...to) => sendThrows(...to, Object.create(null)),
  "throws: a toString that throws": (...to) =>
    sendThrows(...to, { toString() { throw new RangeError("mine"); } }),
  "throws: a view on shared memory": (...to) => sendThrows(...to, new Uint8Array(shared())),
  "throws: while connecting": (Socket, base) => {
    const socket = new Socket(base);
    return after(socket, [attempt(() => socket.send("x")), socket.bufferedAmount]);
  },
  "throws: no argument while connecting": (Socket, base) => {
    const socket = new Socket(base);
    return after(socket, attempt(() => socket.send()));
  },
  "throws: a symbol while connecting": (Socket, base) => {
    const socket = new Socket(base);
    return after(socket, attempt(() => socket.send(Symbol("x"))));
  },
  "send returns nothing": async (Socket, base) => {
    const socket = await opened(Socket, base);
    return after(socket, [socket.send("x"), socket.send(new Blob(["x"])), socket.send("x", 1, 2)]);
  },
  "send when closing and closed": async (Socket, base) => {
    const socket = await opened(Socket, base);
    socket.close();
    const closing = attempt(() => socket.send("x"));
    await once(socket, "close");
    return [closing, attempt(() => socket.send("x")), attempt(() => socket.send())];
  },
};
