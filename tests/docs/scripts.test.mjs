// Every piece of JavaScript and TypeScript in the documents: checked by TypeScript, and run in a
// browser or in Node against a real server.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { afterwards } from "../e2e/afterwards.mjs";
import { launchBrowser, watchErrors } from "../e2e/browser.mjs";
import { install } from "../package/installed.mjs";
import { assemble, bundle, checkTypes, isScript } from "./modules.mjs";
import { Servers, TOKEN } from "./servers.mjs";
import { gather } from "./snippets.mjs";

const TOLD_WITHIN_MS = 20_000;
/** Where the servers of the documents are said to be. */
const ADDRESSES = ["localhost:8080", "example.com"];
const PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body>\n';

/** Runs in the page before anything else. */
function prepare(addresses) {
  window.outcome = [];
  window.told = (...values) => outcome.push(values.length > 1 ? values.join(" ") : values[0]);
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    constructor(url, protocols) {
      const address = new URL(url);
      if (addresses.includes(address.host)) {
        address.protocol = "ws:";
        address.host = location.host;
      }
      super(address, protocols);
    }
  };
}

class Runner {
  #t;
  #browser;
  #servers;
  #folder;
  #snippets;

  constructor(t, browser, folder, snippets) {
    this.#t = t;
    this.#browser = browser;
    this.#servers = new Servers(join(folder, "site"));
    this.#folder = folder;
    this.#snippets = snippets;
  }

  /** Opens a page with what a browser makes of the piece of code; its errors fail `t`. */
  async open(t, snippet) {
    const origin = await this.#servers.origin(this.#t, snippet.server);
    const context = await this.#browser.createBrowserContext();
    afterwards(t, () => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(TOLD_WITHIN_MS);
    const errors = [];
    watchErrors(page, (message) => errors.push(message));
    afterwards(t, () => assert.deepEqual(errors, [], "errors in the page"));
    await page.evaluateOnNewDocument(prepare, ADDRESSES);
    await page.goto(`${origin}/${snippet.id}.html`);
    return page;
  }

  /** Runs a piece of code in a page, and compares what it tells with what is expected. */
  async inPage(t, snippet) {
    const page = await this.open(t, snippet);
    const also = (_, key) => this.open(t, this.#snippets.find((other) => other.key === key));
    await snippet.act?.(page, { also });
    const { tells = [] } = snippet;
    const enough = (count) => window.outcome.length >= count;
    await page.waitForFunction(enough, {}, tells.length).catch(() => {});
    const told = await page.evaluate(() => window.outcome);
    for (const [index, expected] of tells.entries()) {
      if (expected instanceof RegExp) assert.match(String(told[index]), expected);
      else if (typeof expected === "function") assert.ok(expected(told[index]), JSON.stringify(told));
      else assert.deepEqual(told[index], expected ?? null, JSON.stringify(told));
    }
  }

  /** Runs a piece of code as a program of Node, which has to end by itself. */
  async inNode(snippet) {
    const { host } = new URL(await this.#servers.origin(this.#t, snippet.server));
    const file = join(this.#folder, `${snippet.id}.mjs`);
    await writeFile(file, ADDRESSES.reduce((code, name) => code.replaceAll(name, host), snippet.code));
    const options = { encoding: "utf8", timeout: TOLD_WITHIN_MS };
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], options);
    assert.deepEqual([status, stdout, stderr], [0, snippet.tells, ""]);
  }
}

test("the documents' scripts", async (t) => {
  const { snippets } = await gather();
  const scripts = snippets.filter(isScript);
  const folder = await install(t);
  const site = join(folder, "site");
  await mkdir(site);
  await writeFile(join(site, "token"), TOKEN);
  // A copy: the server follows no link that leads out of what it serves.
  await cp(join(folder, "node_modules"), join(site, "node_modules"), { recursive: true });
  for (const { id, html, code } of snippets) {
    const script = `${PAGE}<script type="module" src="${id}.js"></script>\n`;
    await writeFile(join(site, `${id}.html`), html ? code : script);
  }
  await assemble(folder, scripts);

  await t.test("hold before TypeScript's strict mode", () => {
    assert.equal(checkTypes(folder, scripts), "");
  });

  await bundle(folder, scripts, site);
  const browser = await launchBrowser(join(folder, "profile"));
  afterwards(t, () => browser.close());
  const runner = new Runner(t, browser, folder, snippets);
  for (const snippet of snippets) {
    const { document, key, file, html, node } = snippet;
    // Files are run by the pieces that load them.
    if (file || !(html || isScript(snippet))) continue;
    await t.test(`${document}, ${key}`, (t) =>
      node ? runner.inNode(snippet) : runner.inPage(t, snippet),
    );
  }
});
