// What becomes of a durable line's messages when it ends, or is ended, at the worst moment.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isOpen, offline, sessions, told, until, World } from "./world.mjs";

test("what was sent just before the line was closed is sent by the next one", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await offline(world, page);
  const codes = await page.evaluate(async () => {
    const outcomes = [1, 2, 3].map((number) =>
      driver.line.publish("up", String(number)).catch(({ code, message }) => `${code}: ${message}`),
    );
    await driver.line.close({ timeout: 0 });
    return Promise.all(outcomes);
  });
  for (const code of codes) assert.match(code, /^closed: .* the next one of this name sends/);
  await world.proxy.act("line", "online");
  await World.open(page);
  await world.reader.hasExactly(3);
});

test("what was confirmed before the line was closed is told no second time", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  for (let round = 1; round <= 10; round += 1) {
    await page.evaluate(async (number) => {
      await driver.line.publish("up", String(number));
      await driver.line.close();
    }, round);
    await World.open(page);
    assert.deepEqual(await page.evaluate(() => driver.line.pending()), []);
  }
  await isOpen(page);
  assert.deepEqual(await told(page, "settled"), []);
  await world.reader.hasExactly(10);
});

test("a line that is closed with all patience waits", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await offline(world, page);
  await page.evaluate(() => {
    driver.publish("up", 1, 1);
    driver.closing = driver.line.close({ timeout: Infinity });
  });
  await world.proxy.act("line", "online");
  await page.evaluate(() => driver.closing);
  assert.equal((await told(page, "confirmed")).length, 1);
  await world.reader.hasExactly(1);
});

test("a page that ends its line while it adopts a session leaves that to others", async (t) => {
  const world = await World.start(t);
  const leaving = await world.tab({}, "leaving");
  const staying = await world.tab({}, "staying");
  await isOpen(staying);
  await offline(world, leaving, "leaving");
  await leaving.evaluate(() => driver.store("up", 1, 20));
  await staying.evaluate(() => {
    // The adopting line opens the database: there its own page ends.
    const open = IDBFactory.prototype.open;
    IDBFactory.prototype.open = function (...given) {
      IDBFactory.prototype.open = open;
      driver.line.close({ timeout: 0 });
      return open.apply(this, given);
    };
  });
  await leaving.close();
  await until(staying, () => driver.line.state === "closed");
  // The adopting line is done with the session when it lets its lock go.
  await until(staying, async () => (await navigator.locks.query()).held.length === 0);
  assert.equal(await sessions(staying), 2);
  const next = await world.tab({}, "next");
  await world.reader.hasExactly(20);
  await until(next, async () => (await driver.line.pending()).length === 0);
});

/** A database whose first connection is dead from now on, or that is out of reach as a whole. */
const die = (isWhole) => {
  const { transaction } = IDBDatabase.prototype;
  let first;
  IDBDatabase.prototype.transaction = function (...given) {
    first ??= this;
    if (!isWhole && this !== first) return transaction.apply(this, given);
    throw new DOMException("Connection to Indexed Database server lost.", "UnknownError");
  };
};

for (const [what, isWhole] of [["a connection to it", false], ["all of it", true]]) {
  test(`when the database dies (${what}) nothing old comes back`, async (t) => {
    const world = await World.start(t);
    const page = await world.tab();
    await offline(world, page);
    await page.evaluate(() => driver.store("up", 1, 3));
    await page.evaluate(die, isWhole);
    const isCancelled = await page.evaluate(async () => {
      const [, second] = await driver.line.pending();
      return second.cancel();
    });
    assert.equal(isCancelled, true);
    await page.evaluate(() => driver.publish("up", 4, 4));
    await until(page, () => driver.log.some(({ what, stored }) => what === "durability" && !stored));
    await world.proxy.act("line", "online");
    await world.reader.has(3);
    await page.reload();
    await World.open(page);
    await isOpen(page);
    await page.evaluate(() => driver.publish("up", 5, 5));
    await until(page, () => driver.count("confirmed") === 1);
    await world.reader.has(4);
    assert.deepEqual(world.reader.numbers, [1, 3, 4, 5]);
    assert.equal(await sessions(page), 1);
  });
}

test("a message that was stored and then given up is told of once", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await isOpen(page);
  await world.proxy.act("line", "stall");
  await page.evaluate(async () => {
    driver.stop = new AbortController();
    await driver.line.publish("up", "1", { until: "stored", signal: driver.stop.signal });
  });
  await until(page, () => driver.line.stats().unacknowledged === 1);
  await page.evaluate(async () => {
    driver.stop.abort();
    // What had come of that would be stored, and told, before this one.
    await driver.line.publish("up", "2", { until: "stored" });
  });
  assert.deepEqual(await told(page, "settled"), [], "it is transmitted: nobody knows");
  await world.proxy.act("line", "flow");
  await until(page, () => driver.count("settled") === 2);
  await world.reader.hasExactly(2);
  const settled = await told(page, "settled");
  const outcomes = settled.map(({ data, code }) => [data, code]);
  assert.deepEqual(outcomes, [["1", undefined], ["2", undefined]]);
});

test("a session that another page has deleted ends its line, and nothing of it is sent", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await offline(world, page);
  await page.evaluate(() => driver.store("up", 1, 3));
  await page.evaluate(async () => {
    const opening = indexedDB.open("tautline");
    await new Promise((resolve) => (opening.onsuccess = resolve));
    const deleting = opening.result.transaction(["sessions", "messages"], "readwrite");
    deleting.objectStore("sessions").clear();
    deleting.objectStore("messages").clear();
    await new Promise((resolve) => (deleting.oncomplete = resolve));
    opening.result.close();
    driver.publish("up", 4, 4);
  });
  await until(page, () => driver.line.state === "closed");
  await world.proxy.act("line", "online");
  await world.reader.has(0);
});

test("a line that cannot delete what is stored says so, and ends", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await isOpen(page);
  const outcome = await page.evaluate(async () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
    const name = await driver.line.clear().catch((error) => error.name);
    return [name, driver.line.state];
  });
  assert.deepEqual(outcome, ["SecurityError", "closed"]);
});
