// The server with the memory engine is killed and started again: it has lost every session.

import assert from "node:assert/strict";
import { test } from "node:test";

import { outcomes, received } from "./account.mjs";
import { World } from "./world.mjs";

const UNCERTAIN = 20;

/**
 * Brings about messages whose fate nobody can know: the server has them, the confirmations are
 * held back on their way, the server dies. Returns the tabs and the time of death.
 */
async function loseSession(world, options) {
  const exposed = await world.tabThroughProxy("exposed", options);
  const calm = await world.tabDirect();
  await calm.read("up");
  await exposed.publish("up");
  await exposed.settled();
  await world.proxy.act("exposed", "stall?direction=down");
  await exposed.publish("up", UNCERTAIN);
  await calm.told({ what: "entry", number: 1 + UNCERTAIN });
  const settled = outcomes(await exposed.log(), "up").length;
  assert.equal(settled, 1, "confirmations passed the stall");
  const diedAt = Date.now();
  await world.server.kill();
  await world.proxy.act("exposed", "reset");
  await world.server.restart();
  return { exposed, calm, diedAt };
}

/** What the page was told after `diedAt`, but for the attempts to connect. */
function toldAfter(log, diedAt) {
  const attempts = ["waiting", "connecting"];
  return log.filter(({ at, state }) => at >= diedAt && !attempts.includes(state));
}

/** The line works: a new message is confirmed, and reaches the other tab behind the gap. */
async function assertUsable(exposed, calm, diedAt) {
  await exposed.publish("up");
  await exposed.settled();
  const number = 2 + UNCERTAIN;
  await calm.told({ what: "entry", number });
  const log = await calm.log();
  const begins = log.findIndex(({ what, at }) => what === "gap" && at >= diedAt);
  assert.ok(begins > 0 && log[begins].reset, "the reader was told that the topic began anew");
  assert.deepEqual(received(log.slice(0, begins), "up"), range(1, 1 + UNCERTAIN));
  return received(log.slice(begins), "up");
}

function range(from, to) {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

// PROTOCOL.md C-11, R-6, R-12.
test("a lost session is told first, and uncertain messages are sent again", async (t) => {
  const world = await World.start(t);
  const { exposed, calm, diedAt } = await loseSession(world);
  await exposed.settled();
  const log = await exposed.log();
  const [first, ...rest] = toldAfter(log, diedAt);
  assert.equal(first.what, "lost", JSON.stringify(first));
  assert.equal(first.outcomeKnown, false);
  assert.ok(!rest.some(({ what }) => what === "lost"), "told twice");
  const settled = outcomes(log, "up");
  assert.deepEqual(settled.map(({ number }) => number), range(1, 1 + UNCERTAIN));
  assert.ok(settled.every(({ outcome }) => outcome === "confirmed"), JSON.stringify(settled));
  assert.deepEqual(await assertUsable(exposed, calm, diedAt), range(2, 2 + UNCERTAIN));
});

// PROTOCOL.md.
test("a lost session fails uncertain messages if that was asked for", async (t) => {
  const world = await World.start(t);
  const { exposed, calm, diedAt } = await loseSession(world, { whenUncertain: "fail" });
  await exposed.settled();
  const log = await exposed.log();
  const [first] = toldAfter(log, diedAt);
  assert.equal(first.what, "lost", JSON.stringify(first));
  const [certain, ...uncertain] = outcomes(log, "up");
  assert.equal(certain.outcome, "confirmed");
  assert.deepEqual(uncertain.map(({ number }) => number), range(2, 1 + UNCERTAIN));
  assert.ok(uncertain.every(({ outcome }) => outcome === "outcome-unknown"));
  assert.deepEqual(await assertUsable(exposed, calm, diedAt), [2 + UNCERTAIN]);
});

test("messages published while the server is down are confirmed when it is back", async (t) => {
  const world = await World.start(t);
  const tab = await world.tabDirect();
  await tab.read("up");
  await tab.publish("up", 3);
  await tab.told({ what: "entry", number: 3 });
  await world.server.kill();
  await tab.told({ what: "state", state: "waiting" });
  await tab.publish("up", 50);
  await world.server.restart();
  await tab.settled();
  await tab.told({ what: "entry", number: 53 });
  const log = await tab.log();
  assert.deepEqual(received(log, "up"), range(1, 53));
  assert.ok(outcomes(log, "up").every(({ outcome }) => outcome === "confirmed"));
});

test("a reader's position is one in the log that is there", async (t) => {
  const world = await World.start(t);
  const { page } = await world.tabThroughProxy("exposed");
  const before = await page.evaluate(async () => {
    const { line } = driver;
    window.topic = line.subscribe("positions");
    window.reached = async (offset, epoch) => {
      const isThere = () => topic.position?.offset === offset && topic.position.epoch !== epoch;
      while (!isThere()) await new Promise((resolve) => setTimeout(resolve, 20));
      return topic.position;
    };
    topic.addEventListener("message", () => {});
    await topic.ready;
    await Promise.all([1, 2, 3, 4, 5].map((n) => line.publish("positions", n)));
    return reached(5);
  });
  await world.server.kill();
  await world.server.restart();
  const after = await page.evaluate(async ({ epoch }) => {
    await reached(0, epoch);
    await driver.line.publish("positions", "first");
    return reached(1, epoch);
  }, before);
  assert.notEqual(after.epoch, before.epoch);
});
