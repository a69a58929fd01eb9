// `connect`: looks at what the caller gave, says what is wrong with it, and opens a line.

import { openCarrier } from "./carrier.js";
import { credentialsOf } from "./credentials.js";
import { InvalidArgumentError } from "./errors.js";
import { expect } from "./expect.js";
import { Line } from "./line.js";
import { CONNECT, optionsOf } from "./options.js";
import { json } from "./payload.js";
import { isWebSocket, resolve } from "./url.js";

/**
 * A `connect` whose lines get their wasm from `plain`, a function that returns a promise of it; durable
 * ones from `durable`, and from `plain` if that fails.
 */
export function connector(plain, durable = plain) {
  return (url, options) => {
    const line = settings(url, options);
    return new Line(line, line.durable ? () => durable().catch(plain) : plain);
  };
}

function settings(url, options) {
  const {
    credentials = "",
    codec = json,
    whenUncertain,
    outbox: { messages = 65_536, bytes = 16 * 1024 * 1024, whenFull } = {},
    backoff: { base = 500, cap = 10_000 } = {},
    connectTimeout = 10_000,
    ...others
  } = optionsOf(CONNECT, options);
  expect("backoff.cap", cap, cap >= base, "not below `backoff.base`");
  // As many again wait: in the same queue.
  const room = whenFull === "reject" ? 1 : 2;
  const resends = whenUncertain !== "fail";
  return {
    ...others,
    url: webSocketUrl(url, others.WebSocket),
    credentials: typeof credentials === "function" ? credentials : credentialsOf(credentials),
    codec,
    numbers: [resends, messages * room, bytes * room, base, cap, connectTimeout],
  };
}

function webSocketUrl(given, WebSocket = globalThis.WebSocket) {
  let url;
  try {
    // Other values would be names of pages beside this one.
    if (typeof given === "string" || typeof given?.href === "string") url = resolve(given);
  } catch {
    // It is told below.
  }
  expect("url", given, url, "a URL");
  expect("url", given, isWebSocket(url), "a URL with ws://, wss://, http:// or https://");
  url.hash = "";
  if (url.protocol === "ws:" && globalThis.origin?.startsWith("https:")) {
    try {
      // Only the browser knows which ones it lets pass, such as those to this machine.
      openCarrier(WebSocket, url).close();
    } catch (cause) {
      const message = `Expected \`url\` to be one that this page may open, got ${url}: ${cause.message}`;
      throw new InvalidArgumentError(message, { cause });
    }
  }
  return url.href;
}
