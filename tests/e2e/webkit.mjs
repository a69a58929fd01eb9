// WebKitGTK's browser, steered by WebDriver as puppeteer steers the others: what the tests need of
// a page and no more. Each page has a driver and a browser of its own, because a driver has one
// session. Errors are noted from the moment that a page has loaded.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";

import { freePort } from "./free-port.mjs";
import { setting } from "./processes.mjs";

const START_MS = 20_000;
const POLL_MS = 20;
const EVALUATE = `
  const [source, given, done] = arguments;
  const tell = (value) => done(value === undefined ? {} : { value });
  new Promise((resolve) => resolve((0, eval)("(" + source + ")")(...given)))
    .then(tell, (error) => done({ error: String(error) }));
`;
const NOTE_ERRORS = () => {
  window.thrown = [];
  const note = (error) => window.thrown.push(String(error));
  // Not before every other listener had its chance to handle it.
  window.addEventListener("error", (event) => {
    setTimeout(() => event.defaultPrevented || note(event.message));
  });
  window.addEventListener("unhandledrejection", ({ reason }) => note(reason));
};

class Page {
  #driver;
  #origin;
  #session;
  #note = () => {};
  #endWithParent = () => this.#driver.kill("SIGKILL");

  static async open() {
    const page = new Page();
    const port = await freePort();
    page.#origin = `http://127.0.0.1:${port}`;
    page.#driver = spawn(setting("TAUTLINE_BROWSER_PROGRAM"), [`--port=${port}`], {
      stdio: "ignore",
    });
    // Without this, a test runner that is stopped half-way would leave the driver behind.
    process.on("exit", page.#endWithParent);
    const giveUpAt = Date.now() + START_MS;
    while (!(await fetch(`${page.#origin}/status`).then(({ ok }) => ok, () => false))) {
      assert.ok(Date.now() < giveUpAt, "WebKit's driver does not listen");
      await pause(POLL_MS);
    }
    const { sessionId } = await page.#ask("POST", "/session", { capabilities: {} });
    page.#session = `/session/${sessionId}`;
    const timeouts = { script: 300_000, pageLoad: 60_000 };
    await page.#ask("POST", `${page.#session}/timeouts`, timeouts);
    return page;
  }

  async #ask(method, path, body) {
    const answer = await fetch(this.#origin + path, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`WebKit's driver: ${value.error}: ${value.message}`);
    return value;
  }

  on(event, listener) {
    assert.equal(event, "pageerror");
    this.#note = listener;
  }

  async goto(url) {
    await this.#ask("POST", `${this.#session}/url`, { url });
    // The driver may answer before the page's modules have run.
    const loaded = (url) => location.href === url && document.readyState === "complete";
    await this.waitForFunction(loaded, {}, new URL(url).href);
    await this.evaluate(NOTE_ERRORS);
  }

  async evaluate(script, ...given) {
    const command = { script: EVALUATE, args: [String(script), given] };
    const { value, error } = await this.#ask("POST", `${this.#session}/execute/async`, command);
    if (error !== undefined) throw new Error(error);
    return value;
  }

  async waitForFunction(condition, { timeout = START_MS, polling = POLL_MS } = {}, ...given) {
    const giveUpAt = Date.now() + timeout;
    for (;;) {
      const value = await this.evaluate(condition, ...given);
      if (value) return { jsonValue: () => value };
      if (Date.now() > giveUpAt) throw new Error(`Waiting failed: ${timeout}ms exceeded`);
      await pause(polling);
    }
  }

  async close() {
    try {
      const thrown = await this.evaluate(() => window.thrown);
      thrown.forEach((message) => this.#note({ message }));
      await this.#ask("DELETE", this.#session);
    } finally {
      this.#endWithParent();
      process.off("exit", this.#endWithParent);
    }
  }
}

/** A browser as puppeteer's `launch` gives it. */
export class WebKit {
  #pages = [];

  async newPage() {
    const page = await Page.open();
    this.#pages.push(page);
    return page;
  }

  async close() {
    for (const page of this.#pages.splice(0)) await page.close();
  }
}
