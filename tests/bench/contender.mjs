// One contender in its own page, and what is measured on it.

import { setTimeout as pause } from "node:timers/promises";

export const MESSAGE_BYTES = 64;
const TEXT = "x".repeat(MESSAGE_BYTES);
/** How long acknowledgements that go alone may be on their way. */
const QUIET_MS = 500;
/** Between messages that are to be alone on the wire. */
const GAP_MS = 50;

/** Puppeteer's own limit is made for slow pages, not for long measurements. */
export const CALL_TIME_MAX = 600_000;

export class Contender {
  #page;
  #failed;
  #metrics;
  #lab;
  #proxy;

  /** With a proxy, the line goes through it, so that it can count bytes. */
  static async open(browser, name, origin, proxy) {
    const contender = new Contender();
    contender.name = name;
    contender.#lab = `bench-${name}`;
    contender.#proxy = proxy;
    contender.#page = await browser.newPage();
    contender.#failed = new Promise((_, reject) => {
      contender.#page.on("pageerror", ({ message }) => reject(new Error(`${name}: ${message}`)));
    });
    // Whoever waits for an operation learns of it; there may be no one at the moment.
    contender.#failed.catch(() => {});
    await contender.#page.goto(`${proxy?.origin ?? origin}/`);
    contender.#metrics = await contender.#page.createCDPSession();
    await contender.#metrics.send("Performance.enable", { timeDomain: "threadTicks" });
    const query = proxy ? `?lab=${contender.#lab}` : "";
    await contender.#call("open", name, query);
    return contender;
  }

  #call(operation, ...given) {
    const called = this.#page.evaluate((operation, given) => {
      return bench[operation](...given);
    }, operation, given);
    return Promise.race([called, this.#failed]);
  }

  /** Processor time of the page's main thread so far, in milliseconds. */
  async #threadTime() {
    const { metrics } = await this.#metrics.send("Performance.getMetrics");
    return 1000 * metrics.find(({ name }) => name === "ThreadTime").value;
  }

  async #measure(count, operation, ...given) {
    await this.#page.bringToFront();
    const before = await this.#threadTime();
    const took = await this.#call(operation, ...given);
    const busy = (await this.#threadTime()) - before;
    return { perSecond: (1000 * count) / took, mainThreadMicroseconds: (1000 * busy) / count };
  }

  /** `count` sends in one turn, until all are confirmed. */
  send(count) {
    return this.#measure(count, "send", count, TEXT);
  }

  /** `count` messages from the server, until the page has seen all. */
  receive(count) {
    return this.#measure(count, "receive", count, MESSAGE_BYTES);
  }

  /** Milliseconds of a round trip, one after the other, as means of `each`. */
  async roundTrips(samples, each) {
    await this.#page.bringToFront();
    return this.#call("roundTrips", samples, each, TEXT);
  }

  /**
   * Bytes per message through the proxy: `[there, back]` for `apart` sends and `apart` round trips
   * that are alone on the wire, and for bursts of `burst` each way. Of a message, what is beyond
   * its payload; of the way on which only acknowledgements go, all.
   */
  async wire({ apart, burst }) {
    const bytes = MESSAGE_BYTES;
    const send = await this.#count(apart, () => this.#call("apart", "send", apart, TEXT, GAP_MS));
    const ask = await this.#count(apart, () => this.#call("apart", "ask", apart, TEXT, GAP_MS));
    const sends = await this.#count(burst, () => this.#call("send", burst, TEXT));
    const pushes = await this.#count(burst, () => this.#call("receive", burst, bytes));
    return {
      sendAlone: [send.up - bytes, send.down],
      roundTripAlone: [ask.up - bytes, ask.down - bytes],
      sendBurst: [sends.up - bytes, sends.down],
      pushBurst: [pushes.down - bytes, pushes.up],
    };
  }

  /** Bytes each way per message, from a quiet moment to the next. */
  async #count(messages, operation) {
    await pause(QUIET_MS);
    const before = await this.#proxy.state(this.#lab);
    await operation();
    await pause(QUIET_MS);
    const after = await this.#proxy.state(this.#lab);
    return { up: (after.up - before.up) / messages, down: (after.down - before.down) / messages };
  }

  async close() {
    await this.#call("close");
    await this.#page.close();
  }
}
