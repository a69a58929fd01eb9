// The bytes that arrive are those of the call, whatever the application does with its own afterwards, and
// whenever the socket reads what it was given.

import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { WebSocket, WebSocketServer } from "ws";

import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { openPage } from "./installed.mjs";

test("bytes that change after the call, in a page", async (t) => {
  const page = await openPage(t);
  const check = (name, run, expected) =>
    t.test(name, async () => assert.deepEqual(await page.evaluate(run), expected));
  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    window.connect = connect;
    // As Node's Buffer, which pages have by way of the package `buffer`: its `slice` copies nothing.
    window.Pooled = class extends Uint8Array {
      slice(...range) {
        return this.subarray(...range);
      }
    };
    const frame = document.body.appendChild(document.createElement("iframe"));
    const { ArrayBuffer, DataView } = frame.contentWindow;
    const filled = (view) => (view.set([1, 2, 3]), view);
    window.kinds = {
      "a Uint8Array": () => filled(new Uint8Array(3)),
      "a part of a pool": () => filled(new Uint8Array(new window.ArrayBuffer(64), 8, 3)),
      "a Buffer": () => filled(new Pooled(new window.ArrayBuffer(64), 8, 3)),
      "a DataView": () => new window.DataView(filled(new Uint8Array(3)).buffer),
      "an ArrayBuffer": () => filled(new Uint8Array(3)).buffer,
      "a resizable ArrayBuffer": () =>
        filled(new Uint8Array(new window.ArrayBuffer(3, { maxByteLength: 8 }))).buffer,
      "a buffer of another frame": () => filled(new Uint8Array(new ArrayBuffer(3))).buffer,
      "a view of another frame": () => {
        const { buffer } = filled(new Uint8Array(new ArrayBuffer(3)));
        return new DataView(buffer);
      },
    };
    window.spoil = (bytes) => {
      const { buffer = bytes } = bytes;
      new Uint8Array(buffer).fill(9);
    };
  });

  await check("before the wasm has loaded", async () => {
    const wrong = {};
    for (const name of Object.keys(kinds)) {
      const line = connect("/line");
      const bytes = kinds[name]();
      const reply = line.request(bytes);
      spoil(bytes);
      const got = `${await reply}`;
      if (got !== "1,2,3") wrong[name] = got;
      await line.close();
    }
    return wrong;
  }, {});

  await check("on an open line", async () => {
    const line = connect("/line");
    await line.send("opens");
    const replies = Object.values(kinds).map((make) => {
      const bytes = make();
      const reply = line.request(bytes);
      spoil(bytes);
      return reply;
    });
    const all = await Promise.all(replies);
    await line.close();
    return [...new Set(all.map(String))];
  }, ["1,2,3"]);

  await check("on a durable line, which stores them", async () => {
    const line = connect("/nobody", { durable: "bytes" });
    const early = kinds["a Buffer"]();
    line.publish("t", early, { until: "stored" }).catch(() => {});
    spoil(early);
    for (const make of Object.values(kinds)) {
      const bytes = make();
      const stored = line.publish("t", bytes, { until: "stored" });
      spoil(bytes);
      await stored;
    }
    await line.close({ timeout: 0 });
    const next = connect("/nobody", { durable: "bytes" });
    const data = (await next.pending()).map(({ data }) => `${data}`);
    await next.clear();
    return [data.length, [...new Set(data)]];
  }, [9, ["1,2,3"]]);

  await check("of a codec that uses one buffer again and again", async () => {
    const buffer = new Pooled(3);
    const codec = {
      encode: (value) => (buffer.fill(value), buffer),
      decode: (bytes) => [...bytes],
    };
    const line = connect("/line", { codec });
    const replies = [1, 2, 3].map((value) => line.request(value));
    await replies[0];
    replies.push(...[4, 5].map((value) => line.request(value)));
    const all = await Promise.all(replies);
    await line.close();
    return all;
  }, [1, 2, 3, 4, 5].map((value) => [value, value, value]));

  await check("of an object: it is encoded in the call", async () => {
    const line = connect("/line");
    const value = { n: 1 };
    const reply = line.request(value);
    value.n = 2;
    const got = await reply;
    await line.close();
    return got;
  }, { n: 1 });
});

/** The package for Node, with the WebSocket of `ws`, which compresses what is long. */
async function inNode() {
  globalThis.WebSocket = WebSocket;
  const { connect } = await import(pathToFileURL(join(setting("TAUTLINE_NPM"), "node.js")));
  return connect;
}

/** A server of the package `ws`. */
async function listen(t, options, accept) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  afterwards(t, () => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  server.on("connection", accept);
  await once(server, "listening");
  return `ws://127.0.0.1:${server.address().port}`;
}

test("credentials are those of the call", async (t) => {
  const connect = await inNode();
  const heard = [];
  let tell;
  const all = new Promise((resolve) => (tell = resolve));
  const url = await listen(t, {}, (socket) =>
    socket.on("message", (packet) => heard.push(packet) === 4 && tell()));
  const fixed = Buffer.from("secret");
  const shared = new Uint8Array(new SharedArrayBuffer(6));
  shared.set(fixed);
  const given = Buffer.from("secret");
  const give = () => {
    setTimeout(() => given.fill(0));
    return given;
  };
  const view = new DataView(new TextEncoder().encode("secret").buffer);
  const lines = [fixed, shared, give, view].map((credentials) => connect(url, { credentials }));
  fixed.fill(0);
  shared.fill(0);
  await all;
  await Promise.all(lines.map((line) => line.close({ timeout: 0 })));
  for (const hello of heard) assert.ok(hello.includes("secret"), hello.toString("latin1"));
});

test("a socket that compresses, and so reads later, sends what it was given", async (t) => {
  const connect = await inNode();
  const example = new Server(setting("TAUTLINE_EXAMPLE"), []);
  await example.start();
  afterwards(t, () => example.kill());
  const perMessageDeflate = { threshold: 0 };
  let compressed = 0;
  // Between them, everything is compressed both ways.
  const url = await listen(t, { perMessageDeflate }, (client) => {
    compressed += /permessage-deflate/.test(client.extensions);
    const server = new WebSocket(`${example.origin.replace("http", "ws")}/line`, "tautline.1");
    const opened = once(server, "open");
    client.on("message", async (data) => (await opened, server.send(data)));
    server.on("message", (data) => client.send(data));
    client.on("close", () => server.terminate());
    server.on("close", () => client.terminate());
  });
  const line = connect(url);
  const payload = (number) => {
    const bytes = Buffer.alloc(1 + ((number * 7919) % 60_000), number);
    for (let at = 0; at < bytes.length; at += 7) bytes[at] = (at * number) & 255;
    return bytes;
  };
  let wrong = 0;
  for (let round = 0; round < 10; round += 1) {
    const numbers = Array.from({ length: 100 }, (_, at) => round * 100 + at);
    const replies = numbers.map(async (number) => {
      const bytes = payload(number);
      const reply = line.request(bytes);
      bytes.fill(0);
      if (!payload(number).equals(await reply)) wrong += 1;
      // Some more, in other turns of the event loop.
      if (number % 3 === 0) await line.send(payload(number));
    });
    await Promise.all(replies);
  }
  await line.close();
  assert.deepEqual([compressed, wrong], [1, 0]);
});
