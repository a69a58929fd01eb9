// One page with one line: commands to it, and the log of what it was told.

import assert from "node:assert/strict";

/** Long enough for anything that is to happen, on a machine that is busy. */
export const SOON_MS = 30_000;
/** Puppeteer would else look on every frame that is drawn: a tab in the background draws none. */
export const POLL_MS = 20;

export class Tab {
  /** The puppeteer page. */
  page;

  static async open(page, path, options = {}) {
    const tab = new Tab();
    tab.page = page;
    await page.evaluate((...given) => driver.open(...given), path, options);
    return tab;
  }

  /** Subscribes, and resolves when the server has confirmed. */
  read(topic) {
    return this.page.evaluate((topic) => driver.read(topic), topic);
  }

  /** Publishes the next `count` numbers at once. */
  publish(topic, count = 1) {
    return this.page.evaluate((...given) => driver.publish(...given), topic, count);
  }

  /** Publishes numbers at a steady rate until `stopPublishing`. */
  publishSteadily(topic, perSecond) {
    return this.page.evaluate((...given) => driver.publishSteadily(...given), topic, perSecond);
  }

  stopPublishing() {
    return this.page.evaluate(() => driver.stopPublishing());
  }

  stats() {
    return this.page.evaluate(() => driver.line.stats());
  }

  state() {
    return this.page.evaluate(() => driver.line.state);
  }

  /** Everything the page did and was told, in order; times are in milliseconds since 1970. */
  log() {
    return this.page.evaluate(() => driver.log);
  }

  /** Resolves with the first entry of the log from `since` on that has all of `wanted`. */
  async told(wanted, { since = 0, within = SOON_MS } = {}) {
    try {
      const found = await this.page.waitForFunction(
        (...given) => driver.find(...given),
        { timeout: within, polling: POLL_MS },
        wanted, since,
      );
      return await found.jsonValue();
    } catch (error) {
      const log = await this.log().catch(() => []);
      const last = log.slice(-10).map((entry) => JSON.stringify(entry)).join("\n");
      const expected = `expected ${JSON.stringify(wanted)} (${error.message})`;
      throw new Error(`${expected}; the log ends with\n${last}`);
    }
  }

  /** Resolves when every promise the page was given has settled. */
  async settled() {
    try {
      const limits = { timeout: SOON_MS, polling: POLL_MS };
      await this.page.waitForFunction(() => driver.unsettled === 0, limits);
    } catch {
      const unsettled = await this.page.evaluate(() => driver.unsettled);
      assert.fail(`${unsettled} promises have not settled after ${SOON_MS} ms`);
    }
  }
}
