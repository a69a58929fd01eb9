// A world for one test: server, fault proxy, Chromium and a page's files. All end with the test.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import puppeteer from "puppeteer-core";

import { Proxy, Server, setting } from "./processes.mjs";
import { assembleSite } from "./site.mjs";
import { Tab } from "./tab.mjs";

const SITE = new URL("site", import.meta.url);

/** On top of puppeteer's own, which keep pages in the background awake. */
export const CHROMIUM_FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update",
];

export class World {
  #browser;
  #directory;
  #pageErrors = [];

  /** Starts everything; `site` is what the server serves, by default a blank page. */
  static async start(t, site) {
    const world = new World();
    t.after(() => world.#stop());
    world.#directory = await mkdtemp(join(tmpdir(), "tautline-e2e-"));
    const directory = site ?? (await assembleSite(SITE, join(world.#directory, "site")));
    world.server = new Server(setting("TAUTLINE_SERVER"), ["--static", directory]);
    await world.server.start();
    world.proxy = await Proxy.start(world.server.origin);
    world.#browser = await puppeteer.launch({
      executablePath: setting("CHROMIUM"),
      headless: true,
      args: CHROMIUM_FLAGS,
      userDataDir: join(world.#directory, "profile"),
    });
    return world;
  }

  /** Opens a page; whatever it throws fails the test. */
  async page(url) {
    const page = await this.#browser.newPage();
    page.on("pageerror", (error) => this.#pageErrors.push(`${url}: ${error.message}`));
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
