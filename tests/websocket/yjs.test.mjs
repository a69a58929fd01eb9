// Yjs's y-websocket provider, unmodified, over ReliableWebSocket through a storm of cuts.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { docs, setupWSConnection } from "@y/websocket-server/utils";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import { afterwards } from "../e2e/afterwards.mjs";
import { countSocket, listen } from "./backend.mjs";
import { STORM, STORM_MS, World } from "./world.mjs";

const EVERY_MS = 10;
const SOON_MS = 30_000;

test("a document stays whole, without a single resync", async (t) => {
  const server = { sent: 0, received: 0, connections: 0 };
  const { server: plain, host: backend } = await listen(t);
  // Else their timers would keep this process from ending.
  afterwards(t, () => docs.forEach((doc) => doc.destroy()));
  plain.on("connection", (socket, request) => {
    // The peer in this process names itself; the other one comes through the bridge.
    if (!request.url.includes("peer=")) countSocket(socket, server);
    setupWSConnection(socket, request);
  });
  const world = await World.start(t, backend);
  const page = await world.page(t, world.proxy.origin);
  const peer = openPeer(t, backend);
  if (!peer.provider.synced) await once(peer.provider, "sync");
  await page.evaluate(openDocument, `${world.proxy.origin.replace("http", "ws")}/line`);

  await world.proxy.plan(STORM);
  await page.evaluate((every) => editor.begin(every), EVERY_MS);
  let written = 0;
  const timer = setInterval(() => peer.doc.getArray("down").push([written++]), EVERY_MS);
  await pause(STORM_MS);
  clearInterval(timer);
  const pushed = await page.evaluate(() => editor.end());
  await world.proxy.heal();
  const { cuts } = await world.proxy.state("yjs");

  const deadline = Date.now() + SOON_MS;
  const read = () => page.evaluate(() => editor.seen());
  let seen = await read();
  // Yjs's server sends the page its own updates back: they are under way when all else is there.
  while (
    (seen.down.length < written || peer.doc.getArray("up").length < pushed || seen.buffered > 0 ||
      seen.counts.received < server.sent) &&
    Date.now() < deadline
  ) {
    await pause(50);
    seen = await read();
  }
  const upTo = (count) => Array.from({ length: count }, (_, n) => n);
  t.diagnostic(JSON.stringify({ cuts, pushed, written, server, page: seen.counts }));
  assert.deepEqual(peer.doc.getArray("up").toArray(), upTo(pushed), "what the page wrote");
  assert.deepEqual(seen.down, upTo(written), "what the peer wrote");
  assert.equal(seen.counts.sent, server.received, "messages from the page");
  assert.equal(server.sent, seen.counts.received, "messages to the page");
  assert.deepEqual(seen.statuses, ["connected"], "what the provider told of its connection");
  assert.equal(server.connections, 1, "connections to Yjs's own server");
  assert.ok(cuts >= 8, `only ${cuts} cuts`);
  assert.ok(pushed > 300 && written > 300, `${pushed} and ${written} written`);
});

/** A peer with a plain WebSocket, beside the storm. */
function openPeer(t, backend) {
  const doc = new Y.Doc();
  const options = { WebSocketPolyfill: WebSocket, params: { peer: "calm" }, disableBc: true };
  const provider = new WebsocketProvider(`ws://${backend}`, "room", doc, options);
  afterwards(t, () => {
    provider.destroy();
    doc.destroy();
  });
  return { doc, provider };
}

/** In the page: a document that a provider keeps in step. */
async function openDocument(url) {
  const { Counted, counts } = await import("/counted.js");
  const { WebsocketProvider, Y } = await import("/libraries.js");
  const statuses = [];
  const doc = new Y.Doc();
  const options = { WebSocketPolyfill: Counted, params: { lab: "yjs" }, disableBc: true };
  const provider = new WebsocketProvider(url, "room", doc, options);
  provider.on("status", ({ status }) => statuses.push(status));
  await new Promise((resolve) => provider.once("sync", resolve));
  const up = doc.getArray("up");
  let timer;
  window.editor = {
    begin: (every) => (timer = setInterval(() => up.push([up.length]), every)),
    end: () => (clearInterval(timer), up.length),
    seen: () => ({
      down: doc.getArray("down").toArray(), buffered: Counted.newest.bufferedAmount, counts, statuses,
    }),
  };
}
