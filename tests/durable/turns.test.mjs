// Lines of one name that come and go in one page, as React's StrictMode has it: the session goes from one
// to the next, and none is left behind.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isOpen, offline, sessions, told, until, World } from "./world.mjs";

/** Whether messages that the page had stored came back as its own, not as another tab's. */
async function assertOwnAfterReload(world, page, expected) {
  const name = "line";
  await page.reload();
  await World.open(page, {}, name);
  assert.equal(await sessions(page), 1);
  assert.equal((await page.evaluate(() => driver.line.pending())).length, expected);
  await world.proxy.act(name, "online");
  await world.reader.hasExactly(expected);
  await until(page, (count) => driver.count("settled") === count, expected);
  const settled = await told(page, "settled");
  assert.deepEqual(settled.map(({ adopted }) => adopted), Array(expected).fill(undefined));
}

test("open, close, open in one turn is one session, also after a reload", async (t) => {
  const world = await World.start(t);
  const page = await world.page();
  const durability = await page.evaluate(() => {
    for (let count = 0; count < 3; count += 1) {
      driver.open("/line?lab=line");
      driver.line.close();
    }
    return driver.open("/line?lab=line");
  });
  assert.equal(durability.stored, true);
  assert.equal(await sessions(page), 1);
  await offline(world, page);
  await page.evaluate(() => driver.store("up", 1, 5));
  await assertOwnAfterReload(world, page, 5);
});

for (const moment of ["importing", "opening the database", "taking a session"]) {
  test(`a line that is closed while it is ${moment} leaves no session`, async (t) => {
    const world = await World.start(t);
    const page = await world.page();
    await page.evaluate(async (moment) => {
      const at = (object, name) => new Promise((resolve) => {
        const real = object[name];
        object[name] = function (...given) {
          object[name] = real;
          resolve();
          return real.apply(this, given);
        };
      });
      const reached = {
        "importing": () => undefined,
        "opening the database": () => at(IDBFactory.prototype, "open"),
        "taking a session": () => at(IDBObjectStore.prototype, "put"),
      }[moment]();
      driver.open("/line");
      await reached;
      await driver.line.close();
    }, moment);
    const durability = await World.open(page);
    assert.equal(durability.stored, true);
    await isOpen(page);
    assert.equal(await sessions(page), 1);
    await page.evaluate(() => driver.line.close());
    assert.equal(await sessions(page), 1);
  });
}

test("a line that is opened while the one before it closes takes its session, behind its messages",
  async (t) => {
    const world = await World.start(t);
    const page = await world.page();
    await page.evaluate(async () => {
      for (let round = 1; round <= 5; round += 1) {
        driver.open("/line?lab=line");
        driver.publish("up", round, round);
        driver.line.close();
      }
      await driver.open("/line?lab=line");
    });
    await world.reader.hasExactly(5);
    await until(page, () => driver.count("confirmed") === 5);
    assert.equal(await sessions(page), 1);
    assert.equal(await page.evaluate(() => driver.line.stats().connections <= 1), true);
  });

test("offline, a line that closes makes way for the next, which sends what it leaves", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await offline(world, page);
  await page.evaluate(() => {
    driver.publish("up", 1, 3);
    driver.line.close({ timeout: Infinity });
    return driver.open("/line?lab=line");
  });
  await until(page, () => driver.count("rejected") === 3);
  const codes = (await told(page, "rejected")).map(({ code }) => code);
  assert.deepEqual(codes, ["closed", "closed", "closed"]);
  assert.equal((await page.evaluate(() => driver.line.pending())).length, 3);
  await page.evaluate(() => driver.store("up", 4, 5));
  await assertOwnAfterReload(world, page, 5);
});

test("a line that is opened right after a logout has a session of its own", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await offline(world, page);
  await page.evaluate(() => driver.store("up", 1, 3));
  const refused = await page.evaluate(async () => {
    driver.line.clear();
    const late = driver.line.publish("up", "late").catch(({ code }) => code);
    await driver.open("/line?lab=line");
    return late;
  });
  assert.equal(refused, "closed");
  await world.proxy.act("line", "online");
  await isOpen(page);
  assert.deepEqual(await page.evaluate(() => driver.line.pending()), []);
  assert.equal(await sessions(page), 1);
  await page.evaluate(() => driver.line.publish("up", "4"));
  assert.deepEqual(world.reader.numbers, [4]);
});
