// The page is loaded anew: what it had sent and was not confirmed goes out once, in order.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertCarriedOn, burst, goOn } from "./lives.mjs";
import { isOpen, until, World } from "./world.mjs";

test("a thousand messages written offline go out after a reload, once and in order", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await isOpen(page);
  await world.proxy.act("line", "offline");
  await until(page, () => driver.line.state === "waiting");
  await page.evaluate(() => driver.store("up", 1, 1000));
  await page.reload();
  await world.proxy.act("line", "online");
  await World.open(page);
  await world.reader.hasExactly(1000);
  await until(page, () => driver.count("settled") === 1000);
  const log = await page.evaluate(() => driver.log.filter(({ what }) => what === "settled"));
  assert.deepEqual(log[0], { what: "settled", kind: "publish", topic: "up", data: "1" });
  assert.ok(log.every(({ code }) => code === undefined), JSON.stringify(log));
  assert.deepEqual(log.map(({ data }) => Number(data)), world.reader.numbers);
});

test("a reload in the middle of a burst loses, doubles and misplaces nothing", async (t) => {
  const world = await World.start(t);
  const counts = [];
  for (let round = 0; round < 8; round += 1) {
    const page = await world.tab();
    const stored = await burst(world, page);
    await goOn(stored, 40 + 60 * round);
    await page.reload();
    counts.push(await assertCarriedOn(world, page, stored));
    await page.close();
  }
  t.diagnostic(`messages after each round: ${counts}`);
});

test("a reload in a burst through a line that is cut again and again loses nothing", async (t) => {
  const world = await World.start(t);
  await world.proxy.plan({ seed: 3, cutEveryMs: [50, 250], cut: "both", latencyMs: 20 });
  const counts = [];
  for (let round = 0; round < 6; round += 1) {
    const page = await world.tab();
    const stored = await burst(world, page);
    await goOn(stored, 150 + 100 * round);
    await page.reload();
    counts.push(await assertCarriedOn(world, page, stored));
    await page.close();
  }
  t.diagnostic(`messages after each round: ${counts}`);
});
