// How sockets end that the server's line ends: an open one by `close` alone, as in browsers; one that
// never opened by `error` and `close`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { WebSocket } from "ws";

import { HostileServer, hex } from "../package/hostile-server.mjs";
import { install } from "../package/installed.mjs";

/** The reply to the first message, by which a socket opens: `null`, as JSON. */
const OPENED = hex("49 00 01 05 01 6e 75 6c 6c");
/** Close codes after which a line ends. */
const CODES = { "credentials refused": 4200, "session of another identity": 4301, ended: 4303, "of later": 4399 };

test("a line that the server ends", async (t) => {
  const folder = await install(t);
  const file = join(folder, "node_modules/tautline/node-websocket.js");
  const { ReliableWebSocket } = await import(pathToFileURL(file).href);
  const server = await HostileServer.start(t);
  for (const isOpen of [true, false]) {
    for (const [name, code] of Object.entries(CODES)) {
      await t.test(`${name}, ${isOpen ? "when open" : "before"}`, async () => {
        server.treat(async (peer) => {
          await peer.welcome();
          if (isOpen) await peer.packet(OPENED);
          await peer.close(code, Buffer.from("why"));
        });
        const socket = new ReliableWebSocket(server.url, [], { WebSocket, credentials: "x" });
        const told = [];
        for (const type of ["open", "error", "close"]) {
          socket.addEventListener(type, ({ code }) => told.push([type, socket.readyState, code]));
        }
        await once(socket, "close");
        const before = isOpen ? ["open", 1, undefined] : ["error", 3, undefined];
        assert.deepEqual(told, [before, ["close", 3, code]]);
      });
    }
  }
});
