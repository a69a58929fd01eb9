// Where nothing can be stored the line says so, and works from memory.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { BROWSER } from "../e2e/browser.mjs";
import { setting } from "../e2e/processes.mjs";
import { isOpen, offline, until, World } from "./world.mjs";

const MISSING = {
  "no IndexedDB": () => Object.defineProperty(window, "indexedDB", { value: undefined }),
  "no Web Locks": () => Object.defineProperty(navigator, "locks", { value: undefined }),
  "a database that does not open": () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
  },
  "a database that does not answer": () => {
    IDBFactory.prototype.open = () => ({});
  },
};

for (const [what, prepare] of Object.entries(MISSING)) {
  test(`with ${what} a line says so and works from memory`, async (t) => {
    const world = await World.start(t);
    const page = await world.page();
    await page.evaluate(prepare);
    const { stored, reason } = await World.open(page);
    t.diagnostic(reason);
    assert.equal(stored, false);
    assert.ok(reason.length > 0);
    await page.evaluate(() => driver.store("up", 1, 10));
    await world.reader.hasExactly(10);
    assert.deepEqual(await page.evaluate(() => driver.line.pending()), []);
    await page.evaluate(() => driver.line.clear());
    assert.equal(await page.evaluate(() => driver.line.state), "closed");
  });
}

/** One after the other: the browser looks at its limits between transactions. */
async function publishLarge(page, from, to) {
  for (let number = from; number <= to; number += 1) {
    await page.evaluate((at) => driver.publish("up", at, at, { bytes: 900_000 }), number);
    await pause(100);
  }
}

const skip = BROWSER === "chromium" ? false : "by Chromium's own protocol";

test("when the browser evicts the store the line goes on from memory", { skip }, async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await isOpen(page);
  await page.evaluate(() => driver.store("up", 1, 10));
  const devtools = await page.createCDPSession();
  const { origin } = world.proxy;
  await devtools.send("Storage.clearDataForOrigin", { origin, storageTypes: "indexeddb" });
  await page.evaluate(() => driver.publish("up", 11, 20));
  await until(page, () => driver.count("confirmed") === 10);
  const told = await page.evaluate(() => driver.log.filter(({ what }) => what === "durability"));
  t.diagnostic(JSON.stringify(told));
  assert.equal(told.at(-1).stored, false);
  await world.reader.hasExactly(20);
});

test("a line whose database the browser has lost says so, once", async (t) => {
  const world = await World.start(t);
  const first = await world.tab();
  await offline(world, first);
  await first.evaluate(() => driver.store("up", 1, 10));
  await first.close();
  const next = await world.page();
  await next.evaluate(async () => {
    const deletion = indexedDB.deleteDatabase("tautline");
    await new Promise((resolve) => (deletion.onsuccess = resolve));
  });
  const { stored, reason, lost } = await World.open(next);
  t.diagnostic(reason);
  assert.deepEqual({ stored, lost }, { stored: true, lost: true });
  await world.proxy.act("line", "online");
  await next.evaluate(() => driver.store("up", 1, 10));
  await world.reader.hasExactly(10);
  await next.reload();
  assert.equal((await World.open(next)).lost, undefined);
});

test("without localStorage the browser itself tells of a damaged database", { skip }, async (t) => {
  const world = await World.start(t);
  const first = await world.tab();
  await first.evaluate(() => driver.store("up", 1, 10));
  await world.reader.hasExactly(10);
  await world.killBrowser();
  await world.damageDatabases();
  await world.startBrowser();
  const next = await world.page();
  await next.evaluate(() => Object.defineProperty(window, "localStorage", { value: undefined }));
  const { stored, lost } = await World.open(next);
  assert.deepEqual({ stored, lost }, { stored: true, lost: true });
});

test("without room for more the line goes on, and stores again when there is", { skip }, async (t) => {
  const world = await World.start(t);
  const page = await world.page();
  const devtools = await page.createCDPSession();
  const origin = `${world.proxy.origin}/`;
  // Before the database is opened: the browser looks at its limits no more than twice a minute.
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 3_000_000 });
  await World.open(page);
  await isOpen(page);
  await page.evaluate(() => driver.publish("up", 1, 10));
  await until(page, () => driver.count("confirmed") === 10);
  await world.proxy.act("line", "offline");
  await until(page, () => driver.line.state === "waiting");
  await page.evaluate(() => driver.store("up", 11, 20));
  await publishLarge(page, 21, 30);
  const durability = () =>
    page.evaluate(() => driver.log.filter(({ what }) => what === "durability"));
  await until(page, () => driver.log.some(({ what, stored }) => what === "durability" && !stored));
  t.diagnostic(JSON.stringify(await durability()));
  assert.equal((await durability()).at(-1).reason, "there is no room for more");
  await world.proxy.act("line", "online");
  await world.reader.hasExactly(30);
  // All of this is settled; the next life finds less in the store than the server has accepted.
  await page.reload();
  await World.open(page);
  await isOpen(page);
  await page.evaluate(() => driver.publish("up", 31, 40));
  await world.reader.hasExactly(40);
  await world.proxy.act("line", "offline");
  await until(page, () => driver.line.state === "waiting");
  await publishLarge(page, 41, 50);
  await until(page, () => driver.log.some(({ what, stored }) => what === "durability" && !stored));
  await devtools.send("Storage.overrideQuotaForOrigin", { origin });
  await until(page, () => driver.log.findLast(({ what }) => what === "durability").stored);
  await page.reload();
  await World.open(page);
  await world.proxy.act("line", "online");
  await world.reader.hasExactly(50);
});

test("in Node a line says that nothing is stored, and works", async (t) => {
  const world = await World.start(t);
  globalThis.WebSocket ??= createRequire(import.meta.url)("ws").WebSocket;
  const { connect } = await import(pathToFileURL(join(setting("TAUTLINE_NPM"), "node.js")).href);
  const line = connect(`${world.server.origin}/line`, { durable: "test" });
  const told = await new Promise((resolve) => line.addEventListener("durability", resolve));
  assert.equal(told.stored, false);
  assert.match(told.reason, /IndexedDB/);
  await line.publish("up", "1", { until: "stored" });
  await line.close();
  await world.reader.hasExactly(1);
});
