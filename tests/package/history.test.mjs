// What a line tells of its past: each cause by its name, the server's words, and the downtime.

import assert from "node:assert/strict";
import { test } from "node:test";

import { HostileServer, WELCOME, hex } from "./hostile-server.mjs";
import { openPage } from "./installed.mjs";

const text = (words) => Buffer.from(words);
/** GOAWAY and REFUSE with a reason, as in PROTOCOL.md; both not before 0 ms. */
const goAway = (words) => Buffer.concat([hex("0d 00 00"), Buffer.from([words.length]), text(words)]);
const refuse = (code, words) =>
  Buffer.concat([hex(`03 ${code} 00`), Buffer.from([words.length]), text(words)]);
/** WELCOME to a session that has had one. */
const RESUMED = Buffer.from(WELCOME.with(2, 1));

/** Lets a client in, whether it is new or not. */
async function letIn(peer) {
  const epoch = (await peer.hello).subarray(18, 26);
  await peer.packet(epoch.every((byte) => byte === 0) ? WELCOME : RESUMED);
}

test("history", async (t) => {
  const page = await openPage(t);
  const server = await HostileServer.start(t);
  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    /** Opens a line and resolves with its changes once there are `count` and the last is `state`. */
    window.past = async (url, state, count) => {
      const start = Date.now();
      const line = connect(url, { connectTimeout: 1_000, backoff: { base: 50, cap: 50 } });
      while (line.state !== state || line.history().length < count) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        if (Date.now() - start > 20_000) break; // What there is will tell why.
      }
      const history = line.history();
      window.reconnects = line.stats().reconnects;
      await line.close({ timeout: 0 });
      return history.map(({ error, ...change }) => ({ ...change, error: error?.name }));
    };
  });

  /** What is told of a connection that `behave` ends, after which connections are good. */
  async function told(behave, state = "open", count = 4) {
    server.treat((peer) => (server.peers.length === 1 ? behave(peer) : letIn(peer)));
    return page.evaluate((...given) => past(...given), server.url, state, count);
  }
  const causes = (history) =>
    history.filter(({ code }) => code !== undefined).map(({ code, reason }) => [code, reason]);
  const cases = [
    ["a cut", async (peer) => (await peer.welcome(), peer.destroy()), [1006, "connection lost"]],
    ["a connection that does not become a line", async (peer) => (await peer.hello, peer.destroy()), [
      1006, "the connection closed before it was ready",
    ]],
    ["a server that closes with words", async (peer) => {
      await peer.welcome();
      await peer.close(1012, text("back in a minute"));
    }, [1012, "connection lost: back in a minute"]],
    ["a server that closes without", async (peer) => (await peer.welcome(), await peer.close()), [
      1005, "connection lost",
    ]],
    ["GOAWAY", async (peer) => (await peer.welcome(), await peer.packet(goAway("moving house"))), [
      4005, "the server asked to connect anew: moving house",
    ]],
    ["a refusal", async (peer) => (await peer.hello, await peer.packet(refuse("a6 1f", "oh no"))), [
      4006, "refused by the server: oh no",
    ]],
    ["nonsense", async (peer) => (await peer.welcome(), await peer.packet(hex("3f"))), [
      4001, "the server broke the protocol",
    ]],
    ["a server that never answers", () => {}, [4000, "no answer in time"]],
  ];
  await t.test("causes are counted without the server's words, which could be any number", async () => {
    const [, behave] = cases.find(([name]) => name === "a server that closes with words");
    await told(behave);
    assert.deepEqual(await page.evaluate(() => reconnects), { "connection lost": 1 });
  });

  for (const [name, behave, expected] of cases) {
    await t.test(`${name} is told`, async () => {
      assert.deepEqual(causes(await told(behave)), [expected]);
    });
  }

  await t.test("a takeover ends the line, with the server's words", async () => {
    const taken = async (peer) => (await peer.welcome(), await peer.close(4300, text("another tab")));
    const history = await told(taken, "closed", 3);
    const { state, reason, error } = history.at(-1);
    assert.deepEqual([state, error], ["closed", "StoppedError"]);
    assert.match(reason, /ended the line with code 4300: another tab\./);
  });

  await t.test("times rise, and the downtime is that between them", async () => {
    const before = Date.now();
    const history = await told(async (peer) => (await peer.welcome(), peer.destroy()));
    const times = history.map(({ at }) => at);
    assert.ok(times[0] >= before - 1 && times.at(-1) <= Date.now() + 1, `${before}: ${times}`);
    assert.deepEqual(times, [...times].sort((a, b) => a - b));
    const [left, back] = [history.find(({ code }) => code), history.at(-1)];
    assert.equal(back.downtime, back.at - left.at);
    assert.deepEqual(history.map(({ downtime }) => downtime === undefined), [true, true, true, true, false]);
    assert.ok(left.retryAt >= left.at, JSON.stringify(left));
  });

  await t.test("a change and the retry after it are told by one look at the clock", async () => {
    server.respond((_, socket) => socket.destroy());
    const waits = await page.evaluate(async (url) => {
      const { connect } = await import("tautline");
      const { now } = Date;
      let looks = 0;
      Date.now = () => now() + 1_000 * (looks += 1);
      try {
        const line = connect(url, { backoff: { base: 1, cap: 1 } });
        while (line.history().length < 10) await new Promise((resolve) => setTimeout(resolve, 10));
        await line.close({ timeout: 0 });
        return line.history().flatMap(({ at, retryAt }) => (retryAt ? [retryAt - at] : []));
      } finally {
        Date.now = now;
      }
    }, server.url);
    assert.ok(waits.length > 2 && waits.every((wait) => wait === 0 || wait === 1), `${waits}`);
  });

  await t.test("only the last hundred are kept", async () => {
    server.respond((_, socket) => socket.destroy());
    const { first, count } = await page.evaluate(async (url) => {
      const { connect } = await import("tautline");
      const line = connect(url, { backoff: { base: 1, cap: 1 } });
      let changes = 0;
      line.addEventListener("state", () => (changes += 1));
      while (changes < 110) await new Promise((resolve) => setTimeout(resolve, 10));
      const history = line.history();
      window.reconnects = line.stats().reconnects;
      await line.close({ timeout: 0 });
      return { first: history[0].reason, count: history.length };
    }, server.url);
    assert.equal(count, 100);
    assert.ok(["connecting", "could not connect"].includes(first), first);
  });
});
