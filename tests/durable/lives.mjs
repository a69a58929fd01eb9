// Lives of a page, one after the other, each of which ends in the middle of a burst of messages.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import { until, World } from "./world.mjs";

const topic = "up";

/** Begins a burst behind what the reader has; resolves with what tells how far it is stored. */
export async function burst(world, page) {
  const stored = { number: world.reader.numbers.length };
  await page.evaluate(() => driver.witness());
  await page.exposeFunction("noteStored", (number) => (stored.number = number));
  await page.evaluate(
    (...given) => driver.burst(...given),
    topic,
    stored.number + 1,
  );
  return stored;
}

/** Lets a burst go on for so long, but until something of it is stored. */
export async function goOn(stored, millis) {
  const start = stored.number;
  await pause(millis);
  while (stored.number === start) await pause(5);
}

/**
 * The next life gets a line. A browser that is killed in the middle of a write may delete all of its
 * databases at a later start (ARCHITECTURE.md): the line says so, and nothing is stored any more.
 */
export async function carryOn(world, page, stored) {
  const { lost = false } = await World.open(page);
  const survived = await page.evaluate(() => driver.witness());
  assert.equal(lost, !survived, `told of a loss: ${lost}, another database is there: ${survived}`);
  if (!lost) return;
  stored.number = 0;
  world.losses += 1;
}

/**
 * The next life carries on: everything that the last one knew to be stored arrives, and nothing
 * twice or out of order. Resolves with the number of messages so far.
 */
export async function assertCarriedOn(world, page, stored) {
  await carryOn(world, page, stored);
  await until(page, async () => {
    return driver.line.state === "open" && (await driver.line.pending()).length === 0;
  });
  // A session whose page is not quite gone yet is adopted a moment later, and not pending until then.
  await world.reader.caughtUp(stored.number);
  const { length } = world.reader.numbers;
  assert.ok(length >= stored.number, `${stored.number} were stored, ${length} have arrived`);
  await world.reader.hasExactly(length);
  return length;
}
