// A new connection takes the session over while the old one still stands at the server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertDelivered } from "./account.mjs";
import { World } from "./world.mjs";

const ROUNDS = 3;

// PROTOCOL.md S-4.
test("what a superseded connection still brings is not handled", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  await Promise.all([calm.read("up"), exposed.read("down")]);
  await exposed.publishSteadily("up", 50);
  await calm.publishSteadily("down", 50);

  for (let round = 1; round <= ROUNDS; round += 1) {
    const stalledAt = Date.now();
    await world.proxy.act("exposed", "stall");
    const open = await exposed.told({ what: "state", state: "open" }, { since: stalledAt });
    const { open: connections, stalled } = await world.proxy.state("exposed");
    assert.deepEqual({ connections, stalled }, { connections: 2, stalled: 1 });
    // Only now does the old connection's traffic reach the server: all that was published while
    // it was stalled, for the second time.
    await world.proxy.act("exposed", "flow");
    const next = await exposed.told({ what: "published" }, { since: open.at + 500 });
    await exposed.told({ what: "settled", number: next.number });
  }

  await Promise.all([exposed.stopPublishing(), calm.stopPublishing()]);
  await Promise.all([exposed.settled(), calm.settled()]);
  await Promise.all([exposed.publish("up"), calm.publish("down")]);
  await Promise.all([exposed.settled(), calm.settled()]);
  await arrived(exposed, calm, "up");
  await arrived(calm, exposed, "down");
  const [exposedLog, calmLog] = [await exposed.log(), await calm.log()];
  const up = assertDelivered(exposedLog, calmLog, "up");
  const down = assertDelivered(calmLog, exposedLog, "down");
  const { connections, retransmitted } = await exposed.stats();
  t.diagnostic(JSON.stringify({ up, down, connections, retransmitted }));
  assert.equal(connections, 1 + ROUNDS);
  assert.ok(retransmitted > ROUNDS, "nothing was transmitted on both connections");
});

async function arrived(source, target, topic) {
  const { number } = (await source.log()).findLast(({ what }) => what === "published");
  await target.told({ what: "entry", topic, number });
}
