// A plain WebSocket server that does as it is told: it echoes, and obeys a few commands in text.
// The browser's own class talks to it directly, ReliableWebSocket through the bridge.

import { once } from "node:events";
import { createServer } from "node:http";

import { WebSocketServer } from "ws";

import { afterwards } from "../e2e/afterwards.mjs";

/** Starts a server on a free port. */
export async function listen(t, options = {}) {
  const http = createServer();
  const server = new WebSocketServer({ server: http, ...options });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  afterwards(t, () => {
    for (const client of server.clients) client.terminate();
    http.closeAllConnections();
    http.close();
  });
  return { server, host: `127.0.0.1:${http.address().port}` };
}

/** Starts the server of the cases, and returns its host. */
export async function serveCases(t) {
  const { server, host } = await listen(t, {
    verifyClient: ({ req }) => !req.url.startsWith("/refuse"),
    handleProtocols: (offered, { url }) => {
      if (url.startsWith("/choose-none")) return false;
      return offered.has("chosen") ? "chosen" : [...offered][0];
    },
  });
  server.on("connection", obey);
  return host;
}

/** Counts in `counts` what goes over a server's socket, both ways. */
export function countSocket(socket, counts) {
  counts.connections += 1;
  socket.on("message", () => (counts.received += 1));
  const { send } = socket;
  socket.send = (...given) => {
    counts.sent += 1;
    send.apply(socket, given);
  };
}

function obey(socket, { url }) {
  if (url.startsWith("/greet")) {
    socket.send("first");
    socket.send(Buffer.from([2]));
  }
  if (url.startsWith("/greet-and-close")) socket.close(4001, "greeted");
  socket.on("message", (data, isBinary) => {
    if (isBinary) socket.send(data);
    else command(socket, data.toString());
  });
}

function command(socket, text) {
  const [word, number, reason] = text.split(" ");
  if (word === "close") socket.close(number && Number(number), reason);
  else if (word === "terminate") socket.terminate();
  else if (word === "burst") for (let n = 0; n < Number(number); n += 1) socket.send(`${n}`);
  else socket.send(text);
}
