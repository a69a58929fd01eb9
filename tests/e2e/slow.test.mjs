// Something large on a line that is slow, and not dead.

import assert from "node:assert/strict";
import { test } from "node:test";

import { World } from "./world.mjs";

/** Publishes a text of so many bytes; resolves when it is processed. */
function publishText(tab, topic, bytes) {
  return tab.page.evaluate((topic, bytes) => {
    return driver.line.publish(topic, "x".repeat(bytes)).then(() => "processed", ({ code }) => code);
  }, topic, bytes);
}

/** Subscribes; resolves, to what resolves with the length of the first text. */
async function readText(tab, topic) {
  await tab.page.evaluate(async (topic) => {
    const subscription = driver.line.subscribe(topic);
    globalThis.firstText = new Promise((resolve) => {
      subscription.addEventListener("message", ({ data }) => resolve(data.length), { once: true });
    });
    await subscription.ready;
  }, topic);
  return () => tab.page.evaluate(() => globalThis.firstText);
}

// PROTOCOL.md R-13, C-14. A fragment takes four seconds, and the whole message longer than a silent server is
// waited for.
test("large messages crawl both ways over a line of 4 kB/s, on one connection", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  const [down, up] = [await readText(exposed, "down"), await readText(calm, "up")];
  await world.proxy.plan({ bytesPerSecond: 4_000 });
  const outcomes = await Promise.all([
    publishText(exposed, "up", 50_000),
    publishText(calm, "down", 50_000),
  ]);
  assert.deepEqual(outcomes, ["processed", "processed"]);
  assert.deepEqual(await Promise.all([down(), up()]), [50_000, 50_000]);
  assert.equal((await exposed.stats()).connections, 1, "the line was given up although it moved");
});

// PROTOCOL.md C-35.
test("at 500 B/s a message arrives in the end, once the client is patient enough", async (t) => {
  const world = await World.start(t);
  const exposed = await world.tabThroughProxy("exposed");
  const calm = await world.tabDirect();
  const up = await readText(calm, "up");
  await world.proxy.plan({ bytesPerSecond: 500 });
  assert.equal(await publishText(exposed, "up", 4_000), "processed");
  assert.equal(await up(), 4_000);
  const { connections } = await exposed.stats();
  t.diagnostic(`${connections} connections`);
  assert.ok(connections > 1, "the line was not slow");
});
