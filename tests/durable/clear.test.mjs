// Logging out: everything that is stored under the name goes, in every tab.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isOpen, sessions, until, World } from "./world.mjs";

test("clear ends every tab's line and leaves nothing that could still be sent", async (t) => {
  const world = await World.start(t);
  const pages = [await world.tab({}, "a"), await world.tab({}, "b")];
  for (const [at, page] of pages.entries()) {
    await isOpen(page);
    await world.proxy.act("ab"[at], "offline");
    await until(page, () => driver.line.state === "waiting");
    await page.evaluate(() => driver.store("up", 1, 20));
  }
  await pages[0].evaluate(() => driver.line.clear());
  await Promise.all(pages.map((page) => until(page, () => driver.line.state === "closed")));
  assert.equal(await sessions(pages[0]), 0);
  for (const lab of "ab") await world.proxy.act(lab, "online");
  await pages[0].reload();
  await World.open(pages[0], {}, "a");
  assert.deepEqual(await pages[0].evaluate(() => driver.line.pending()), []);
  await isOpen(pages[0]);
  await pages[0].evaluate(() => driver.publish("up", 1, 1));
  await world.reader.hasExactly(1);
});

test("a message that waits is listed, and can be taken back before it is transmitted", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await isOpen(page);
  await world.proxy.act("line", "offline");
  await until(page, () => driver.line.state === "waiting");
  await page.evaluate(() => driver.store("up", 1, 5));
  await page.reload();
  await World.open(page);
  const cancelled = await page.evaluate(async () => {
    const pending = await driver.line.pending();
    const listed = pending.map(({ kind, topic, data }) => [kind, topic, data].join());
    return [listed, pending[1].cancel(), pending[3].cancel(), pending[3].cancel()];
  });
  const listed = [1, 2, 3, 4, 5].map((number) => `publish,up,${number}`);
  assert.deepEqual(cancelled, [listed, true, true, false]);
  await page.evaluate(() => driver.line.send("behind them", { until: "stored" }));
  await page.reload();
  await World.open(page);
  await world.proxy.act("line", "online");
  await world.reader.has(3);
  assert.deepEqual(world.reader.numbers, [1, 3, 5]);
});

test("a key and a time to live hold over reloads", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await isOpen(page);
  await world.proxy.act("line", "offline");
  await until(page, () => driver.line.state === "waiting");
  await page.evaluate(async () => {
    const until = "stored";
    await driver.line.publish("up", "1", { until, ttl: 60_000 });
    await driver.line.publish("up", "99", { until, ttl: 500 });
    await driver.line.publish("up", "98", { until, key: "latest" });
  });
  await page.reload();
  await World.open(page);
  await until(page, () => driver.log.some(({ code }) => code === "expired"));
  await page.evaluate(() => driver.line.publish("up", "2", { until: "stored", key: "latest" }));
  await until(page, () => driver.log.some(({ code }) => code === "superseded"));
  await page.reload();
  await World.open(page);
  await world.proxy.act("line", "online");
  await world.reader.hasExactly(2);
});

test("a line that is closed keeps what it has stored for the next one", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await isOpen(page);
  await world.proxy.act("line", "offline");
  await until(page, () => driver.line.state === "waiting");
  const outcome = await page.evaluate(async () => {
    await driver.store("up", 1, 3);
    const left = driver.line.publish("up", "4").catch(({ code }) => code);
    await driver.line.close({ timeout: 300 });
    return left;
  });
  assert.equal(outcome, "closed");
  await world.proxy.act("line", "online");
  await World.open(page);
  await world.reader.hasExactly(4);
});
