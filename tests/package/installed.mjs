// The package as a user has it: installed from the tarball, served beside an application's server
// (the example that echoes requests and pushes messages), in a real browser.

import { spawnSync } from "node:child_process";
import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterwards } from "../e2e/afterwards.mjs";
import { launchBrowser, watchErrors } from "../e2e/browser.mjs";
import { Server, setting } from "../e2e/processes.mjs";

/** A folder with the tarball installed in it, as npm does it; removed after the test. */
export async function install(t) {
  const folder = await mkdtemp(join(tmpdir(), "tautline-package-"));
  afterwards(t, () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const options = { cwd: folder, encoding: "utf8" };
  const command = ["install", "--no-audit", "--no-fund", "--offline", setting("TAUTLINE_TARBALL")];
  const { status, stderr } = spawnSync("npm", command, options);
  assert.equal(status, 0, stderr);
  return folder;
}

/**
 * A blank page of a site where the package is installed; its errors fail the test. `program` is the
 * setting that names its server.
 */
export async function openPage(t, program = "TAUTLINE_EXAMPLE") {
  const folder = await install(t);
  await cp(fileURLToPath(new URL("site", import.meta.url)), folder, { recursive: true });
  const server = new Server(setting(program), ["--static", folder]);
  await server.start();
  afterwards(t, () => server.kill());
  return openAt(t, folder, `${server.origin}/`);
}

/** A page at `url` in a browser that has its profile in `folder`; the page's errors fail the test. */
export async function openAt(t, folder, url) {
  const browser = await launchBrowser(join(folder, "profile"));
  afterwards(t, () => browser.close());
  const page = await browser.newPage();
  const errors = [];
  watchErrors(page, (message) => errors.push(message));
  afterwards(t, () => assert.deepEqual(errors, [], "errors in the page"));
  await page.goto(url);
  return page;
}
