// Messages with a key or a ttl, and a line that is cut again and again, gone for a while, or slow.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { received } from "./account.mjs";
import { afterwards } from "./afterwards.mjs";
import { World } from "./world.mjs";

const BUFFERED_BYTES = 256 * 1024;
const PACKET_BYTES = 64 * 1024;

/** Publishes numbers from 1 to `count`, some at a time, and resolves with each one's outcome. */
function publishAll(tab, topic, count, options, every = 5) {
  return tab.page.evaluate(async (topic, count, options, every) => {
    const outcomes = [];
    for (let number = 1; number <= count; number += 1) {
      const settle = driver.line.publish(topic, `${number}`, options);
      outcomes.push(settle.then(() => "processed", (error) => error.code));
      if (number % 3 === 0) await new Promise((resolve) => setTimeout(resolve, every));
    }
    return Promise.all(outcomes);
  }, topic, count, options, every);
}

/** What was processed is what arrived: each once, in order. */
function assertHonest(outcomes, numbers) {
  const processed = outcomes.flatMap((outcome, at) => (outcome === "processed" ? [at + 1] : []));
  assert.deepEqual(numbers, processed);
}

test("of messages with one key the last arrives, and none that was superseded, through cuts", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  await calm.read("cursors");
  const cuts = setInterval(() => world.proxy.act("exposed", "cut").catch(() => {}), 400);
  afterwards(t, () => clearInterval(cuts));
  const count = 900;
  const outcomes = await publishAll(exposed, "cursors", count, { key: "me" });
  clearInterval(cuts);
  await calm.told({ what: "entry", number: count });
  assertHonest(outcomes, received(await calm.log(), "cursors"));
  const superseded = outcomes.filter((outcome) => outcome === "superseded").length;
  const stats = await exposed.stats();
  t.diagnostic(JSON.stringify({ superseded, reconnects: stats.reconnects }));
  assert.ok(superseded > 0, "nothing was superseded");
  assert.equal(stats.superseded, superseded);
  assert.ok(stats.reconnects["connection lost"] > 0, "the line was not cut");
  assert.equal(stats.queued + stats.unacknowledged, 0);
});

test("a message whose ttl is over while the line is away never arrives, the others do", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  await calm.read("late");
  await world.proxy.act("exposed", "offline");
  await exposed.told({ what: "state", state: "waiting" });
  const [short, long, none] = await exposed.page.evaluate(() => {
    const publish = (data, options) =>
      driver.line.publish("late", data, options).then(() => "processed", (error) => error.code);
    window.told = [publish("1", { ttl: 500 }), publish("2", { ttl: 120_000 }), publish("3")];
    return ["expired", "processed", "processed"];
  });
  await pause(2_000);
  assert.equal((await exposed.stats()).expired, 1);
  await world.proxy.act("exposed", "online");
  const told = await exposed.page.evaluate(() => Promise.all(window.told));
  assert.deepEqual(told, [short, long, none]);
  await calm.told({ what: "entry", number: 3 });
  assert.deepEqual(received(await calm.log(), "late"), [2, 3]);
});

test("messages with a ttl through cuts: what is told is what happened", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  await calm.read("ttl");
  const cuts = setInterval(() => world.proxy.act("exposed", "cut").catch(() => {}), 400);
  afterwards(t, () => clearInterval(cuts));
  const outcomes = await publishAll(exposed, "ttl", 900, { ttl: 30 });
  clearInterval(cuts);
  const last = outcomes.lastIndexOf("processed") + 1;
  await calm.told({ what: "entry", number: last });
  assertHonest(outcomes, received(await calm.log(), "ttl"));
  const expired = outcomes.filter((outcome) => outcome === "expired").length;
  const stats = await exposed.stats();
  t.diagnostic(JSON.stringify({ expired, connections: stats.connections }));
  assert.ok(expired > 0, "nothing expired");
  assert.equal(stats.expired, expired);
  assert.deepEqual(new Set(outcomes), new Set(["processed", "expired"]));
});

test("on a slow line the socket holds little, and the rest can still be taken back", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  await world.proxy.plan({ bytesPerSecond: 100_000 });
  const seen = await exposed.page.evaluate(async () => {
    const { line } = driver;
    while (line.state !== "open") await new Promise((resolve) => setTimeout(resolve, 10));
    const stop = new AbortController();
    const data = "x".repeat(1000);
    const sends = Array.from({ length: 4_000 }, () =>
      line.publish("slow", data, { signal: stop.signal })
        .then(() => "processed", (error) => error.name));
    const last = line.publish("slow", "last");
    // In this turn the socket gets all that it is to get, and nothing leaves it.
    await null;
    const first = line.stats();
    let most = first.buffered;
    const start = performance.now();
    while (performance.now() - start < 5_000) {
      most = Math.max(most, line.stats().buffered);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const before = line.stats();
    stop.abort();
    const { queued } = line.stats();
    const counts = {};
    for (const outcome of await Promise.all(sends)) counts[outcome] = (counts[outcome] ?? 0) + 1;
    await last;
    return { most, first, before, queued, counts, after: line.stats(), state: line.state };
  });
  t.diagnostic(JSON.stringify(seen));
  const { buffered, unacknowledged } = seen.first;
  assert.ok(buffered >= BUFFERED_BYTES, `the socket got only ${buffered} bytes`);
  assert.ok(unacknowledged * 1000 < BUFFERED_BYTES + PACKET_BYTES, `${unacknowledged} were handed over`);
  assert.ok(seen.most < BUFFERED_BYTES + 2 * PACKET_BYTES, `the socket held ${seen.most} bytes`);
  assert.ok(seen.counts.AbortError > 1_000, "what waited could be taken back");
  assert.equal(seen.queued, 1, "all that waited was taken back");
  assert.equal(seen.after.connections, 1, "the line was given up although it moved");
});
