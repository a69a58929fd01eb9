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
  const policy = (name, value, ...choices) =>
    expect(name, value, choices.includes(value), `"${choices.join('" or "')}"`);
  const number = (name, value, least = 1) =>
    expect(name, value, Number.isFinite(value) && value >= least, `a number from ${least}`);
  policy("whenUncertain", whenUncertain, "resend", "fail");
  policy("outbox.whenFull", whenFull, "wait", "reject");
  number("outbox.messages", messages);
  number("outbox.bytes", bytes);
  number("backoff.base", base);
  number("backoff.cap", cap, base);
  number("connectTimeout", connectTimeout);
  const isCodec = typeof codec?.encode === "function" && typeof codec.decode === "function";
  expect("codec", codec, isCodec, "an object with the functions encode and decode");
  const isFixed = typeof credentials === "string" || credentials instanceof Uint8Array;
  const isGiven = isFixed || typeof credentials === "function";
  expect("credentials", credentials, isGiven, "a string, a Uint8Array or a function");
  return {
    url: webSocketUrl(url),
    credentials,
    codec,
    signal,
    rejectWhenFull: whenFull === "reject",
    numbers: [whenUncertain === "resend", messages, bytes, base, cap, connectTimeout],
  };
}

function webSocketUrl(given) {
  let url;
  try {
    url = new URL(given, globalThis.document?.baseURI ?? globalThis.location?.href);
  } catch {
    expect("url", given, false, "a URL");
  }
  url.protocol = { "http:": "ws:", "https:": "wss:" }[url.protocol] ?? url.protocol;
  const isWebSocket = url.protocol === "ws:" || url.protocol === "wss:";
  expect("url", given, isWebSocket, "a URL with ws://, wss://, http:// or https://");
  url.hash = "";
  return url.href;
}

function expect(name, value, holds, what) {
  if (holds) return;
  throw new InvalidArgumentError(`Expected \`${name}\` to be ${what}, got ${String(value)}.`);
}
