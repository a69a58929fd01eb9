// A server that means harm, or has lost its mind: the page learns what is documented, every promise
// settles truthfully, nothing is thrown into the void, and the line goes on or ends as the code says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BINARY, HostileServer, TEXT, WELCOME, accept, framed, hex } from "./hostile-server.mjs";
import { openPage } from "./installed.mjs";

const MIB = 1024 * 1024;
const ENTRY = hex("40 00 01 02 6869");
const PATIENCE_MS = 20_000;

/** Resolves when `condition` holds. */
async function until(what, condition) {
  const giveUpAt = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < giveUpAt, `waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What a page does: opens lines, and notes all that it is told. */
async function preparePage(page) {
  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    window.lost = 0;
    window.addEventListener("error", () => (window.lost += 1));
    window.addEventListener("unhandledrejection", () => (window.lost += 1));
    window.open = (url, options) => {
      const backoff = { base: 1, cap: 20 };
      // One of a test that has failed.
      window.line?.close({ timeout: 0 });
      window.line = connect(url, { connectTimeout: 2_000, backoff, ...options });
      window.states = [];
      window.messages = [];
      window.outcomes = [];
      const settle = (promise) =>
        promise.then(() => outcomes.push("done"), (error) => outcomes.push(error.name));
      line.addEventListener("state", (change) => states.push(change));
      line.addEventListener("message", ({ data, offset }) => messages.push([offset, data]));
      settle(line.send("sent"));
      settle(line.request("asked"));
      window.topic = line.subscribe("topic");
      window.told = [];
      topic.addEventListener("message", ({ offset }) => told.push(offset));
    };
    window.shut = async () => {
      await line.close({ timeout: 0 });
      await topic.ready.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve));
      return { outcomes, lost };
    };
  });
}

/** Ends the page's line; whatever was done to it, two promises have settled, and none is missing. */
async function shut(page, expected = ["ClosedError", "OutcomeUnknownError"]) {
  const { outcomes, lost } = await page.evaluate(() => shut());
  assert.equal(outcomes.length, 2, `${outcomes}`);
  for (const outcome of outcomes) assert.ok(expected.includes(outcome), outcome);
  assert.equal(lost, 0, "errors that nobody caught");
}

const state = (page) => page.evaluate(() => line.state);

test("a hostile server", async (t) => {
  const page = await openPage(t);
  await preparePage(page);
  const server = await HostileServer.start(t);
  const open = (options = {}) => page.evaluate((...given) => open(...given), server.url, options);

  /** Each connection is treated so; the client closes it with the code, and comes back. */
  const cut = (name, code, behave) =>
    t.test(`${name}: closed with ${code}, and dialed again`, async () => {
      server.treat(behave);
      await open();
      await until("it comes back", () => server.peers.length >= 3);
      await until("it has said why", () => server.peers[1].closedWith !== undefined);
      assert.equal(server.peers[0].closedWith, code);
      assert.notEqual(await state(page), "closed");
      await shut(page);
    });

  const before = (...packets) => async (peer) => {
    await peer.hello;
    for (const packet of packets) await peer.packet(packet);
  };
  const after = (...packets) => before(WELCOME, ...packets);

  await cut("garbage", 4001, before(Buffer.alloc(10_000, 0xff)));
  await cut("an empty packet", 4001, before(Buffer.alloc(0)));
  await cut("a frame of the client's", 4001, before(hex("8001026869")));
  await cut("megabytes of garbage", 4001, before(Buffer.alloc(8 * MIB, 0xff)));
  await cut("text", 4001, async (peer) => {
    await peer.hello;
    await peer.write(framed(TEXT, Buffer.from("hello")));
  });
  await cut("a length without end", 4304, after(hex("400101 ffffffffffffffff7f")));
  await cut("an entry before WELCOME", 4002, before(ENTRY));
  await cut("WELCOME twice", 4002, after(WELCOME));
  await cut("an ACK from the future", 4002, after(hex("04 ac02")));
  await cut("a hole in a stream", 4002, after(ENTRY, hex("40 00 03 02 6869")));
  await cut("an entry of a stream that never was", 4002, after(hex("40 09 01 02 6869")));
  await cut("a GAP that jumps back", 4002, after(ENTRY, hex("09 00 0123456789abcdef 00")));
  await cut("half a frame behind a good one", 4001, after(Buffer.concat([ENTRY, hex("40")])));
  const other = hex("0217 01 0123456789abcdef 09 00 9875 808040 808001 80808001");
  await cut("a WELCOME that knows of messages never sent", 4002, before(other));

  await t.test("a WELCOME that never comes is waited for no longer than said", async () => {
    server.treat(() => {});
    await open({ connectTimeout: 300 });
    await until("it comes back", () => server.peers.length >= 3);
    assert.equal(server.peers[0].closedWith, 4000);
    await shut(page);
  });

  await t.test("what a log that is gone left unread moves no position of the new one", async () => {
    const entries = (...offsets) => offsets.map((offset) => Buffer.from([0x40, 2, offset, 1, 0x61]));
    const subscribed = hex("07 02 00 0123456789abcdef 00");
    const gap = (offset) => Buffer.from([9, 2, ...Array(8).fill(0x11), offset]);
    let tell;
    const asked = new Promise((resolve) => (tell = resolve));
    server.treat(async (peer) => {
      await peer.welcome();
      await asked;
      await peer.packet(subscribed, ...entries(1, 2), gap(0), ...entries(1, 2, 3), gap(1), ...entries(2));
    });
    await open();
    await page.evaluate(() => {
      window.unread = line.subscribe("topic");
      window.gaps = [];
      unread.addEventListener("gap", ({ to, reset }) => gaps.push([to, reset]));
    });
    await until("it is live", async () => (await state(page)) === "open");
    tell();
    await until("both have been told", () => page.evaluate(() => gaps.length === 2));
    const [gaps, read, position] = await page.evaluate(async () => {
      const read = [];
      for (let at = 0; at < 6; at += 1) {
        const { value } = await unread.next();
        read.push([value.offset, unread.position.offset]);
      }
      await unread.return();
      return [window.gaps, read, unread.position];
    });
    assert.deepEqual(gaps, [[0, true], [1, true]]);
    assert.deepEqual(read, [[1, 1], [2, 1], [1, 1], [2, 1], [3, 1], [2, 1]]);
    assert.deepEqual(position, { epoch: "286331153-286331153", offset: 2 });
    await shut(page);
  });

  await t.test("entries that jump back are dropped, and counted", async () => {
    server.treat(async (peer) => {
      await peer.welcome();
      await peer.packet(ENTRY, hex("40 00 02 03 627965"), ENTRY, ENTRY, hex("40 00 01 01 78"));
    });
    await open();
    await until("both have come", () => page.evaluate(() => messages.length === 2));
    const seen = await page.evaluate(() => [messages, line.stats().duplicates, line.state]);
    assert.deepEqual(seen, [[[1, "hi"], [2, "bye"]], 3, "open"]);
    await shut(page);
  });

  await t.test("answers to nothing are nobody's, and a reply that is no JSON is an error", async () => {
    server.treat(async (peer) => {
      await peer.welcome();
      // To message 9, which never was; to the request, twice; the first is no JSON.
      await peer.packet(hex("41 00 01 02 09 78"), hex("49 00 02 02 02 7b"), hex("49 00 03 02 02 31"));
    });
    await open();
    await until("both are settled", () => page.evaluate(() => outcomes.length === 2));
    await shut(page, ["done", "UnserializableError"]);
  });

  await t.test("PINGs without end are answered, and fill no memory", async () => {
    server.treat(async (peer) => {
      await peer.welcome();
      const pings = Buffer.from("0a01".repeat(30_000), "hex");
      for (let count = 0; count < 200; count += 1) await peer.packet(pings);
      // A server that says nothing more is given up, rightly: however long the test takes, this one lives.
      await peer.pingUntilEnd();
    });
    await open();
    const all = 200 * 60_000;
    await until("all PONGs have come", () => server.peers.some(({ received }) => received > all));
    const { JSHeapUsedSize } = await page.metrics();
    assert.ok(JSHeapUsedSize < 100 * MIB, `${JSHeapUsedSize} bytes`);
    assert.equal(await state(page), "open");
    await shut(page);
  });

  await t.test("a thousand questions for credentials are one", async () => {
    server.treat(async (peer) => {
      await peer.welcome();
      await peer.packet(Buffer.alloc(1_000, 0x0c));
      await peer.packet(ENTRY);
    });
    await page.evaluate((url) => {
      window.asked = 0;
      open(url, { credentials: () => `token ${(window.asked += 1)}` });
    }, server.url);
    await until("the entry has come", () => page.evaluate(() => messages.length === 1));
    assert.equal(await page.evaluate(() => asked), 2, "to connect, and once again");
    await shut(page);
  });

  await t.test("messages that nobody listens for wait, with one warning", async () => {
    const many = 100_000;
    server.treat(async (peer) => {
      await peer.welcome();
      // One head, and then continued entries of no bytes: more than any window.
      const rest = Buffer.from("5000".repeat(many - 1), "hex");
      await peer.packet(hex("40 00 01 00"), rest);
    });
    await page.evaluate(async (url) => {
      console.warn = () => (window.warned = (window.warned ?? 0) + 1);
      const { connect } = await import("tautline");
      open(url, {});
      await line.close({ timeout: 0 });
      outcomes.length = 0;
      window.line = connect(url, { backoff: { base: 1, cap: 20 } });
    }, server.url);
    await until("all have come", () => page.evaluate(() => line.stats().received === 100_000));
    const { kept, warned } = await page.evaluate(async () => {
      const kept = [];
      line.addEventListener("message", ({ offset }) => kept.push(offset));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await line.close({ timeout: 0 });
      return { kept: [kept.length, kept.at(-1)], warned };
    });
    assert.deepEqual(kept, [many, many]);
    assert.equal(warned, 1);
  });

  await closeCodes(t, page, server, open);
  await handshakes(t, page, server, open);
  await brokenFrames(t, page, server, open);
});

/** Every class of close code, in the Close frame and in REFUSE, has its reaction. */
async function closeCodes(t, page, server, open) {
  const RETRY = [1000, 1001, 1005, 1006, 1011, 1012, 1014, 3000, 3999, 4000, 4001, 4002, 4003,
    4004, 4005, 4006, 4007, 4099, 4400, 4999];
  const LATER = [1013, 4100, 4101, 4199];
  const STOP = [4300, 4301, 4302, 4303, 4304, 4399];
  const CREDENTIALS = [4200, 4299];
  const close = (peer, code) =>
    code === 1006 ? peer.destroy() : peer.close(code === 1005 ? undefined : code);
  const refuse = (peer, code) => {
    const number = [(code & 127) | 128, code >> 7];
    // Its reason is not even UTF-8.
    return peer.packet(Buffer.from([0x03, ...number, 0, 2, 0xff, 0x21]));
  };
  const treated = (code, how, live, options) => {
    server.treat(async (peer) => {
      await peer.hello;
      if (live) await peer.packet(WELCOME);
      await how(peer, code);
    });
    return open(options);
  };

  for (const [way, how] of [["Close", close], ["REFUSE", refuse]]) {
    const codes = (all) => (way === "Close" ? all : all.filter((code) => code >= 4000));
    for (const live of [false, true]) {
      const when = `in ${way} ${live ? "on a live line" : "before WELCOME"}`;
      await t.test(`codes that say retry, ${when}`, async () => {
        for (const code of codes(RETRY)) {
          await treated(code, how, live);
          await until(`it comes back after ${code}`, () => server.peers.length >= 2);
          await shut(page);
        }
      });
      await t.test(`codes that say later, ${when}`, async () => {
        for (const code of codes(LATER)) {
          await treated(code, how, live, { backoff: {} });
          const change = () => page.evaluate((code) => states.find((told) => told.code === code), code);
          await until("it waits", change);
          const { at, retryAt } = await change();
          const wait = retryAt - at;
          assert.ok(wait > 4_000 && wait <= 10_000, `${wait} ms after ${code}`);
          await shut(page);
        }
      });
      await t.test(`codes that say stop, ${when}`, async () => {
        for (const code of codes([...STOP, ...CREDENTIALS])) {
          // Of what a live line has sent something is too large.
          if (live && code === 4304) continue;
          await treated(code, how, live);
          await until("it ends", async () => (await state(page)) === "closed");
          const error = await page.evaluate(() => {
            const { name, closeCode, message } = states.at(-1).error;
            return { name, closeCode, message };
          });
          const stops = STOP.includes(code);
          assert.equal(error.name, stops ? "StoppedError" : "UnauthorizedError");
          assert.equal(error.closeCode, stops ? code : undefined);
          if (way === "REFUSE") assert.match(error.message, /\ufffd!/);
          const settled = stops ? "StoppedError" : "UnauthorizedError";
          await shut(page, [settled, "ClosedError", "OutcomeUnknownError"]);
          assert.equal(server.peers.length, 1, "it does not come back");
        }
      });
    }
  }
}

/** What is no WebSocket's handshake is an attempt that failed. */
async function handshakes(t, page, server, open) {
  const say = (text) => (_, socket) => socket.end(`HTTP/1.1 ${text}\r\n\r\n`);
  const protocol = "Sec-WebSocket-Protocol: tautline.1\r\n";
  for (const [name, answer] of [
    ["a redirect", say("301 Moved\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0")],
    ["unauthorized", say('401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"')],
    ["forbidden", say("403 Forbidden\r\nContent-Length: 0")],
    ["an error", say("500 Internal Server Error\r\nContent-Length: 0")],
    ["a page", say("200 OK\r\nContent-Length: 5\r\n\r\nhello")],
    ["no HTTP", (_, socket) => socket.end(Buffer.alloc(1_000, 0xff))],
    ["nothing", (_, socket) => socket.destroy()],
    ["the wrong key", (request, socket) => accept(request, socket, protocol, "wrong")],
    ["no subprotocol", (request, socket) => accept(request, socket, "")],
    ["another subprotocol", (request, socket) =>
      accept(request, socket, "Sec-WebSocket-Protocol: chat\r\n")],
    ["an extension nobody offered", (request, socket) =>
      accept(request, socket, `${protocol}Sec-WebSocket-Extensions: x-evil\r\n`)],
    ["silence", () => {}],
  ]) {
    await t.test(`a handshake that gets ${name} is tried again`, async () => {
      server.respond(answer);
      await open({ connectTimeout: 500 });
      await until("it tries again", () => server.attempts >= 2);
      assert.notEqual(await state(page), "open");
      await shut(page, ["ClosedError"]);
    });
  }
}

/** What the browser itself refuses is a cut. */
async function brokenFrames(t, page, server, open) {
  for (const [name, bytes] of [
    ["a reserved bit", framed(0xc2, ENTRY)],
    ["an unknown opcode", framed(0x83, ENTRY)],
    ["a mask", Buffer.from([0x82, 0x81, 0, 0, 0, 0, 0x0c])],
    ["an end without a beginning", framed(0x80, ENTRY)],
    ["a text that is none", framed(TEXT, Buffer.from([0xff]))],
    ["a close code that is none", framed(0x88, Buffer.from([0x00, 0x01]))],
    ["a length of 2^63", Buffer.from([0x82, 127, 128, 0, 0, 0, 0, 0, 0, 0])],
  ]) {
    await t.test(`a frame with ${name} is a cut`, async () => {
      server.treat(async (peer) => {
        await peer.welcome();
        await peer.write(bytes);
      });
      await open();
      await until("it comes back", () => server.peers.length >= 2);
      await shut(page);
    });
  }

  await t.test("a packet in a thousand pieces is one", async () => {
    server.treat(async (peer) => {
      await peer.welcome();
      const pieces = [framed(BINARY & 0x7f, ENTRY.subarray(0, 1))];
      for (const byte of ENTRY.subarray(1)) {
        for (let count = 0; count < 250; count += 1) pieces.push(framed(0x00, Buffer.alloc(0)));
        pieces.push(framed(0x00, Buffer.from([byte])));
      }
      pieces.push(framed(0x80, Buffer.alloc(0)));
      await peer.write(Buffer.concat(pieces));
    });
    await open();
    await until("it has come", () => page.evaluate(() => messages.length === 1));
    await shut(page);
  });
}
