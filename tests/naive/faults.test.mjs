// What else happens to connections and sessions, with the naive client.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { assertDelivered, outcomes, received } from "../e2e/account.mjs";
import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { NaiveClient } from "./client.mjs";
import { startWorld, until } from "./line.mjs";

const UNCERTAIN = 20;
const WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, 1.3
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

for (const stall of ["stall", "stall?direction=up", "stall?direction=down"]) {
  test(`a half-open connection is found and replaced (${stall})`, async (t) => {
    const { proxy, exposed, calm } = await startWorld(t, setting("TAUTLINE_SERVER"));
    await Promise.all([calm.read("up"), exposed.read("down")]);
    exposed.post("publish", "up", 3);
    await exposed.settled();
    const { roundTrip } = exposed.client.seen;
    await proxy.act("exposed", stall);
    const stalledAt = performance.now();
    exposed.post("publish", "up", 3);
    calm.post("publish", "down", 3);
    await Promise.all([exposed.settled(), calm.settled()]);
    const took = Math.round(performance.now() - stalledAt);
    t.diagnostic(`confirmed ${took} ms after the stall, with a round trip of ${roundTrip} ms`);
    // What the old connection held comes to the server only now, and is not handled.
    await proxy.act("exposed", "flow");
    exposed.post("publish", "up");
    await Promise.all([calm.received("up", 7), exposed.received("down", 3), exposed.settled()]);
    assertDelivered(exposed.log, calm.log, "up");
    assertDelivered(calm.log, exposed.log, "down");
    assert.equal(exposed.client.seen.live, 2);
  });
}

test("a lost session is told, and what is uncertain is sent again", async (t) => {
  const { server, proxy, exposed, calm } = await startWorld(t, setting("TAUTLINE_SERVER"));
  await calm.read("up");
  exposed.post("publish", "up");
  await exposed.settled();
  await proxy.act("exposed", "stall?direction=down");
  exposed.post("publish", "up", UNCERTAIN);
  await calm.received("up", 1 + UNCERTAIN);
  assert.equal(exposed.unsettled, UNCERTAIN, "confirmations passed the stall");
  await server.kill();
  await proxy.act("exposed", "reset");
  await server.restart();
  await exposed.settled();
  exposed.post("publish", "up");
  await exposed.settled();
  await calm.received("up", 2 + UNCERTAIN);

  const { seen } = exposed.client;
  t.diagnostic(JSON.stringify(seen));
  assert.deepEqual(seen.losses, [3]);
  const settled = outcomes(exposed.log, "up");
  assert.deepEqual(settled.map(({ number }) => number), range(1, 2 + UNCERTAIN));
  assert.ok(settled.every(({ outcome }) => outcome === "confirmed"));
  const [gap, ...more] = calm.client.seen.gaps;
  assert.deepEqual([gap.topic, gap.anew, more], ["up", true, []]);
  const [before, after] = [received(calm.log, "up").slice(0, 1 + UNCERTAIN),
    received(calm.log, "up").slice(1 + UNCERTAIN)];
  assert.deepEqual(before, range(1, 1 + UNCERTAIN));
  // What had not reached the new log when the reader came back, it was told to be missing.
  assert.deepEqual(after, range(3 + UNCERTAIN - after.length, 2 + UNCERTAIN));
});

test("a server that ends says so, and the line carries on with the next", async (t) => {
  const { server, calm } = await startWorld(t, setting("TAUTLINE_SERVER"));
  await calm.read("up");
  calm.post("publish", "up", 5);
  await calm.received("up", 5);
  assert.equal(await server.terminate(), 0, server.log);
  await until(() => calm.client.state !== "live", "the client leaves");
  calm.post("publish", "up", 5);
  await server.restart();
  await calm.settled();
  await calm.received("up", 10);
  assertDelivered(calm.log, calm.log, "up");
});

// PROTOCOL.md C-43.
test("a handshake that is refused is tried again, whatever the server says", async (t) => {
  const { calm } = await startWorld(t, setting("TAUTLINE_SERVER"));
  const accepted = (key) => createHash("sha1").update(`${key}${WEBSOCKET}`).digest("base64");
  const answers = [() => "403 Forbidden", () => "404 Not Found", () => "503 Service Unavailable",
    (key) => "101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + `Sec-WebSocket-Accept: ${accepted(key)}\r\nSec-WebSocket-Protocol: chat`];
  const refusing = createServer();
  const told = new Promise((resolve) => {
    refusing.on("upgrade", (request, socket) => {
      assert.equal(request.headers["sec-websocket-protocol"], "tautline.1");
      const answer = answers.shift();
      socket.end(`HTTP/1.1 ${answer(request.headers["sec-websocket-key"])}\r\n\r\n`);
      if (answers.length === 0) resolve();
    });
  });
  afterwards(t, () => refusing.close());
  await once(refusing.listen(0, "127.0.0.1"), "listening");
  const client = new NaiveClient(`ws://127.0.0.1:${refusing.address().port}/`);
  afterwards(t, () => client.close());
  const kept = client.post("publish", "kept", "room");
  await told;
  client.url = calm.client.url;
  assert.equal(await kept, undefined);
});

test("credentials that are refused end the line, and good ones do not", async (t) => {
  const server = new Server(setting("TAUTLINE_SERVER"), ["--token", "right"]);
  afterwards(t, () => server.kill());
  await server.start();
  const url = `${server.origin.replace("http", "ws")}/line`;
  const [wrong, right] = ["wrong", "right"].map((token) => new NaiveClient(url, token));
  afterwards(t, () => right.close());
  await assert.rejects(wrong.post("publish", "hello", "room"), /ended with 4200/);
  assert.equal(await right.post("publish", "hello", "room"), undefined);
  await assert.rejects(right.post("request", "hello"), /: /, "the program refuses requests");
});
