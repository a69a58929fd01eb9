// Counts at the server: reads a topic from its beginning, outside of any browser.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { afterwards } from "../e2e/afterwards.mjs";
import { setting } from "../e2e/processes.mjs";

globalThis.WebSocket ??= createRequire(import.meta.url)("ws").WebSocket;
const { connect } = await import(pathToFileURL(join(setting("TAUTLINE_NPM"), "node.js")).href);

const SOON_MS = 60_000;

export class Reader {
  numbers = [];
  gaps = [];
  #line;

  static async start(t, origin, topic) {
    const reader = new Reader();
    reader.#line = connect(`${origin}/line`);
    afterwards(t, () => reader.#line.close({ timeout: 0 }));
    const subscription = reader.#line.subscribe(topic, { last: 1_000_000 });
    subscription.addEventListener("message", ({ data }) => reader.numbers.push(parseInt(data, 10)));
    subscription.addEventListener("gap", (gap) => reader.gaps.push(gap));
    await subscription.ready;
    return reader;
  }

  publish(topic, from, to) {
    const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    return Promise.all(numbers.map((number) => this.#line.publish(topic, String(number))));
  }

  /**
   * Resolves when it has come back from what has happened to the server, there are at least so many
   * entries, or there ought to be, and nothing more comes.
   */
  async caughtUp(count) {
    await this.#reaches(count);
    for (let known = -1; this.#line.state !== "open" || known < this.numbers.length; ) {
      known = this.numbers.length;
      await pause(300);
    }
  }

  /** Resolves once so many entries are there, or ought to be. */
  async #reaches(count) {
    const end = Date.now() + SOON_MS;
    while (this.numbers.length < count && Date.now() < end) await pause(20);
  }

  /** Resolves once so many entries are there; a moment later there are no more of them. */
  async has(count) {
    await this.#reaches(count);
    await pause(200);
    assert.equal(this.numbers.length, count, `entries: ${this.numbers.slice(-20)}`);
  }

  /** Asserts that the numbers 1 to `count` are there, each once and in order. */
  async hasExactly(count) {
    await this.has(count);
    const expected = Array.from({ length: count }, (_, index) => index + 1);
    assert.deepEqual(this.numbers, expected);
    assert.deepEqual(this.gaps, []);
  }
}
