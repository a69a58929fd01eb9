// The recipe's hook in React's StrictMode, which mounts, unmounts and mounts every component.

import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { blocks } from "../docs/snippets.mjs";
import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { install, openAt } from "../package/installed.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><main></main>\n';

/** The recipe that defines `useLine`. */
async function hookOfRecipes(folder) {
  const text = await readFile(join(folder, "node_modules/tautline/docs/recipes.md"), "utf8");
  const recipes = blocks(text).map(({ code }) => code);
  const [hook, ...others] = recipes.filter((code) => code.includes("export function useLine"));
  assert.ok(hook && others.length === 0, "the recipes have the hook once");
  return hook;
}

/** A page with the component of `site/src/react.jsx`, and every WebSocket that it opens counted. */
async function openComponent(t) {
  const folder = await install(t);
  await cp(join(HERE, "site"), folder, { recursive: true });
  await writeFile(join(folder, "src/use-line.tsx"), await hookOfRecipes(folder));
  await build({
    entryPoints: [join(folder, "src/react.jsx")],
    outfile: join(folder, "react/main.js"),
    bundle: true,
    format: "esm",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"development"' },
    nodePaths: [join(HERE, "node_modules")],
    logLevel: "error",
  });
  await cp(join(folder, "node_modules/tautline/wasm"), join(folder, "react/wasm"), { recursive: true });
  await writeFile(join(folder, "react/index.html"), PAGE);
  const server = new Server(setting("TAUTLINE_EXAMPLE"), ["--static", join(folder, "react")]);
  await server.start();
  afterwards(t, () => server.kill());
  const page = await openAt(t, folder, `${server.origin}/`);
  await page.evaluate(async () => {
    window.sockets = [];
    const Real = WebSocket;
    window.WebSocket = class extends Real {
      constructor(...given) {
        super(...given);
        sockets.push(this);
      }
    };
    Object.assign(window, await import("/main.js"));
  });
  return page;
}

test("the recipe's React hook", async (t) => {
  const page = await openComponent(t);
  const settles = (condition) => page.waitForFunction(condition, { timeout: 20_000 });

  for (const round of ["while the wasm is not loaded", "when it is"]) {
    await t.test(`StrictMode's mount, unmount, mount is one connection ${round}`, async () => {
      await page.evaluate(() => ((sockets.length = 0), (effects.length = 0), mount("/line")));
      await settles(() => document.querySelector("main").innerText === "open: answered");
      const { ran, opened } = await page.evaluate(() => {
        return { ran: effects, opened: sockets.length };
      });
      assert.deepEqual(ran, ["mounted", "unmounted", "mounted"]);
      assert.equal(opened, 1);
      await page.evaluate(() => unmount());
      await settles(() => sockets.every(({ readyState }) => readyState === WebSocket.CLOSED));
    });
  }

  await t.test("another address is another line, and the old one ends", async () => {
    await page.evaluate(() => ((sockets.length = 0), mount("/line")));
    await settles(() => document.querySelector("main").innerText === "open: answered");
    await page.evaluate(() => mount("/line?another"));
    await settles(() => sockets.length === 2 && sockets[0].readyState === WebSocket.CLOSED);
    await settles(() => document.querySelector("main").innerText === "open: answered");
    const urls = await page.evaluate(() => sockets.map(({ url }) => new URL(url).search));
    assert.deepEqual(urls, ["", "?another"]);
  });

  await t.test("a durable line has one session, whatever is mounted and loaded anew", async () => {
    const load = () => page.evaluate(async () => (window.app = await import("/main.js")) && undefined);
    const answered = () =>
      settles(() => document.querySelector("main").innerText === "open: answered");
    const sessions = () => page.evaluate(async () => {
      const opening = indexedDB.open("tautline");
      await new Promise((resolve) => (opening.onsuccess = resolve));
      const counting = opening.result.transaction("sessions").objectStore("sessions").count();
      await new Promise((resolve) => (counting.onsuccess = resolve));
      opening.result.close();
      return counting.result;
    });
    await page.evaluate(() => unmount());
    await load();
    for (let round = 0; round < 3; round += 1) {
      await page.evaluate(() => {
        window.options = { durable: "react" };
        app.mount("/line", options);
      });
      await answered();
      assert.equal(await sessions(), 1);
      await page.evaluate(() => app.unmount());
    }
    // Nobody answers there, so that it stays unsent.
    await page.evaluate(async () => {
      app.mount("/nobody", options);
      while (app.current?.state !== "waiting") await new Promise((resolve) => setTimeout(resolve, 5));
      await app.current.send("unsent", { until: "stored" });
    });
    assert.equal(await sessions(), 1);
    await page.reload();
    await load();
    await page.evaluate(() => app.mount("/line", { durable: "react" }));
    await settles(() => app.settled.some(({ data }) => data === "unsent"));
    const told = await page.evaluate(() => app.settled.map(({ data, adopted }) => [data, adopted ?? false]));
    assert.deepEqual(told.filter(([data]) => data === "unsent"), [["unsent", false]]);
    assert.equal(await sessions(), 1);
  });
});
