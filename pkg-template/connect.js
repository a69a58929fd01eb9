// `connect`: looks at what the caller gave, says what is wrong with it, and opens a line.

import { SUBPROTOCOL } from "./driver.js";
import { InvalidArgumentError } from "./errors.js";
import { expect } from "./expect.js";
import { Line } from "./line.js";
import { json } from "./payload.js";
import { isWebSocket, resolve } from "./url.js";

/**
 * A `connect` whose lines get their wasm from `plain`, a function that returns a promise of it; durable
 * ones from `durable`, and from `plain` if that fails.
 */
export function connector(plain, durable = plain) {
  return (url, options = {}) => {
    const line = settings(url, options);
    return new Line(line, line.durable ? () => durable().catch(plain) : plain);
  };
}

function settings(url, options) {
  const {
    credentials = "",
    codec = json,
    durable,
    whenUncertain = "resend",
    outbox: { messages = 65_536, bytes = 16 * 1024 * 1024, whenFull = "wait" } = {},
    backoff: { base = 500, cap = 10_000 } = {},
    connectTimeout = 10_000,
    signal,
    warnBeforeUnload,
    debug,
    WebSocket,
  } = options;
  const number = (name, value, least = 1) =>
    expect(name, value, Number.isFinite(value) && value >= least, `a number from ${least}`);
  const resends = whenUncertain === "resend";
  expect("whenUncertain", whenUncertain, resends || whenUncertain === "fail", '"resend" or "fail"');
  const waits = whenFull === "wait";
  expect("outbox.whenFull", whenFull, waits || whenFull === "reject", '"wait" or "reject"');
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
  // As many again wait: in the same queue.
  const room = waits ? 2 : 1;
  const isName = durable === undefined || (typeof durable === "string" && durable !== "");
  expect("durable", durable, isName, "a name");
  const isClass = WebSocket === undefined || typeof WebSocket === "function";
  expect("WebSocket", WebSocket, isClass, "a class like the browser's WebSocket");
  return {
    durable,
    WebSocket,
    url: webSocketUrl(url, WebSocket),
    credentials,
    codec,
    signal,
    warnBeforeUnload,
    debug,
    numbers: [resends, messages * room, bytes * room, base, cap, connectTimeout],
  };
}

function webSocketUrl(given, WebSocket = globalThis.WebSocket) {
  let url;
  try {
    url = resolve(given);
  } catch {
    expect("url", given, false, "a URL");
  }
  expect("url", given, isWebSocket(url), "a URL with ws://, wss://, http:// or https://");
  url.hash = "";
  if (url.protocol === "ws:" && globalThis.origin?.startsWith("https:")) {
    try {
      // Only the browser knows which ones it lets pass, such as those to this machine.
      new WebSocket(url, SUBPROTOCOL).close();
    } catch (cause) {
      const message = `Expected \`url\` to be one that this page may open, got ${url}: ${cause.message}`;
      throw new InvalidArgumentError(message, { cause });
    }
  }
  return url.href;
}
