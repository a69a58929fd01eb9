// A world for one test: a server, a fault proxy, a browser whose profile outlives it, and a reader that
// counts at the server.

import assert from "node:assert/strict";
import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { afterwards } from "../e2e/afterwards.mjs";
import { launchBrowser, watchErrors } from "../e2e/browser.mjs";
import { Proxy, Server, setting } from "../e2e/processes.mjs";
import { assembleSite } from "../e2e/site.mjs";
import { Reader } from "./reader.mjs";

const SITE = new URL("site", import.meta.url);
const SOON_MS = 60_000;
const POLL_MS = 20;

export class World {
  browser;
  /** How often the browser itself has lost what was stored. */
  losses = 0;
  #directory;
  #pageErrors = [];

  /** Starts everything; `program` is the setting that names the server. */
  static async start(t, program = "TAUTLINE_SERVER", serverOptions = []) {
    const world = new World();
    afterwards(t, () => world.#stop());
    world.#directory = await mkdtemp(join(tmpdir(), "tautline-durable-"));
    const site = await assembleSite(SITE, join(world.#directory, "site"));
    world.server = new Server(setting(program), ["--static", site, ...serverOptions]);
    await world.server.start();
    world.proxy = await Proxy.start(world.server.origin);
    world.reader = await Reader.start(t, world.server.origin, "up");
    await world.startBrowser();
    return world;
  }

  /** Starts the browser, with what its profile has from before. */
  async startBrowser() {
    this.browser = await launchBrowser(join(this.#directory, "profile"));
  }

  /** Ends the browser as a crash would, with all of its processes. */
  async killBrowser() {
    const child = this.browser.process();
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    // Puppeteer puts Firefox's settings back in its own time; a start in between fails.
    const isTidied = async () =>
      !(await readdir(join(this.#directory, "profile"))).some((name) => name.endsWith(".puppeteer"));
    for (let look = 0; look < 100 && !(await isTidied()); look += 1) await pause(20);
  }

  /** Spoils what a browser that is not running has written to its databases: Chromium's. */
  async damageDatabases() {
    const databases = join(this.#directory, "profile", "Default", "IndexedDB");
    for (const name of await readdir(databases, { recursive: true })) {
      if (!name.endsWith(".log")) continue;
      const log = await open(join(databases, name), "r+");
      await log.write("damage", Math.floor((await log.stat()).size / 2));
      await log.close();
    }
  }

  /** A page that has the test's files open, and no line yet. */
  async page() {
    const page = await this.browser.newPage();
    watchErrors(page, (message) => this.#pageErrors.push(message));
    await page.goto(`${this.proxy.origin}/`);
    return page;
  }

  /** Opens a page's durable line, through the proxy under the lab id `lab`. */
  static open(page, options, lab = "line") {
    return page.evaluate(
      (...given) => driver.open(...given),
      `/line?lab=${lab}`,
      options,
    );
  }

  /** A page with an open durable line. */
  async tab(options, lab) {
    const page = await this.page();
    const durability = await World.open(page, options, lab);
    assert.equal(durability.stored, true, durability.reason);
    return page;
  }

  async #stop() {
    await this.browser?.close().catch(() => {});
    await this.proxy?.stop();
    await this.server?.kill();
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
    assert.deepEqual(this.#pageErrors, [], "errors in the pages");
  }
}

/** Resolves when `condition` holds in the page; `given` are its arguments. */
export async function until(page, condition, ...given) {
  try {
    await page.waitForFunction(condition, { timeout: SOON_MS, polling: POLL_MS }, ...given);
  } catch (error) {
    const log = await page.evaluate(() => driver.log.slice(-20)).catch(() => []);
    throw new Error(`${condition}: ${error.message}\n${log.map((e) => JSON.stringify(e)).join("\n")}`);
  }
}

/** How many sessions the page's database has. */
export function sessions(page) {
  return page.evaluate(async () => {
    const opening = indexedDB.open("tautline");
    await new Promise((resolve) => (opening.onsuccess = resolve));
    const counting = opening.result.transaction("sessions").objectStore("sessions").count();
    await new Promise((resolve) => (counting.onsuccess = resolve));
    opening.result.close();
    return counting.result;
  });
}

export const isOpen = (page) => until(page, () => driver.line.state === "open");

/** Takes an open line offline. */
export async function offline(world, page, lab = "line") {
  await isOpen(page);
  await world.proxy.act(lab, "offline");
  await until(page, () => driver.line.state === "waiting");
}

/** What the page has noted of a kind. */
export const told = (page, what) =>
  page.evaluate((what) => driver.log.filter((entry) => entry.what === what), what);
