// Where a subscription begins.

import * as border from "./border.js";
import { expect } from "./expect.js";

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;

/** The command for it and its numbers; throws if what the application gave is not usable. */
export function startOf(topic, last = 0, after) {
  expect("topic", topic, typeof topic === "string" && topic !== "", "a name");
  expect("last", last, isCount(last), "a count from 0");
  if (after === undefined) return [border.LAST, last, 0, 0];
  const isPosition = /^\d+-\d+$/.test(after?.epoch) && isCount(after.offset);
  if (!isPosition) expect("after", JSON.stringify(after), false, "a position");
  return [border.AFTER, after.offset, ...after.epoch.split("-").map(Number)];
}
