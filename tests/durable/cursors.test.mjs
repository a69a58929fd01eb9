// What was handled before a reload is not handed over again, and what was not is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { isOpen, told, until, World } from "./world.mjs";

/** What was handled before this is stored with it, in the same or an earlier transaction. */
const commit = (page) => page.evaluate(() => driver.line.send("later", { until: "stored" }));

async function reload(page) {
  await page.reload();
  await World.open(page);
}

test("direct messages that were handled do not come again, and others do", async (t) => {
  const world = await World.start(t, "TAUTLINE_EXAMPLE");
  const page = await world.tab();
  await page.evaluate(() => driver.hear());
  await page.evaluate(() => driver.line.request("push 10 5"));
  await until(page, () => driver.count("message") === 10);
  await commit(page);
  await reload(page);
  // Nobody listens: they are received and not handled.
  await page.evaluate(() => driver.line.request("push 5 5"));
  await commit(page);
  await reload(page);
  await page.evaluate(() => driver.hear());
  await until(page, () => driver.count("message") >= 5);
  await page.evaluate(() => driver.line.request("a moment later"));
  const offsets = (await told(page, "message")).map(({ offset }) => offset);
  assert.deepEqual(offsets, [13, 14, 15, 16, 17]);
  assert.deepEqual(await told(page, "gap"), []);
  assert.deepEqual(await told(page, "lost"), []);
});

test("a subscription goes on where it was before the reload, unless told otherwise", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await page.evaluate(() => driver.read("room"));
  await world.reader.publish("room", 1, 5);
  await until(page, () => driver.count("entry") === 5);
  await commit(page);
  await page.goto("about:blank");
  await world.reader.publish("room", 6, 10);
  await page.goto(`${world.proxy.origin}/`);
  await World.open(page);
  await page.evaluate(() => driver.read("room"));
  await until(page, () => driver.count("entry") >= 5);
  await commit(page);
  const entries = (await told(page, "entry")).map(({ data }) => Number(data));
  assert.deepEqual(entries, [6, 7, 8, 9, 10]);
  await reload(page);
  await page.evaluate(() => driver.read("room", { last: 2 }));
  await until(page, () => driver.count("entry") === 2);
  assert.deepEqual((await told(page, "entry")).map(({ data }) => data), ["9", "10"]);
});

test("of two readers of a topic the one behind counts", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await page.evaluate(async () => {
    driver.slow = driver.line.subscribe("room")[Symbol.asyncIterator]();
    await driver.line.subscribe("42").ready;
  });
  await world.reader.publish("room", 1, 5);
  await page.evaluate(async () => {
    // It has handled the first one, and has the second in hand.
    await driver.slow.next();
    await driver.slow.next();
  });
  await page.evaluate(() => driver.read("room", { last: 1 }));
  await until(page, () => driver.count("entry") === 1);
  await commit(page);
  await reload(page);
  await page.evaluate(() => driver.read("room"));
  await until(page, () => driver.count("entry") === 4);
  assert.deepEqual((await told(page, "entry")).map(({ data }) => data), ["2", "3", "4", "5"]);
});

test("what comes before a first entry was read is not missed after a reload", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await page.evaluate(() => driver.read("quiet"));
  await commit(page);
  await page.goto("about:blank");
  await world.reader.publish("quiet", 1, 3);
  await page.goto(`${world.proxy.origin}/`);
  await World.open(page);
  await page.evaluate(() => driver.read("quiet"));
  await until(page, () => driver.count("entry") === 3);
});

test("reloads in a stream of entries skip none, and repeat no more than the last ones", async (t) => {
  const world = await World.start(t);
  let seen = [];
  let published = 0;
  let going = true;
  const publishing = (async () => {
    for (; going; published += 5) {
      await world.reader.publish("room", published + 1, published + 5);
      await pause(5);
    }
  })();
  const page = await world.page();
  await page.evaluate(() => (localStorage.seen = ""));
  const boundaries = [];
  for (let life = 0; life < 6; life += 1) {
    await World.open(page);
    await page.evaluate(async () => {
      const subscription = driver.line.subscribe("room");
      // Written at once, as what was seen has to be known when the page is gone.
      subscription.addEventListener("message", ({ data }) => (localStorage.seen += ` ${data}`));
      await subscription.ready;
    });
    await isOpen(page);
    await pause(200 + 50 * life);
    await page.reload();
    seen = (await page.evaluate(() => localStorage.seen)).split(" ").slice(1).map(Number);
    boundaries.push(seen.length);
  }
  going = false;
  await publishing;
  let repeated = 0;
  for (const [at, number] of seen.entries()) {
    if (at === 0) continue;
    const step = number - seen[at - 1];
    assert.ok(step <= 1, `${seen[at - 1]} is followed by ${number}`);
    if (step < 1) {
      repeated += 1 - step;
      assert.ok(boundaries.includes(at), `repeated within one life at ${at} of ${boundaries}`);
    }
  }
  t.diagnostic(`${seen.length} entries in 6 lives, ${repeated} repeated`);
  assert.ok(seen.length > 100, `only ${seen.length} entries`);
});
