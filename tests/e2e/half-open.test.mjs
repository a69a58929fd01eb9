// A connection that is open at both ends and carries nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertDelivered } from "./account.mjs";
import { World } from "./world.mjs";

/** The product's promise. */
const BACK_WITHIN_MS = 5_000;
/** A heartbeat, a probe, and what a busy machine adds. */
const FOUND_WITHIN_MS = 60_000;

// PROTOCOL.md C-14, C-16, C-17.
test("half-open with traffic is found and replaced in under 5 s", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  await calm.read("up");
  await exposed.publishSteadily("up", 4);
  await exposed.told({ what: "settled", number: 4 });

  const stalledAt = Date.now();
  await world.proxy.act("exposed", "stall");
  const next = await exposed.told({ what: "published" }, { since: stalledAt + 1 });
  const left = await exposed.told({ what: "state" }, { since: stalledAt });
  const open = await exposed.told({ what: "state", state: "open" }, { since: stalledAt });
  const confirmed = await exposed.told({ what: "settled", number: next.number });

  const times = { left: left.at, open: open.at, confirmed: confirmed.at };
  Object.keys(times).forEach((key) => (times[key] -= stalledAt));
  t.diagnostic(JSON.stringify({ reason: left.reason, millisecondsAfterStall: times }));
  assert.equal(confirmed.outcome, "confirmed");
  assert.ok(times.open < BACK_WITHIN_MS, `open again after ${times.open} ms`);
  assert.ok(times.confirmed < BACK_WITHIN_MS, `confirmed after ${times.confirmed} ms`);

  await exposed.stopPublishing();
  await exposed.settled();
  const last = (await exposed.log()).findLast(({ what }) => what === "published");
  await calm.told({ what: "entry", number: last.number });
  assertDelivered(await exposed.log(), await calm.log(), "up");
});

for (const direction of ["up", "down"]) {
  test(`half-open only ${direction} is found too`, async (t) => {
    const world = await World.start(t);
    const exposed = await world.tabThroughProxy("exposed");
    await exposed.read("topic");
    await exposed.publish("topic", 3);
    await exposed.settled();

    const stalledAt = Date.now();
    await world.proxy.act("exposed", `stall?direction=${direction}`);
    await exposed.publish("topic", 3);
    const confirmed = await exposed.told({ what: "settled", number: 6 });
    assert.ok(confirmed.at - stalledAt < BACK_WITHIN_MS, `after ${confirmed.at - stalledAt} ms`);
    await exposed.told({ what: "entry", number: 6 });
    const log = await exposed.log();
    assertDelivered(log, log, "topic");
  });
}

// PROTOCOL.md C-14, C-16, C-17.
test("half-open while only reading is found by the heartbeat", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  await exposed.read("down");
  await calm.publish("down", 5);
  await exposed.told({ what: "entry", number: 5 });

  const stalledAt = Date.now();
  await world.proxy.act("exposed", "stall");
  await calm.publish("down", 5);
  const since = { since: stalledAt, within: FOUND_WITHIN_MS };
  const left = await exposed.told({ what: "state" }, since);
  const open = await exposed.told({ what: "state", state: "open" }, since);
  t.diagnostic(JSON.stringify({ left: left.at - stalledAt, open: open.at - stalledAt }));
  await exposed.told({ what: "entry", number: 10 });
  assertDelivered(await calm.log(), await exposed.log(), "down");
});
