// Several tabs of one name: each has a session of its own, and what a tab leaves behind is adopted.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BROWSER } from "../e2e/browser.mjs";
import { isOpen, offline, sessions, until, World } from "./world.mjs";

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** What the page was told of messages that a tab which is gone had written. */
const adopted = (page) =>
  page.evaluate(() =>
    driver.log.filter((entry) => entry.what === "settled" && entry.adopted)
      .map(({ data }) => Number(data)),
  );

test("tabs that open at the same time never share a session", async (t) => {
  const world = await World.start(t);
  const pages = [await world.page(), await world.page(), await world.page()];
  await Promise.all(pages.map((page) => World.open(page)));
  await Promise.all(pages.map(isOpen));
  assert.equal(await sessions(pages[0]), 3);
  const each = 200;
  await Promise.all(pages.map((page, at) => {
    return page.evaluate((from, to) => driver.publish("up", from, to), at * each + 1, (at + 1) * each);
  }));
  await Promise.all(pages.map((page) => until(page, () => driver.count("confirmed") === 200)));
  await world.reader.has(3 * each);
  for (const [at, page] of pages.entries()) {
    const own = world.reader.numbers.filter((number) => Math.ceil(number / each) === at + 1);
    assert.deepEqual(own, range(at * each + 1, (at + 1) * each));
    assert.equal(await page.evaluate(() => driver.line.stats().connections), 1);
  }
});

test("what a closed tab has left is sent by a living one, once and in order", async (t) => {
  const world = await World.start(t);
  const leaving = await world.tab({}, "leaving");
  const staying = await world.tab({}, "staying");
  await isOpen(staying);
  await offline(world, leaving, "leaving");
  await leaving.evaluate(() => driver.store("up", 1, 50));
  await leaving.close();
  await world.reader.hasExactly(50);
  await until(staying, () => driver.count("settled") === 50);
  assert.deepEqual(await adopted(staying), range(1, 50));
  await until(staying, async () => (await driver.line.pending()).length === 0);
  assert.equal(await sessions(staying), 1, "the adopted session is gone from the store");
});

const skip = BROWSER === "chromium" ? false : "only Chromium can be told to crash a tab";

test("of three tabs one adopts a crashed one, and the last one both others", { skip }, async (t) => {
  const world = await World.start(t);
  const pages = [];
  for (const lab of ["a", "b", "c"]) {
    const page = await world.tab({}, lab);
    pages.push(page);
    await offline(world, page, lab);
    const first = (pages.length - 1) * 30 + 1;
    await page.evaluate((from) => driver.store("up", from, from + 29), first);
  }
  const crashed = new Promise((resolve) => pages[0].once("error", resolve));
  pages[0].goto("chrome://crash").catch(() => {});
  await crashed;
  const adopters = pages.slice(1).map(async (page) => {
    await page.waitForFunction(async () => (await driver.line.pending()).length === 60,
      { timeout: 60_000, polling: 50 });
    return page;
  });
  const adopter = await Promise.race(adopters);
  const last = adopter === pages[1] ? pages[2] : pages[1];
  const counts = await Promise.all([adopter, last].map((page) => {
    return page.evaluate(async () => (await driver.line.pending()).length);
  }));
  assert.deepEqual(counts, [60, 30]);
  adopters.forEach((waiting) => waiting.catch(() => {}));
  await adopter.close();
  await until(last, async () => (await driver.line.pending()).length === 90);
  const marks = await last.evaluate(async () => {
    return (await driver.line.pending()).map(({ adopted = false }) => adopted);
  });
  assert.equal(marks.filter((mark) => mark).length, 60);
  await world.proxy.act(last === pages[1] ? "b" : "c", "online");
  await world.reader.has(90);
  for (const from of [1, 31, 61]) {
    const own = world.reader.numbers.filter((number) => number >= from && number < from + 30);
    assert.deepEqual(own, range(from, from + 29));
  }
});

test("a tab that is loaded anew takes up its session before others adopt it", async (t) => {
  const world = await World.start(t);
  const page = await world.tab({}, "page");
  const other = await world.tab({}, "other");
  await isOpen(other);
  await offline(world, page, "page");
  await page.evaluate(() => driver.store("up", 1, 20));
  await page.reload();
  await World.open(page, {}, "page");
  assert.equal(await page.evaluate(async () => (await driver.line.pending()).length), 20);
  await world.proxy.act("page", "online");
  await world.reader.hasExactly(20);
  await until(page, () => driver.count("settled") === 20);
  assert.deepEqual(await adopted(other), []);
});

test("direct messages alone are reason enough to adopt a session", async (t) => {
  const world = await World.start(t, "TAUTLINE_EXAMPLE");
  const leaving = await world.tab({}, "leaving");
  const staying = await world.tab({}, "staying");
  await staying.evaluate(() => driver.hear());
  await leaving.evaluate(() => driver.line.request("push 3 5"));
  await offline(world, leaving, "leaving");
  assert.equal(await leaving.evaluate(async () => (await driver.line.pending()).length), 0);
  await leaving.close();
  await until(staying, () => driver.count("message") === 3);
});

test("a tab that comes back after its session was adopted reads on where it was", async (t) => {
  const world = await World.start(t);
  const leaving = await world.tab({}, "leaving");
  const staying = await world.tab({}, "staying");
  await leaving.evaluate(() => driver.read("room"));
  await world.reader.publish("room", 1, 5);
  await until(leaving, () => driver.count("entry") === 5);
  await offline(world, leaving, "leaving");
  await offline(world, staying, "staying");
  await leaving.evaluate(() => driver.store("up", 1, 1));
  await leaving.close();
  // Who adopts it is offline, and so not done with it when the tab comes back.
  await until(staying, async () => (await driver.line.pending()).length === 1);
  await world.reader.publish("room", 6, 8);
  for (const numbers of [[6, 7, 8], [9]]) {
    const back = await world.tab({}, "back");
    await back.evaluate(() => driver.read("room"));
    // The second one to come finds nothing, and begins with what is new.
    if (numbers.length === 1) await world.reader.publish("room", 9, 9);
    await until(back, (count) => driver.count("entry") === count, numbers.length);
    const entries = await back.evaluate(() => driver.log.filter(({ what }) => what === "entry"));
    assert.deepEqual(entries.map(({ data }) => Number(data)), numbers);
  }
});

test("direct messages to a tab that is gone come to the tab that adopts it, marked", async (t) => {
  const world = await World.start(t, "TAUTLINE_EXAMPLE");
  const leaving = await world.tab({}, "leaving");
  const staying = await world.tab({}, "staying");
  await staying.evaluate(() => driver.hear());
  await leaving.evaluate(() => driver.line.request("push 3 5"));
  await offline(world, leaving, "leaving");
  await leaving.evaluate(() => driver.store("up", 1, 2));
  await leaving.close();
  await world.reader.hasExactly(2);
  await until(staying, () => driver.count("message") === 3);
  const messages = await staying.evaluate(() => driver.log.filter(({ what }) => what === "message"));
  assert.deepEqual(messages.map(({ offset }) => offset), [2, 3, 4]);
  assert.ok(messages.every(({ adopted }) => adopted));
});
