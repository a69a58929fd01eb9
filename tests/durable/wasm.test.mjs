// Which wasm a line loads: what only durable lines need is in one of its own.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isOpen, World } from "./world.mjs";

/** A page that keeps a list of what it loads of the package's folder for wasm. */
async function listening(world) {
  const page = await world.page();
  const loaded = [];
  page.on("request", (request) => {
    const [, name] = /\/wasm\/(.+)$/.exec(request.url()) ?? [];
    if (name) loaded.push(name);
  });
  return [page, loaded];
}

/** Opens a line from an entry point and tells whether it stores. */
const openFrom = (page, entry, options, wasm) =>
  page.evaluate(
    async (entry, options, wasm) => {
      const { connect, provide } = await import(entry);
      if (wasm) provide(`/node_modules/tautline/wasm/${wasm}`);
      const line = (driver.line = connect("/line?lab=wasm", options));
      if (!options.durable) return undefined;
      const { stored, reason } = await new Promise((resolve) =>
        line.addEventListener("durability", resolve),
      );
      return [stored, reason];
    },
    entry,
    options,
    wasm,
  );

test("a line that is not durable loads nothing of what durable ones need", async (t) => {
  const world = await World.start(t);
  const [page, loaded] = await listening(world);
  await openFrom(page, "tautline", {});
  await isOpen(page);
  assert.deepEqual(loaded, ["tautline.wasm"]);
});

test("a durable line loads the other wasm alone, also where it has to come in a module", async (t) => {
  const world = await World.start(t);
  const [page, loaded] = await listening(world);
  assert.deepEqual(await openFrom(page, "tautline", { durable: "a" }), [true, "stored in IndexedDB"]);
  await isOpen(page);
  assert.deepEqual(loaded, ["tautline.durable.wasm"]);

  const [other, inside] = await listening(world);
  await other.setRequestInterception(true);
  other.on("request", (request) =>
    request.url().endsWith(".wasm") ? request.abort() : request.continue(),
  );
  assert.deepEqual(await openFrom(other, "tautline", { durable: "b" }), [true, "stored in IndexedDB"]);
  await isOpen(other);
  assert.deepEqual(inside, ["tautline.durable.wasm", "tautline.durable.inline.js"]);
});

test("lines that are durable and others go on in one page, each for itself", async (t) => {
  const world = await World.start(t);
  const page = await world.tab();
  await isOpen(page);
  const told = await page.evaluate(async () => {
    const { connect } = await import("tautline");
    const plain = connect("/line?lab=plain");
    await plain.publish("other", "x");
    await driver.line.publish("up", "1");
    await plain.close();
    await driver.line.publish("up", "2");
    return [plain.state, driver.line.state];
  });
  assert.deepEqual(told, ["closed", "open"]);
  await world.reader.hasExactly(2);
});

test("inside of a module there are both", async (t) => {
  const world = await World.start(t);
  const [page] = await listening(world);
  const told = await openFrom(page, "tautline/inline", { durable: "a" });
  assert.deepEqual(told, [true, "stored in IndexedDB"]);
  await isOpen(page);
});

test("the caller brings the one for durable lines, and is told if it is the other", async (t) => {
  const world = await World.start(t);
  const [page] = await listening(world);
  const options = { durable: "a" };
  const told = await openFrom(page, "tautline/slim", options, "tautline.durable.wasm");
  assert.deepEqual(told, [true, "stored in IndexedDB"]);
  await isOpen(page);

  const [other] = await listening(world);
  const [stored, reason] = await openFrom(other, "tautline/slim", options, "tautline.wasm");
  assert.equal(stored, false);
  assert.match(reason, /tautline\/tautline\.durable\.wasm/);
  await isOpen(other);
  await other.evaluate(() => driver.line.publish("up", "1"));
  await world.reader.hasExactly(1);
});

test("where the wasm for durable lines is missing a line works from memory", async (t) => {
  const world = await World.start(t);
  const [page] = await listening(world);
  await page.setRequestInterception(true);
  page.on("request", (request) =>
    request.url().includes("durable.wasm") || request.url().includes("durable.inline")
      ? request.abort()
      : request.continue(),
  );
  const [stored] = await openFrom(page, "tautline", { durable: "a" });
  assert.equal(stored, false);
  await isOpen(page);
});
