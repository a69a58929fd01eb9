// What options may be. Each is a pair, what holds for its value and how that is said, or what the options
// inside of it may be.

import { expect, expectKnown } from "./expect.js";
import { TIMEOUT_MAX } from "./page.js";

const isFunction = (value) => typeof value === "function";
const isString = (value) => typeof value === "string";

const oneOf = (...known) => [
  (value) => known.includes(value),
  known.map((value) => JSON.stringify(value)).join(" or "),
];
const FLAG = oneOf(true, false);
/** It may come from another frame of the page. */
const SIGNAL = [
  (value) => typeof value?.aborted === "boolean" && isFunction(value.addEventListener),
  "an AbortSignal",
];
const within = (least, most) => [
  (value) => typeof value === "number" && value >= least && value <= most,
  `a number from ${least} to ${most}`,
];
const DURATION = within(1, TIMEOUT_MAX);
const SIZE = within(1, Number.MAX_SAFE_INTEGER);
const PATIENCE = within(0, Infinity);

export const REQUEST = { signal: SIGNAL, ttl: DURATION, timeout: PATIENCE };
export const SEND = {
  signal: SIGNAL,
  ttl: DURATION,
  key: [isString, "a string"],
  volatile: FLAG,
  until: oneOf("processed", "stored"),
};
export const SUBSCRIBE = {
  signal: SIGNAL,
  last: [(value) => Number.isSafeInteger(value) && value >= 0, "a count from 0"],
  after: [isPosition, "a position"],
};
export const LISTEN = { signal: SIGNAL, once: FLAG };
export const CLOSE = { timeout: PATIENCE };
export const CONNECT = {
  signal: SIGNAL,
  // They are looked at where nobody is shown what they are.
  credentials: [() => true],
  codec: [
    (value) => isFunction(value?.encode) && isFunction(value.decode),
    "an object with the functions encode and decode",
  ],
  durable: [(value) => isString(value) && value !== "", "a name"],
  whenUncertain: oneOf("resend", "fail"),
  outbox: { messages: SIZE, bytes: SIZE, whenFull: oneOf("wait", "reject") },
  backoff: { base: DURATION, cap: DURATION },
  connectTimeout: DURATION,
  WebSocket: [isFunction, "a class like the browser's WebSocket"],
  warnBeforeUnload: FLAG,
  debug: FLAG,
};

/** An offset in an incarnation of a log, which is named by two numbers of 32 bits. */
function isPosition(value) {
  const { epoch, offset } = value ?? {};
  const isEpoch = isString(epoch) && /^\d+-\d+$/.test(epoch);
  return isEpoch && epoch.split("-").every((half) => half < 2 ** 32) && SUBSCRIBE.last[0](offset);
}

/** The options in `given`, after a look at each: `known` is what they may be, `path` where they are. */
export function optionsOf(known, given = {}, path = "") {
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  expect(path || "options", given, isObject, "an object");
  for (const name of Object.keys(given)) expectKnown("option", name, Object.keys(known));
  const options = {};
  for (const [name, kind] of Object.entries(known)) {
    const value = given[name];
    if (value === undefined) continue;
    const place = path ? `${path}.${name}` : name;
    if (Array.isArray(kind)) expect(place, value, kind[0](value), kind[1]);
    options[name] = Array.isArray(kind) ? value : optionsOf(kind, value, place);
  }
  return options;
}
