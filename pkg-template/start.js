// Where a subscription begins, and what it reads.

import * as border from "./border.js";
import { expect } from "./expect.js";
import { bytesOf } from "./payload.js";

const TOPIC_BYTES_MAX = 255;

/** A topic's name as bytes; throws if it is none. One with half a character would be another's, as UTF-8. */
export function topicOf(name) {
  const isText = typeof name === "string" && !/\p{Cs}/u.test(name);
  const bytes = isText ? bytesOf(name) : [];
  const isTopic = bytes.length > 0 && bytes.length <= TOPIC_BYTES_MAX;
  expect("topic", name, isTopic, `a string of 1 to ${TOPIC_BYTES_MAX} bytes in UTF-8`);
  return bytes;
}

/** The command for it, and its numbers. */
export function startOf(last = 0, after) {
  if (after === undefined) return [border.LAST, last, 0, 0];
  return [border.AFTER, after.offset, ...after.epoch.split("-").map(Number)];
}
