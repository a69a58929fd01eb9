// A plain WebSocket server that does as it is told: it echoes, and obeys a few commands in text.
// The browser's own class talks to it directly, ReliableWebSocket through the bridge.

import { once } from "node:events";
import { createServer } from "node:http";

import { WebSocketServer } from "ws";

/** Starts a server on a free port; `accept` gets every socket, and the request it came with. */
export async function serve(t, accept, options = {}) {
  const http = createServer();
  const server = new WebSocketServer({ server: http, ...options });
  server.on("connection", accept);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => {
    for (const client of server.clients) client.terminate();
    http.closeAllConnections();
    http.close();
  });
  return `127.0.0.1:${http.address().port}`;
}

/** The server of the cases. */
export function serveCases(t) {
  return serve(t, obey, {
    verifyClient: ({ req }) => !req.url.startsWith("/refuse"),
    handleProtocols: (offered, { url }) => {
      if (url.startsWith("/choose-none")) return false;
      return offered.has("chosen") ? "chosen" : [...offered][0];
    },
  });
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
