// Where a subscription begins.

import * as border from "./border.js";
import { InvalidArgumentError } from "./errors.js";

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;

/** The command for it and its numbers; throws if what the application gave is not usable. */
export function startOf(topic, last = 0, after) {
  if (typeof topic !== "string" || topic === "") {
    throw new InvalidArgumentError(`Expected a topic's name, got ${String(topic)}.`);
  }
  if (!isCount(last)) {
    throw new InvalidArgumentError(`Expected "last" to be a count from 0, got ${last}.`);
  }
  if (after === undefined) return [border.LAST, last, 0, 0];
  if (!(/^\d+-\d+$/.test(after?.epoch) && isCount(after.offset))) {
    const got = JSON.stringify(after);
    throw new InvalidArgumentError(`Expected "after" to be a position, got ${got}.`);
  }
  return [border.AFTER, after.offset, ...after.epoch.split("-").map(Number)];
}
