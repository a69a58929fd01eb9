// The example that is a page in Rust, examples/room.rs, as a user of the crate would build it: in a
// browser, in one room with other pages, through cuts.

import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { afterwards } from "../e2e/afterwards.mjs";
import { launchBrowser, watchErrors } from "../e2e/browser.mjs";
import { Proxy, Server, setting } from "../e2e/processes.mjs";

/** Puppeteer would else look on every frame that is drawn: a tab in the background draws none. */
const WAIT = { polling: 20 };
const PAGE = `<!doctype html>
<meta charset="utf-8"><link rel="icon" href="data:,">
<body><script type="module">import start from "./room.js"; start();</script>
`;

test("a page in Rust reads and writes a room through cuts", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "tautline-rust-page-"));
  afterwards(t, () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await cp(setting("TAUTLINE_RUST_PAGE"), folder, { recursive: true });
  await writeFile(join(folder, "index.html"), PAGE);
  const server = new Server(setting("TAUTLINE_SERVER"), ["--static", folder]);
  await server.start();
  afterwards(t, () => server.kill());
  const proxy = await Proxy.start(server.origin);
  afterwards(t, () => proxy.stop());
  const browser = await launchBrowser(join(folder, "profile"));
  afterwards(t, () => browser.close());
  const errors = [];
  const open = async (origin) => {
    const page = await browser.newPage();
    watchErrors(page, (message) => errors.push(message));
    await page.goto(`${origin}/`);
    await page.waitForFunction(() => document.title === "it is said", WAIT);
    return page;
  };
  const first = await open(proxy.origin);
  await proxy.plan({ seed: 1, cutEveryMs: [50, 200], cut: "both" });
  for (let others = 1; others <= 3; others += 1) await open(server.origin);
  await proxy.heal();
  const items = () => [...document.querySelectorAll("li")].map((item) => item.textContent);
  await first.waitForFunction(() => document.querySelectorAll("li").length >= 4, WAIT);
  assert.deepEqual(await first.evaluate(items), Array(4).fill("hello from Rust"));
  assert.deepEqual(errors, [], "errors in the pages");
});
