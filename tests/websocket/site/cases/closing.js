// How sockets end.

import { attempt, once, opened, record, settled } from "../describe.js";

/** What `close(...args)` throws on an open socket, else the CloseEvent. */
async function closed(Socket, base, ...args) {
  const socket = await opened(Socket, base);
  const thrown = attempt(() => socket.close(...args));
  const state = socket.readyState;
  if (state === 1) socket.close();
  const { code, reason, wasClean } = await once(socket, "close");
  return [thrown, state, state === 2 && [code, reason, wasClean]];
}

/** All that is told after a command to the server. */
async function told(Socket, base, command) {
  const socket = await opened(Socket, base);
  const log = record(socket);
  socket.send(command);
  await once(socket, "close");
  await settled();
  return log;
}

const throwing = { valueOf() { throw new RangeError("mine"); }, toString: () => "text" };
const ARGUMENTS = {
  "nothing": [],
  "undefined": [undefined],
  "undefined twice": [undefined, undefined],
  "1000": [1000],
  "3000": [3000],
  "4999": [4999],
  "code and reason": [3001, "because"],
  "code and an empty reason": [3001, ""],
  "code and undefined": [3001, undefined],
  "a reason that is null": [3001, null],
  "a reason that is a number": [3001, 42],
  "a reason with a lone surrogate": [3001, "a\ud800"],
  "a reason of 123 bytes": [3001, "x".repeat(123)],
  "a reason of 124 bytes": [3001, "x".repeat(124)],
  "a reason of 124 bytes in 62 characters": [3001, "\u00e9".repeat(62)],
  "a reason that is a symbol": [3001, Symbol("x")],
  "a reason without a code": [undefined, "because"],
  "a long reason without a code": [undefined, "x".repeat(124)],
  "a bad code and a long reason": [1, "x".repeat(124)],
  "0": [0],
  "999": [999],
  "1001": [1001],
  "1005": [1005],
  "1006": [1006],
  "2999": [2999],
  "5000": [5000],
  "-1": [-1],
  "65536 + 3000": [68_536],
  "null": [null],
  "NaN": [NaN],
  "true": [true],
  "text with a number": ["3001"],
  "text without a number": ["x"],
  "999.5": [999.5],
  "1000.4": [1000.4],
  "1000.5": [1000.5],
  "1000.6": [1000.6],
  "2999.5": [2999.5],
  "4999.5": [4999.5],
  "an object": [{}],
  "an object that throws": [throwing],
  "a symbol": [Symbol("x")],
  "a bigint": [3001n],
};

export default {
  ...Object.fromEntries(Object.entries(ARGUMENTS).map(([name, args]) => [
    `close: ${name}`, (Socket, base) => closed(Socket, base, ...args),
  ])),
  "while connecting": async (Socket, base) => {
    const socket = new Socket(base);
    const log = record(socket);
    socket.close(3001, "never mind");
    const state = socket.readyState;
    await once(socket, "close");
    await settled();
    return [state, log];
  },
  "while connecting, with a bad code": async (Socket, base) => {
    const socket = new Socket(base);
    const thrown = attempt(() => socket.close(1));
    const state = socket.readyState;
    socket.close();
    return [thrown, state, attempt(() => socket.close(1))];
  },
  "twice": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const log = record(socket);
    socket.close(3001, "first");
    socket.close(3002, "second");
    await once(socket, "close");
    socket.close(3003, "third");
    await settled();
    return [log, socket.readyState];
  },
  "close returns nothing": async (Socket, base) => (await opened(Socket, base)).close(),
  "what was sent before arrives": async (Socket, base) => {
    const socket = await opened(Socket, base);
    for (let n = 0; n < 50; n += 1) socket.send(`${n}`);
    socket.send(new Blob(["close 4002 obeyed"]));
    socket.send("close 4003 obeyed");
    socket.close(3001, "too late");
    const { wasClean } = await once(socket, "close");
    return wasClean;
  },
  "what comes while closing is not told": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const log = record(socket);
    socket.send("burst 50");
    socket.close();
    await once(socket, "close");
    return log;
  },
  "in the midst of messages": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const log = record(socket, { message: ({ data }) => data === "2" && socket.close(3001, "stop") });
    socket.send("burst 50");
    await once(socket, "close");
    return log;
  },
  "in onopen": async (Socket, base) => {
    const socket = new Socket(base);
    const log = record(socket, { open: () => socket.close() });
    await once(socket, "close");
    return log;
  },
  "by the server": (...to) => told(...to, "close"),
  "by the server, 1000": (...to) => told(...to, "close 1000"),
  "by the server, 1000 with a reason": (...to) => told(...to, "close 1000 done"),
  "by the server, 1011": (...to) => told(...to, "close 1011 oops"),
  "by the server, 1012": (...to) => told(...to, "close 1012"),
  "by the server, 3000": (...to) => told(...to, "close 3000"),
  "by the server, 4403": (...to) => told(...to, "close 4403 forbidden"),
  "by the server, behind messages": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const log = record(socket);
    socket.send("burst 20");
    socket.send("close 4001 end");
    await once(socket, "close");
    return log;
  },
  "by the server, which just goes": (...to) => told(...to, "terminate"),
  "by both": async (Socket, base) => {
    const socket = await opened(Socket, base);
    const log = record(socket);
    socket.send("close 4001 mine");
    socket.close(4002, "yours");
    await once(socket, "close");
    await settled();
    return log.map(([type, state]) => [type, state]);
  },
};
