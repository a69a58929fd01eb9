// No connection gets through for a while, and the application goes on sending.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { assertDelivered, outcomes } from "./account.mjs";
import { World } from "./world.mjs";

const OFFLINE_MS = 3_000;

test("what is sent offline waits, and is confirmed in order when back", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  await calm.read("up");
  await exposed.publish("up", 10);
  await exposed.settled();

  const offlineAt = Date.now();
  await world.proxy.act("exposed", "offline");
  await exposed.told({ what: "state", state: "waiting" }, { since: offlineAt });
  await exposed.publish("up", 200);
  await pause(OFFLINE_MS);
  assert.equal(outcomes(await exposed.log(), "up").length, 10, "settled while offline");
  assert.equal((await exposed.stats()).queued, 200);
  assert.notEqual(await exposed.state(), "open");

  await world.proxy.act("exposed", "online");
  await exposed.settled();
  await calm.told({ what: "entry", number: 210 });
  assertDelivered(await exposed.log(), await calm.log(), "up");
  const { refused } = await world.proxy.state("exposed");
  assert.ok(refused > 0, "the line made no attempt while offline");
});
