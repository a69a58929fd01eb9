// An application of Next, built and started, with a line in its page and one in its server.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";

import { afterwards } from "../e2e/afterwards.mjs";
import { freePort } from "../e2e/free-port.mjs";
import { environment, Server, setting } from "../e2e/processes.mjs";
import { openAt } from "../package/installed.mjs";
import { Program } from "../package/program.mjs";
import { binary, HERE, installHere } from "./installed.mjs";

const APPLICATION = join(HERE, "next");
const OPTIONS = {
  cwd: APPLICATION,
  encoding: "utf8",
  env: { ...environment(), NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" },
};

before(installHere);

test("Next", async (t) => {
  const next = await binary("next");
  const { status, stdout, stderr } = spawnSync(process.execPath, [next, "build"], OPTIONS);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  // Next marks a page with this circle when it could make its HTML during the build: importing the package
  // must not need a browser.
  assert.match(stdout, /\u{25cb} \/\n/u);

  const origin = `http://localhost:${await freePort()}`;
  const server = new Server(setting("TAUTLINE_SERVER"), ["--allow-origin", origin]);
  await server.start();
  afterwards(t, () => server.kill());
  const start = [next, "start", "--port", new URL(origin).port];
  const running = new Program(t, process.execPath, start, OPTIONS);
  for (let line = ""; !line.includes("Ready"); line = await running.next()) {
    assert.equal(running.errors, "");
  }

  const line = `line=${encodeURIComponent(`${server.origin}/line`)}`;
  const profile = await mkdtemp(join(tmpdir(), "tautline-next-"));
  afterwards(t, () => rm(profile, { recursive: true, force: true, maxRetries: 5 }));
  const page = await openAt(t, profile, `${origin}/?${line}`);
  const shows = (text) =>
    page.waitForFunction((text) => document.querySelector("#told").textContent === text, {}, text);
  await shows("hello");
  const answer = await fetch(`${origin}/server?${line}`);
  assert.equal(await answer.text(), "published", running.errors);
  await shows("from the server");
});
