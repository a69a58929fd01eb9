// Vite replaces a module that holds a line while its page runs.

import assert from "node:assert/strict";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { createServer } from "vite";

import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { install, openAt } from "../package/installed.mjs";

const ROUNDS = 3;
const SOON_MS = 20_000;
const PAGE = `<!doctype html>
<meta charset="utf-8"><link rel="icon" href="data:,">
<script>
  window.sockets = [];
  sessionStorage.loads = Number(sessionStorage.loads ?? 0) + 1;
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      if (given[1] === "tautline.1") sockets.push(this);
    }
  };
</script>
<body><script type="module" src="/src/main.js"></script></body>
`;

/** An application's module, as the documentation of `Line.close` says; `version` is what is edited. */
const module = (version, hot) => `
import { connect } from "tautline";

const line = connect("/line");
document.body.dataset.told = "${version}: " + (await line.request("ready"));
${hot}
`;
const DISPOSES = `
if (import.meta.hot) {
  import.meta.hot.accept();
  import.meta.hot.dispose(() => line.close());
}`;
const FORGETS = "if (import.meta.hot) import.meta.hot.accept();";

async function openDeveloped(t, hot) {
  const folder = await install(t);
  await mkdir(join(folder, "src"));
  const edit = async (version) => {
    // Vite, which polls, misses edits that follow each other faster than any person's.
    await pause(500);
    // At once: Vite would look at a file that is half written.
    await writeFile(join(folder, "edited"), module(version, hot));
    await rename(join(folder, "edited"), join(folder, "src/main.js"));
  };
  await writeFile(join(folder, "index.html"), PAGE);
  await edit("version 0");
  const server = new Server(setting("TAUTLINE_EXAMPLE"), []);
  await server.start();
  afterwards(t, () => server.kill());
  const vite = await createServer({
    root: folder,
    configFile: false,
    logLevel: "error",
    server: {
      host: "127.0.0.1",
      proxy: { "/line": { target: server.origin, ws: true } },
      watch: { usePolling: true, interval: 50 },
    },
  });
  await vite.listen();
  afterwards(t, () => vite.close());
  const page = await openAt(t, folder, `http://127.0.0.1:${vite.httpServer.address().port}/`);
  await told(page, "version 0");
  return { page, edit };
}

const told = (page, version) =>
  page.waitForFunction(
    (text) => document.body.dataset.told === text,
    { timeout: SOON_MS, polling: 20 },
    `${version}: ready`,
  );

const opened = (page) =>
  page.evaluate(() => sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).length);

test("a module that disposes of its line keeps one connection over every edit", async (t) => {
  const { page, edit } = await openDeveloped(t, DISPOSES);
  for (let round = 1; round <= ROUNDS; round += 1) {
    await edit(`version ${round}`);
    await told(page, `version ${round}`);
    await page.waitForFunction(
      () => sockets.filter(({ readyState }) => readyState < WebSocket.CLOSING).length === 1,
      { timeout: SOON_MS, polling: 20 },
    );
  }
  const { loads, count } = await page.evaluate(() => {
    return { loads: Number(sessionStorage.loads), count: sockets.length };
  });
  assert.deepEqual([loads, count], [1, 1 + ROUNDS], "the page was loaded once, each version dialed once");
  assert.equal(await opened(page), 1);
});

test("one that does not leaves a connection behind, which is why it has to", async (t) => {
  const { page, edit } = await openDeveloped(t, FORGETS);
  await edit("version 1");
  await told(page, "version 1");
  assert.equal(await opened(page), 2);
});
