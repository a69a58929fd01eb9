// The server is asked to end, says so to its clients, and is started again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { received } from "./account.mjs";
import { World } from "./world.mjs";

const END_WITHIN_MS = 15_000;

// PROTOCOL.md C-24.
test("a server that is shut down says goodbye, and the line carries on", async (t) => {
  const world = await World.start(t);
  const tab = await world.tabDirect();
  await tab.read("up");
  await tab.publish("up", 5);
  await tab.settled();
  await tab.told({ what: "entry", number: 5 });

  const askedAt = Date.now();
  const exitCode = await world.server.terminate();
  assert.equal(exitCode, 0, world.server.log);
  assert.ok(Date.now() - askedAt < END_WITHIN_MS, `ended after ${Date.now() - askedAt} ms`);
  const reason = "the server asked to connect anew: the server is shutting down";
  const goaway = { what: "state", reason };
  const asked = await tab.told(goaway, { since: askedAt });
  await tab.told({ what: "state", state: "waiting" }, { since: asked.at });
  await tab.publish("up", 5);

  await world.server.restart();
  await tab.told({ what: "state", state: "open" }, { since: asked.at });
  await tab.settled();
  await tab.told({ what: "entry", number: 10 });
  const log = await tab.log();
  assert.deepEqual(received(log, "up"), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const settled = log.filter(({ what }) => what === "settled");
  assert.ok(settled.every(({ outcome }) => outcome === "confirmed"), JSON.stringify(settled));
});
