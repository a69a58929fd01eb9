// A line of 20 kB/s, as on a bad mobile network, with more to carry than it can at once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertDelivered } from "./account.mjs";
import { World } from "./world.mjs";

const BYTES_PER_SECOND = 20_000;
const MESSAGES = 1_000;
const MESSAGE_BYTES = 64;

test("a slow line carries everything both ways without being taken for dead", async (t) => {
  const world = await World.start(t);
  await world.proxy.plan({ bytesPerSecond: BYTES_PER_SECOND });
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  await Promise.all([exposed.read("down"), calm.read("up")]);

  const start = Date.now();
  await Promise.all([exposed.publish("up", MESSAGES), calm.publish("down", MESSAGES)]);
  await Promise.all([exposed.settled(), calm.settled()]);
  await calm.told({ what: "entry", number: MESSAGES });
  await exposed.told({ what: "entry", number: MESSAGES });
  const took = Date.now() - start;
  const least = (1000 * MESSAGES * MESSAGE_BYTES) / BYTES_PER_SECOND;
  assert.ok(took > 0.8 * least, `took ${took} ms, so the line was not slow`);

  const [exposedLog, calmLog] = [await exposed.log(), await calm.log()];
  assertDelivered(exposedLog, calmLog, "up");
  assertDelivered(calmLog, exposedLog, "down");
  const { connections, retransmitted } = await exposed.stats();
  t.diagnostic(JSON.stringify({ took, connections, retransmitted }));
  assert.equal(connections, 1, "the line was given up although it moved");
});
