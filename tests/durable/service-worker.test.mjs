// A durable line in a service worker, which the browser ends and begins as it likes: as a module, and
// as the one script that a bundler makes of it.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { build } from "esbuild";

import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { install, openAt } from "../package/installed.mjs";

/** Publishes what it is told, answers once that is stored, and tells pages what has arrived. */
const worker = (entry, url) => `
  import { connect } from "${entry}";
  const tell = async (told) => {
    for (const page of await clients.matchAll({ includeUncontrolled: true })) page.postMessage(told);
  };
  const line = connect("${url}", { durable: "worker", debug: true, backoff: { base: 50, cap: 100 } });
  line.addEventListener("durability", ({ stored, reason }) => tell({ stored, reason }));
  line.addEventListener("settled", ({ data, error }) => tell({ settled: data, error: error?.code }));
  addEventListener("message", (event) => {
    const { publish } = event.data;
    if (!publish) return;
    event.waitUntil(line.publish("notes", publish, { until: "stored" }).then(() => tell({ kept: publish })));
  });
`;

for (const kind of ["module", "classic"]) {
  test(`a ${kind} service worker keeps what it could not send`, async (t) => {
    const folder = await install(t);
    const site = new Server(setting("TAUTLINE_SERVER"), ["--static", folder]);
    await site.start();
    afterwards(t, () => site.kill());
    const server = new Server(setting("TAUTLINE_SERVER"), ["--allow-origin", site.origin]);
    await server.start();
    await server.kill();

    const file = join(folder, "worker.js");
    const url = `${server.origin.replace("http", "ws")}/line`;
    const isModule = kind === "module";
    const entry = isModule ? "/node_modules/tautline/service-worker.js" : "tautline/service-worker";
    await writeFile(file, worker(entry, url));
    if (!isModule) {
      const options = { bundle: true, format: "iife", allowOverwrite: true, logLevel: "error" };
      await build({ entryPoints: [file], outfile: file, absWorkingDir: folder, ...options });
    }
    await writeFile(join(folder, "index.html"), '<!doctype html><link rel="icon" href="data:,">');
    const page = await openAt(t, folder, `${site.origin}/`);
    const until = (what) => page.waitForFunction(what, { timeout: 20_000, polling: 20 });
    await page.evaluate(async (type) => {
      window.told = [];
      navigator.serviceWorker.onmessage = ({ data }) => told.push(data);
      navigator.serviceWorker.startMessages();
      await navigator.serviceWorker.register("/worker.js", { type });
      const { active } = await navigator.serviceWorker.ready;
      active.postMessage({ publish: "kept by the worker" });
    }, kind);
    await until(() => told.some(({ kept }) => kept));
    const durability = await page.evaluate(() => told.find(({ stored }) => stored !== undefined));
    assert.deepEqual(durability ?? { stored: true }, { stored: true, reason: "stored in IndexedDB" });

    const devtools = await page.createCDPSession();
    await devtools.send("ServiceWorker.enable");
    await devtools.send("ServiceWorker.stopAllWorkers");
    await server.restart();
    afterwards(t, () => server.kill());
    await page.evaluate(async () => {
      told.length = 0;
      const { active } = await navigator.serviceWorker.ready;
      active.postMessage({});
    });
    await until(() => told.some(({ settled }) => settled));
    const settled = await page.evaluate(() => told.filter(({ settled }) => settled));
    assert.deepEqual(settled, [{ settled: "kept by the worker" }]);
  });
}
