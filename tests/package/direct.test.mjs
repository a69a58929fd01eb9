// Direct messages wait until somebody listens: none is dropped, and no more wait than the server's window
// lets through.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "./installed.mjs";

/** The server's window: PROTOCOL.md S-12. */
const WINDOW = { messages: 16_384, bytes: 1_048_576 };

test("direct messages without a listener", async (t) => {
  const page = await openPage(t);
  const check = (name, run, expected, ...given) =>
    t.test(name, async () => assert.deepEqual(await page.evaluate(run, ...given), expected));
  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    window.connect = connect;
    window.warnings = [];
    console.warn = (text) => warnings.push(text);
    window.until = async (holds) => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    /** What comes until so many are there: whether it is all, in order. */
    window.read = async (line, from, count) => {
      const offsets = [];
      line.addEventListener("message", ({ offset }) => offsets.push(offset));
      await until(() => offsets.length >= count);
      return offsets.length === count && offsets.every((offset, at) => offset === from + at);
    };
    window.pushed = async (count, size, options) => {
      const line = connect("/line", options);
      await line.request(`push ${count} ${size}`);
      return line;
    };
  });

  await check("3,000 wait, and one warning says so", async () => {
    const line = await pushed(3_000, 10);
    // The answer to the first request is offset 1.
    await until(() => line.stats().received === 3_001);
    const all = await read(line, 2, 3_000);
    await line.close();
    const told = warnings.splice(0).map((text) => /1000 direct messages wait/.test(text));
    return [all, told];
  }, [true, [true]]);

  await check("what listens once gets one, and the others wait for the next", async () => {
    const line = await pushed(5, 1);
    const seen = [];
    const hear = (name, options) =>
      line.addEventListener("message", ({ offset }) => seen.push([name, offset]), options);
    hear("first", { once: true });
    await until(() => seen.length === 1);
    await line.request("a moment later");
    hear("second", { once: true });
    await until(() => seen.length === 2);
    const stop = new AbortController();
    line.addEventListener("message", ({ offset }) => {
      seen.push(["until abort", offset]);
      stop.abort();
    }, { signal: stop.signal });
    await until(() => seen.length === 3);
    hear("last");
    await until(() => seen.length === 5);
    await line.close();
    return seen;
  }, [["first", 2], ["second", 3], ["until abort", 4], ["last", 5], ["last", 6]]);

  await check("a listener that is removed and added again misses nothing", async () => {
    const line = connect("/line");
    const seen = [];
    const listener = ({ offset }) => seen.push(offset);
    for (let round = 0; round < 3; round += 1) {
      line.addEventListener("message", listener);
      await line.request("push 100 1");
      await until(() => seen.length >= round * 100 + 50);
      line.removeEventListener("message", listener);
      await line.request("push 50 1");
    }
    line.addEventListener("message", listener);
    await until(() => seen.length === 450);
    await line.close();
    return [new Set(seen).size, seen.every((offset, at) => at === 0 || offset > seen[at - 1])];
  }, [450, true]);

  for (const [name, count, size] of [["messages", 40_000, 0], ["bytes", 400, 10_000]]) {
    await check(`no more than a window of ${name} waits, and all come once somebody listens`,
      async (count, size, window) => {
        const line = await pushed(count, size);
        let received;
        do {
          ({ received } = line.stats());
          await line.send("a moment later", { signal: AbortSignal.timeout(300) }).catch(() => {});
        } while (line.stats().received > received);
        // With the answer, which is handled.
        const isBounded = received <= window.messages + 1 && (received - 1) * size <= window.bytes;
        const all = await read(line, 2, count);
        const answer = await line.request("as before");
        await line.close();
        return [isBounded, all, answer];
      },
      [true, true, "as before"], count, size, WINDOW);
  }

  await check("what waits when the line is cut comes once", async () => {
    const sockets = [];
    const Real = WebSocket;
    window.WebSocket = class extends Real {
      constructor(...given) {
        super(...given);
        sockets.push(this);
      }
    };
    const line = await pushed(2_000, 10, { backoff: { base: 1, cap: 1 } });
    window.WebSocket = Real;
    sockets[0].close();
    await until(() => line.stats().connections === 2);
    const all = await read(line, 2, 2_000);
    const answer = await line.request("as before");
    await line.close();
    return [all, answer];
  }, [true, "as before"]);
});
