// Who got what: compares what was published with what was told about it.

import assert from "node:assert/strict";

/** The numbers that a page received from a topic, in their order. */
export function received(log, topic) {
  return log.filter((entry) => entry.what === "entry" && entry.topic === topic)
    .map((entry) => entry.number);
}

/** The outcomes of a page's messages to a topic, in the order they settled. */
export function outcomes(log, topic) {
  return log.filter((entry) => entry.what === "settled" && entry.topic === topic);
}

/** How many messages a page published to a topic. */
export function published(log, topic) {
  return log.filter((entry) => entry.what === "published" && entry.topic === topic).length;
}

/** Counts what is wrong with `numbers`, which should be 1 to `count`. */
export function account(count, numbers) {
  const distinct = new Set(numbers);
  let lost = 0;
  for (let number = 1; number <= count; number += 1) {
    lost += distinct.has(number) ? 0 : 1;
  }
  let highest = 0;
  let outOfOrder = 0;
  const seen = new Set();
  for (const number of numbers) {
    outOfOrder += number < highest && !seen.has(number) ? 1 : 0;
    highest = Math.max(highest, number);
    seen.add(number);
  }
  return { lost, duplicated: numbers.length - distinct.size, outOfOrder };
}

/** Asserts that all of `source`'s messages were confirmed, and reached `target` once, in order. */
export function assertDelivered(source, target, topic) {
  const count = published(source, topic);
  assert.ok(count > 0, `nothing was published to ${topic}`);
  const numbers = received(target, topic);
  const counts = account(count, numbers);
  assert.deepEqual(counts, { lost: 0, duplicated: 0, outOfOrder: 0 }, topic);
  assert.equal(numbers.length, count, `entries of ${topic}`);
  const settled = outcomes(source, topic);
  const rejected = settled.filter(({ outcome }) => outcome !== "confirmed");
  assert.deepEqual(rejected, [], `rejected in ${topic}`);
  assert.deepEqual(settled.map(({ number }) => number), numbers, `order of settling in ${topic}`);
  return { topic, published: count, ...counts, resolved: settled.length, rejected: 0 };
}
