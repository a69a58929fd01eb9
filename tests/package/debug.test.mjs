// `debug: true`: what the console says, and what it never says.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { setting } from "../e2e/processes.mjs";
import { openPage } from "./installed.mjs";

const VECTORS = fileURLToPath(new URL("../../protocol/tests/vectors", import.meta.url));
/** Name, time, direction; what follows is the test's to expect. */
const LINE = /^tautline (\d+) \d\d:\d\d:\d\d\.\d{3} ([*<>]) (.*)$/;

/** What a page's lines tell the console, without their times and the numbers of bytes. */
function listen(page) {
  const told = [];
  page.on("console", (message) => {
    const [, line, sign, text] = LINE.exec(message.text()) ?? [];
    if (line) told.push(`${line} ${sign} ${text.replace(/^\d+ B: /, "")}`);
  });
  return told;
}

test("the console tells every packet, state and WebSocket", async (t) => {
  const page = await openPage(t);
  const told = listen(page);
  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    const credentials = () => "sesame";
    const line = connect("/line?token=hidden", { debug: true, credentials });
    const room = line.subscribe("room", { last: 3 });
    await room.ready;
    await line.send("hello");
    await line.request({ find: "x".repeat(100) });
    const entry = room.next();
    await line.publish("room", new Uint8Array([1, 2, 255]));
    await entry;
    await Promise.all(Array.from({ length: 20 }, () => line.send("")));
    // As a browser does that puts the page into its back-forward cache and takes it out again.
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
    await line.request("again");
    await line.close();
  });

  const all = told.join("\n");
  const expected = [
    /^1 \* CONNECTING$/,
    /^1 \* dialing ws:\/\/127\.0\.0\.1:\d+\/line\?\.\.\.$/,
    /^1 > HELLO session [0-9a-f]{8}\.\.\., connection 1, credentials of 6 B \| SUBSCRIBE room, last 3$/,
    /^1 < WELCOME new, accepted #0, direct stream up to @0, heartbeat 15 s/,
    /^1 \* OPEN: connected$/,
    /SUBSCRIBED room, behind @0/,
    /^1 > .*MESSAGE #1 send "hello" 5 B$/,
    /^1 < ACK #1$/,
    /^1 > .*MESSAGE #2 request \{"find":"x{31}\.\.\. 111 B$/,
    /^1 < ENTRY direct @1 reply to #2 \{"find":"x{31}\.\.\. 111 B/,
    /^1 > .*MESSAGE #3 publish to room <01 02 ff> 3 B$/,
    /^1 < .*ENTRY room @1 <01 02 ff> 3 B/,
    /^1 > .*MESSAGE #9 send "" 0 B \| and \d+ more frames$/,
    /^1 \* hanging up with 4007$/,
    /^1 \* WAITING: the page was put aside \(code 4007\)$/,
    /^1 > HELLO session .*, connection 2, acknowledged #23, received direct @1, credentials of 6 B \| SUBSCRIBE room, behind @1$/,
    /^1 < WELCOME resumed, accepted #23/,
    /^1 \* OPEN: resumed \(down for \d+ ms\)$/,
    /^1 > .*BYE/,
    /^1 \* CLOSED$/,
  ];
  let at = 0;
  for (const line of expected) {
    const found = told.findIndex((text, index) => index >= at && line.test(text));
    assert.ok(found >= 0, `${line} is not there behind line ${at} of\n${all}`);
    at = found;
  }
  assert.doesNotMatch(all, /sesame|hidden|not understood/);
  const [session] = /session [0-9a-f.]+/.exec(all);
  assert.ok(session.length <= "session 01234567...".length, session);
});

test("refusals and reasons are told, and lines are told apart", async (t) => {
  const page = await openPage(t);
  const told = listen(page);
  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    const answers = ["refused", "good"];
    const first = connect("/line", { debug: true, credentials: () => answers.shift() });
    await first.send("x");
    const second = connect("/line", { debug: true });
    await second.send("y");
    await Promise.all([first.close(), second.close()]);
  });
  const all = told.join("\n");
  const reason = "this token is not good any more";
  assert.match(all, new RegExp(`^1 < REFUSE 4200: ${reason}$`, "m"));
  const waiting = `^1 \\* WAITING: the server refused the credentials: ${reason} \\(code 4200, next attempt in \\d+ ms\\)$`;
  assert.match(all, new RegExp(waiting, "m"));
  assert.match(all, /^2 > .*MESSAGE #1 send "y" 1 B$/m);
});

test("every entry has it, and loads it for a line that asks alone", async (t) => {
  const page = await openPage(t);
  const told = listen(page);
  const loaded = () =>
    page.evaluate(() => {
      const names = performance.getEntriesByType("resource").map(({ name }) => name);
      return names.filter((name) => /\/(debug|frames|warn)\.js$/.test(name)).length;
    });
  const openBy = (entry, options) =>
    page.evaluate(async (entry, options) => {
      const { connect, provide, ReliableWebSocket } = await import(`/node_modules/tautline/${entry}.js`);
      if (provide) await provide("/node_modules/tautline/wasm/tautline.wasm");
      if (ReliableWebSocket) {
        const socket = new ReliableWebSocket("/line", [], options);
        await new Promise((resolve) => (socket.onopen = resolve));
        socket.close();
        await new Promise((resolve) => (socket.onclose = resolve));
      } else {
        const line = connect("/line", options);
        await line.send("x");
        await line.close();
      }
    }, entry, options);

  const entries = ["index", "inline", "slim", "websocket"];
  for (const entry of entries) await openBy(entry, {});
  assert.deepEqual([told.length, await loaded()], [0, 0], told.join("\n"));
  for (const [index, entry] of entries.entries()) {
    await openBy(entry, { debug: true });
    const own = told.filter((text) => text.startsWith(`${index + 1} `)).join("\n");
    assert.match(own, /> HELLO[^]*< WELCOME new[^]*> .*BYE[^]*\* CLOSED/, `${entry}:\n${own}`);
  }
  assert.equal(await loaded(), 2);
});

test("every golden vector is told by name", async () => {
  const { Teller } = await import(pathToFileURL(join(setting("TAUTLINE_NPM"), "frames.js")));
  const names = (await readdir(VECTORS)).filter((name) => name.endsWith(".json"));
  let [told, faults] = [0, 0];
  for (const name of names) {
    const vectors = JSON.parse(await readFile(join(VECTORS, name)));
    for (const { name: vector, from, bytes, messages = [bytes], frames, error } of vectors) {
      const teller = new Teller();
      const texts = messages.map((message) => teller.tell(Buffer.from(message, "hex"), from === "client"));
      const text = texts.join(" | ");
      if (error) {
        faults += 1;
        continue; // It must not throw; what it shows of a fault is its own.
      }
      told += 1;
      assert.doesNotMatch(text, /not understood|undefined|NaN/, `${vector}: ${text}`);
      const parts = text.split(" | ").filter((part) => !/FRAGMENT \d+ B$/.test(part));
      const shown = parts.filter((part) => !/^and \d+ more frames$/.test(part));
      assert.ok(shown.length === frames.length || shown.length < parts.length, `${vector}: ${text}`);
      shown.forEach((part, at) => assert.ok(part.startsWith(frames[at].frame), `${vector}: ${text}`));
    }
  }
  assert.ok(told > 20 && faults > 20, `${told} packets, ${faults} faults`);
});
