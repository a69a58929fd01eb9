// What is stored, and what the next server allows.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isOpen, offline, told, until, World } from "./world.mjs";

/** Another server, that takes no more than 1,000 bytes in a message. */
async function lowerLimit(world) {
  await world.server.kill();
  await world.server.restart(["--message-bytes", "1000"]);
  await world.proxy.act("line", "online");
}

/** Takes the line offline, and has it store three messages, of which the second has 2,000 bytes. */
async function storeThree(world, page) {
  await offline(world, page);
  await page.evaluate(async () => {
    const texts = ["1", `2 ${"x".repeat(2_000)}`, "3"];
    await Promise.all(texts.map((text) => driver.line.publish("up", text, { until: "stored" })));
  });
}

for (const isReloaded of [false, true]) {
  const who = isReloaded ? "the page after the one that stored it" : "the page that stored it";
  // PROTOCOL.md R-8.
  test(`a stored message over the limit of the next server fails alone, and ${who} is told`, async (t) => {
    const world = await World.start(t);
    const page = await world.tab();
    await storeThree(world, page);
    if (isReloaded) await page.reload();
    await lowerLimit(world);
    if (isReloaded) await World.open(page);
    await isOpen(page);
    await until(page, () => driver.count("settled") === 3);
    const settled = await told(page, "settled");
    const outcomes = settled.map(({ data, code }) => [data[0], code]).sort();
    const fine = ["1", "3"].map((data) => [data, undefined]);
    assert.deepEqual(outcomes, [...fine, ["2", "too-large"]].sort());
    await world.reader.has(2);
    assert.deepEqual(world.reader.numbers, [1, 3]);
    assert.deepEqual(await page.evaluate(() => driver.line.pending()), []);
    // It is told of once, and nothing is left of it.
    await page.reload();
    await World.open(page);
    await isOpen(page);
    assert.deepEqual(await page.evaluate(() => driver.line.pending()), []);
    assert.deepEqual(await told(page, "settled"), []);
    assert.equal((await page.evaluate(() => driver.line.stats().connections)), 1);
  });
}

test("whoever waits for a message over the limit of the next server gets TooLargeError", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await offline(world, page);
  await page.evaluate(() => {
    driver.publish("up", 1, 1);
    driver.publish("up", 2, 2, { bytes: 2_000 });
    driver.publish("up", 3, 3);
  });
  await until(page, async () => (await driver.line.pending()).length === 3);
  await lowerLimit(world);
  await until(page, () => driver.count("confirmed") + driver.count("rejected") === 3);
  const rejected = await told(page, "rejected");
  assert.deepEqual(rejected, [{ what: "rejected", number: 2, code: "too-large" }]);
  // From now on it is known before.
  await page.evaluate(() => driver.publish("up", 4, 4, { bytes: 2_000 }));
  await until(page, () => driver.count("rejected") === 2);
  assert.deepEqual(await told(page, "settled"), []);
  await world.reader.has(2);
  assert.deepEqual(world.reader.numbers, [1, 3]);
});
