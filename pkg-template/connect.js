// `connect`: looks at what the caller gave, says what is wrong with it, and opens a line.

import { InvalidArgumentError } from "./errors.js";
import { Line } from "./line.js";
import { json } from "./payload.js";

/** A `connect` whose lines get their wasm from `load`, a function that returns a promise of it. */
export function connector(load) {
  return (url, options = {}) => new Line(settings(url, options), load);
}

function settings(url, options) {
  const {
    credentials = "",
    codec = json,
    whenUncertain = "resend",
    outbox: { messages = 65_536, bytes = 16 * 1024 * 1024, whenFull = "wait" } = {},
    backoff: { base = 500, cap = 10_000 } = {},
    connectTimeout = 10_000,
    signal,
  } = options;
  oneOf("whenUncertain", whenUncertain, ["resend", "fail"]);
  oneOf("outbox.whenFull", whenFull, ["wait", "reject"]);
  number("outbox.messages", messages);
  number("outbox.bytes", bytes);
  number("backoff.base", base);
  number("backoff.cap", cap, base);
  number("connectTimeout", connectTimeout);
  if (typeof codec?.encode !== "function" || typeof codec.decode !== "function") {
    throw new InvalidArgumentError("Expected `codec` to have the functions encode and decode.");
  }
  const fixed = typeof credentials === "string" || credentials instanceof Uint8Array;
  if (!fixed && typeof credentials !== "function") {
    throw new InvalidArgumentError(
      `Expected \`credentials\` to be a string, a Uint8Array or a function, got ${credentials}.`,
    );
  }
  return {
    url: webSocketUrl(url),
    credentials,
    codec,
    signal,
    rejectWhenFull: whenFull === "reject",
    numbers: new Float64Array([
      whenUncertain === "fail" ? 1 : 0,
      messages,
      bytes,
      base,
      cap,
      connectTimeout,
    ]),
  };
}

function webSocketUrl(given) {
  let url;
  try {
    url = new URL(given, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    throw new InvalidArgumentError(`Expected \`url\` to be a URL, got "${given}".`);
  }
  url.protocol = { "http:": "ws:", "https:": "wss:" }[url.protocol] ?? url.protocol;
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new InvalidArgumentError(
      `Expected \`url\` to start with ws://, wss://, http:// or https://, got "${given}".`,
    );
  }
  url.hash = "";
  return url.href;
}

function oneOf(name, value, choices) {
  if (choices.includes(value)) return;
  const list = choices.map((choice) => `"${choice}"`).join(" or ");
  throw new InvalidArgumentError(`Expected \`${name}\` to be ${list}, got ${String(value)}.`);
}

function number(name, value, least = 1) {
  if (Number.isFinite(value) && value >= least) return;
  throw new InvalidArgumentError(
    `Expected \`${name}\` to be a number from ${least}, got ${String(value)}.`,
  );
}
