// The package as installed, served by the bridge in front of a WebSocket server, in a browser.

import assert from "node:assert/strict";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { afterwards } from "../e2e/afterwards.mjs";
import { launchBrowser, watchErrors } from "../e2e/browser.mjs";
import { Proxy, Server, setting } from "../e2e/processes.mjs";
import { install } from "../package/installed.mjs";

const SITE = new URL("site/", import.meta.url);

/** The faults of a storm, and how long it lasts. */
export const STORM = { seed: 4, cutEveryMs: [300, 700], cut: "both", latencyMs: 10 };
export const STORM_MS = 8_000;

export class World {
  /** Where the site and the package are. */
  folder;
  #browser;

  /** Starts a bridge in front of `backend`, a fault proxy in front of that, and a browser. */
  static async start(t, backend) {
    const world = new World();
    const folder = (world.folder = await install(t));
    await cp(fileURLToPath(SITE), folder, { recursive: true });
    await bundleLibraries(folder);
    const served = ["--backend", backend, "--static", folder];
    world.bridge = new Server(setting("TAUTLINE_BRIDGE"), served);
    await world.bridge.start();
    afterwards(t, () => world.bridge.kill());
    world.proxy = await Proxy.start(world.bridge.origin);
    afterwards(t, () => world.proxy.stop());
    const profile = join(folder, "profile");
    await mkdir(profile);
    world.#browser = await launchBrowser(profile);
    afterwards(t, () => world.#browser.close());
    return world;
  }

  version() {
    return this.#browser.version();
  }

  /** Opens a page of the site; its errors fail the test. */
  async page(t, origin) {
    const page = await this.blank(t);
    await page.goto(`${origin}/`);
    return page;
  }

  /** A page that shows nothing yet; its errors fail the test. */
  async blank(t) {
    const page = await this.#browser.newPage();
    const errors = [];
    watchErrors(page, (message) => errors.push(message));
    afterwards(t, () => assert.deepEqual(errors, [], "errors in the page"));
    return page;
  }
}

/** The libraries as an application's bundler would put them together; tautline is left outside. */
async function bundleLibraries(folder) {
  await build({
    entryPoints: [fileURLToPath(new URL("libraries.js", SITE))],
    outfile: join(folder, "libraries.js"),
    allowOverwrite: true,
    bundle: true,
    format: "esm",
    external: ["tautline/*"],
    nodePaths: [fileURLToPath(new URL("../node_modules", import.meta.url))],
    logLevel: "error",
  });
}
