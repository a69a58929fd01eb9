// A world for one test: server, fault proxy, Chromium and a page's files. All end with the test.

import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import puppeteer from "puppeteer-core";

import { Proxy, Server, setting } from "./processes.mjs";
import { Tab } from "./tab.mjs";

/** On top of puppeteer's own, which keep pages in the background awake. */
export const CHROMIUM_FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update",
];

export class World {
  #browser;
  #directory;
  #site;
  #pageErrors = [];

  /** Starts everything; `site` is what the server serves, by default a blank page. */
  static async start(t, site) {
    const world = new World();
    t.after(() => world.#stop());
    world.#directory = await mkdtemp(join(tmpdir(), "tautline-e2e-"));
    world.#site = site ?? (await world.#assembleSite());
    world.server = new Server(setting("TAUTLINE_SERVER"), ["--static", world.#site]);
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

  async #assembleSite() {
    const site = join(this.#directory, "site");
    await cp(fileURLToPath(new URL("site", import.meta.url)), site, { recursive: true });
    const installed = join(site, "node_modules/tautline");
    await cp(setting("TAUTLINE_NPM"), installed, { recursive: true });
    return site;
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
