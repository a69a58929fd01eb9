// Connections that a page may not open: told at once, as the browser's own class does or better.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { serveCases } from "./backend.mjs";
import { World } from "./world.mjs";

const SECURE = "https://page.test";
const TYPES = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };
/** What a page with `https:` tries to open; whether it may is the browser's to say. */
const URLS = [
  "ws://elsewhere.test/", "ws://elsewhere.test:8080/x", "http://elsewhere.test/", "ws://page.test/",
  "ws://localhost:1/", "ws://a.localhost:1/", "ws://127.0.0.1:1/", "ws://127.1.2.3:1/", "ws://[::1]:1/",
  "wss://127.0.0.1:1/", "https://127.0.0.1:1/", "/relative",
];

/** A page of the site with `https:`, without a server for that. */
async function securePage(t, world) {
  const page = await world.blank(t);
  await page.setRequestInterception(true);
  page.on("request", async (request) => {
    const { origin, pathname } = new URL(request.url());
    if (origin !== SECURE) return request.abort();
    const name = pathname === "/" ? "/index.html" : pathname;
    const body = await readFile(join(world.folder, name)).catch(() => undefined);
    const contentType = TYPES[name.split(".").at(-1)] ?? "text/plain";
    // The browser may end while it still asks for its icon.
    return request.respond(body ? { body, contentType } : { status: 404 }).catch(() => {});
  });
  await page.goto(`${SECURE}/`);
  return page;
}

test("a page with https: may not open every ws:", async (t) => {
  const world = await World.start(t, await serveCases(t));
  const page = await securePage(t, world);
  const outcomes = await page.evaluate(async (urls) => {
    const { ReliableWebSocket } = await import("tautline/websocket");
    const { connect } = await import("tautline");
    const { attempt } = await import("/describe.js");
    const made = (Socket, url) => attempt(() => {
      const socket = new Socket(url);
      const { readyState } = socket;
      socket.close();
      return [socket.url, readyState];
    });
    const opened = (url) => {
      try {
        connect(url).close({ timeout: 0 });
        return "a line";
      } catch ({ code, message, cause }) {
        return [code, message, cause.name];
      }
    };
    return urls.map((url) => [url, made(WebSocket, url), made(ReliableWebSocket, url), opened(url)]);
  }, URLS);
  for (const [url, own, reliable, line] of outcomes) {
    assert.deepEqual(reliable, own, url);
    if (own !== "DOMException SecurityError") {
      assert.equal(line, "a line", url);
      continue;
    }
    const [code, message, cause] = line;
    assert.deepEqual([code, cause], ["invalid-argument", "SecurityError"], url);
    assert.match(message, /Expected `url` to be one that this page may open, got ws:\/\/.*insecure/i);
  }
  const thrown = outcomes.filter(([, own]) => own === "DOMException SecurityError");
  assert.equal(thrown.length, 4, JSON.stringify(outcomes));
});

test("a Content-Security-Policy that forbids the connection is told at once, with the reason", async (t) => {
  const world = await World.start(t, await serveCases(t));
  const page = await world.page(t, world.bridge.origin);
  const tell = (url) => page.evaluate(async (url) => {
    const { connect } = await import("tautline");
    const { ReliableWebSocket } = await import("tautline/websocket");
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.content = "connect-src 'self'";
    document.head.append(policy);
    const waits = (target) =>
      new Promise((resolve) => {
        target.addEventListener("state", ({ state, reason, code }) => state === "waiting" && resolve([reason, code]));
      });
    // Only what is told at once comes before the test gives up.
    const options = { connectTimeout: 2 ** 30 };
    const line = connect(url, options);
    const socket = new ReliableWebSocket(url, [], options);
    const told = [await waits(line), await waits(socket)];
    const state = line.history().find(({ state }) => state === "waiting");
    return [...told, [state.reason, state.code], socket.readyState];
  }, url);
  const [line, socket, history, readyState] = await tell("ws://127.0.0.1:1/line");
  const says = /^could not connect: .*Content-Security-Policy \(connect-src\)/;
  for (const [reason, code] of [line, socket, history]) {
    assert.match(reason, says);
    assert.equal(code, 1006);
  }
  assert.equal(readyState, 0);
});
