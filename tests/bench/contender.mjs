// One contender in its own page, and what is measured on it.

import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";

import { setting } from "../e2e/processes.mjs";

const SITE = fileURLToPath(new URL("site", import.meta.url));
const PACKAGE_PATH = "/node_modules/tautline/";
const TYPES = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };

export const MESSAGE_BYTES = 64;
const TEXT = "x".repeat(MESSAGE_BYTES);
/** How long acknowledgements that go alone may be on their way. */
const QUIET_MS = 500;

/** Puppeteer's own limit is made for slow pages, not for long measurements. */
export const CALL_TIME_MAX = 600_000;

/**
 * Serves the page from the disk under the measured server's own origin, so that the server needs
 * neither static files nor a list of origins.
 */
async function serveFromDisk(page) {
  await page.setRequestInterception(true);
  page.on("request", async (request) => {
    const path = normalize(new URL(request.url()).pathname);
    const file = path.startsWith(PACKAGE_PATH)
      ? join(setting("TAUTLINE_NPM"), path.slice(PACKAGE_PATH.length))
      : join(SITE, path === "/" ? "index.html" : path);
    try {
      const contentType = TYPES[file.split(".").pop()];
      await request.respond({ body: await readFile(file), contentType });
    } catch (error) {
      console.error(`${path}: ${error.message}`);
      await request.respond({ status: 404 });
    }
  });
}

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
    await serveFromDisk(contender.#page);
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

  /** Milliseconds of `count` round trips, one after the other. */
  async roundTrips(count) {
    await this.#page.bringToFront();
    return this.#call("roundTrips", count, TEXT);
  }

  /** Bytes per message each way, all but the payload, through the proxy. */
  async wire({ apart, burst }) {
    const gap = 50;
    const sendApart = await this.#count(() => this.#call("sendApart", apart, TEXT, gap));
    const sendBurst = await this.#count(() => this.#call("send", burst, TEXT));
    const askedApart = await this.#count(() => this.#call("receiveApart", apart, MESSAGE_BYTES, gap));
    const askedBurst = await this.#count(() => this.#call("receive", burst, MESSAGE_BYTES));
    const round = (bytes, count, payload) => Number((bytes / count - payload).toFixed(2));
    return {
      sendApart: round(sendApart.up, apart, MESSAGE_BYTES),
      sendApartAcks: round(sendApart.down, apart, 0),
      sendBurst: round(sendBurst.up, burst, MESSAGE_BYTES),
      sendBurstAcks: round(sendBurst.down, burst, 0),
      receiveApart: round(askedApart.down, apart, MESSAGE_BYTES),
      receiveApartAsking: round(askedApart.up, apart, 0),
      receiveBurst: round(askedBurst.down, burst, MESSAGE_BYTES),
      receiveBurstAcks: round(askedBurst.up, burst, 0),
    };
  }

  async #count(operation) {
    const before = await this.#proxy.state(this.#lab);
    await operation();
    await pause(QUIET_MS);
    const after = await this.#proxy.state(this.#lab);
    return { up: after.up - before.up, down: after.down - before.down };
  }

  async close() {
    await this.#call("close");
    await this.#page.close();
  }
}
