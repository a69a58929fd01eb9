// The package in what bundlers make of it, without a configuration file, in a real browser.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { createServer } from "vite";

import { afterwards } from "../e2e/afterwards.mjs";
import { launchBrowser, watchErrors } from "../e2e/browser.mjs";
import { freePort } from "../e2e/free-port.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { install } from "../package/installed.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const TOLD_WITHIN_MS = 20_000;
const PAGE = `<!doctype html>
<meta charset="utf-8"><link rel="icon" href="data:,">
<body><script type="module" src="PATH"></script></body>
`;

const ESBUILD = "esbuild --bundle --minify --outdir=dist";
const ROLLUP = "rollup --silent --plugin=node-resolve --dir=dist";

/** Each with the script that a page needs, and how many wasm files it makes: one is of durable lines. */
const BUILDS = [
  { name: "Vite", command: "vite build" },
  { name: "webpack", command: "webpack --mode=production", script: "main.js" },
  {
    name: "webpack, inline",
    command: "webpack ./src/inline.js --mode=production",
    script: "main.js",
    wasm: 0,
  },
  { name: "esbuild", command: `${ESBUILD} --format=esm src/index.js`, script: "index.js", wasm: 0 },
  { name: "esbuild, a script", command: `${ESBUILD} src/index.js`, script: "index.js", wasm: 0 },
  {
    name: "esbuild, slim with a loader for .wasm",
    command: `${ESBUILD} --format=esm --loader:.wasm=file src/slim.js`,
    script: "slim.js",
    wasm: 1,
  },
  { name: "esbuild, inline", command: `${ESBUILD} src/inline.js`, script: "inline.js", wasm: 0 },
  { name: "Rollup", command: `${ROLLUP} src/index.js`, script: "index.js", wasm: 0 },
  { name: "Rollup, inline", command: `${ROLLUP} src/inline.js`, script: "inline.js", wasm: 0 },
];

/** Opens the page and returns what it says came of its line, and what `debug` says of its packets. */
async function told(browser, url) {
  const page = await browser.newPage();
  const packets = [];
  page.on("console", (message) => {
    packets.push(...(/^tautline 1 [\d:.]+ ([<>] \d+ B: \w+)/.exec(message.text())?.slice(1) ?? []));
  });
  const errors = [];
  watchErrors(page, (message) => errors.push(message));
  await page.goto(url);
  await page.waitForFunction(() => document.body.dataset.told, { timeout: TOLD_WITHIN_MS })
    .catch((error) => assert.fail(`the page told nothing (${error.message}); ${errors}`));
  const text = await page.evaluate(() => document.body.dataset.told);
  await page.close();
  assert.deepEqual(errors, [], "errors in the page");
  return { text, packets: packets.join("\n") };
}

/** The build's command, run as the application's developer does. */
function build(folder, command) {
  const [program, ...rest] = command.split(" ");
  const file = join(HERE, "node_modules/.bin", program);
  const { status, stdout, stderr } = spawnSync(file, rest, { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
}

test("a build", async (t) => {
  const folder = await install(t);
  await cp(join(HERE, "site"), folder, { recursive: true });
  const browser = await launchBrowser(join(folder, "profile"));
  afterwards(t, () => browser.close());

  for (const { name, command, script, wasm = 2 } of BUILDS) {
    await t.test(name, async (t) => {
      const dist = join(folder, "dist");
      await rm(dist, { recursive: true, force: true });
      build(folder, command);
      if (script) await writeFile(join(dist, "index.html"), PAGE.replace("PATH", script));
      const files = await readdir(dist, { recursive: true });
      assert.equal(files.filter((file) => file.endsWith(".wasm")).length, wasm, files.join(" "));
      const server = new Server(setting("TAUTLINE_EXAMPLE"), ["--static", dist]);
      await server.start();
      afterwards(t, () => server.kill());
      const { text, packets } = await told(browser, `${server.origin}/`);
      assert.equal(text, "answered");
      // Its code is loaded when the line asks for it, from wherever the bundler has put it.
      assert.match(packets, /^> \d+ B: HELLO\n< \d+ B: WELCOME/);
    });
  }

  await t.test("Vite's server for development", async (t) => {
    const server = new Server(setting("TAUTLINE_EXAMPLE"), []);
    await server.start();
    afterwards(t, () => server.kill());
    const vite = await createServer({
      root: folder,
      configFile: false,
      logLevel: "error",
      // A port of 0 would mean Vite's usual one.
      server: {
        host: "127.0.0.1",
        port: await freePort(),
        proxy: { "/line": { target: server.origin, ws: true } },
      },
    });
    await vite.listen();
    afterwards(t, () => vite.close());
    const { port } = vite.httpServer.address();
    const { text, packets } = await told(browser, `http://127.0.0.1:${port}/`);
    assert.equal(text, "answered");
    assert.match(packets, /^> \d+ B: HELLO\n< \d+ B: WELCOME/);
  });
});
