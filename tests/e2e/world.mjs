// A world for one test: server, fault proxy, browser and a page's files. All end with the test.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterwards } from "./afterwards.mjs";
import { launchBrowser, watchErrors } from "./browser.mjs";
import { Proxy, Server, setting } from "./processes.mjs";
import { assembleSite } from "./site.mjs";
import { Tab } from "./tab.mjs";

const SITE = new URL("site", import.meta.url);

export class World {
  #browser;
  #directory;
  #pageErrors = [];

  /**
   * Starts everything; `site` is what the server serves, by default a blank page. `program` is the
   * setting that names the server's program, `args` are more arguments of it, `browser` options of
   * `launchBrowser`.
   */
  static async start(t, site, { program = "TAUTLINE_SERVER", args = [], browser = {} } = {}) {
    const world = new World();
    afterwards(t, () => world.#stop());
    world.#directory = await mkdtemp(join(tmpdir(), "tautline-e2e-"));
    const directory = site ?? (await assembleSite(SITE, join(world.#directory, "site")));
    world.server = new Server(setting(program), ["--static", directory, ...args]);
    await world.server.start();
    world.proxy = await Proxy.start(world.server.origin);
    world.#browser = await launchBrowser(join(world.#directory, "profile"), browser);
    return world;
  }

  /** The puppeteer browser. */
  get browser() {
    return this.#browser;
  }

  /** Opens a page; whatever it throws fails the test. */
  async page(url) {
    const page = await this.#browser.newPage();
    watchErrors(page, (message) => this.#pageErrors.push(`${url}: ${message}`));
    await page.goto(url);
    return page;
  }

  /** A page whose line goes through the proxy, known there under the lab id `lab`. */
  async tabThroughProxy(lab, options) {
    const page = await this.page(`${this.proxy.origin}/`);
    return Tab.open(page, `/line?lab=${lab}`, options);
  }

  /** A page whose line goes straight to the server. */
  async tabDirect(options) {
    const page = await this.page(`${this.server.origin}/`);
    return Tab.open(page, "/line", options);
  }

  async #stop() {
    await this.#browser?.close();
    await this.proxy?.stop();
    await this.server?.kill();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
    assert.deepEqual(this.#pageErrors, [], "errors in the pages");
  }
}
