// Everything at once, from a seed: a page in a burst is loaded anew, crashes, or is killed with its
// browser, while the line is cut and the server is killed with kill -9. Counted at the server.
//
//     TAUTLINE_SOAK_SEED=7 TAUTLINE_SOAK_ROUNDS=200 cargo xtask test durable

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { afterwards } from "../e2e/afterwards.mjs";
import { BROWSER } from "../e2e/browser.mjs";
import { assertCarriedOn, burst, carryOn } from "./lives.mjs";
import { World } from "./world.mjs";

const { TAUTLINE_SOAK_SEED: SEED = "1", TAUTLINE_SOAK_ROUNDS: ROUNDS = "8" } = process.env;
/** A round takes some seconds, and what is left of it at the end up to a minute. */
const timeout = 120_000 + Number(ROUNDS) * 30_000;

/** Numbers below `bound`, the same for the same seed: mulberry32. */
function sequence(seed) {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** Ends the page; resolves with the page of its next life, which has no line yet. */
const ENDINGS = {
  async reload(world, page) {
    await page.reload();
    return page;
  },
  async close(world, page) {
    await page.close();
    return world.page();
  },
  async crash(world, page) {
    if (BROWSER !== "chromium") return ENDINGS.reload(world, page);
    const crashed = new Promise((resolve) => page.once("error", resolve));
    page.goto("chrome://crash").catch(() => {});
    await crashed;
    const next = await world.page();
    await page.close();
    return next;
  },
  async kill(world) {
    await world.killBrowser();
    await world.startBrowser();
    return world.page();
  },
};

async function killServer(world) {
  await world.server.kill();
  await world.server.restart();
}

test(`nothing is lost, doubled or misplaced whatever is killed (seed ${SEED})`, { timeout }, async (t) => {
  const random = sequence(Number(SEED));
  const data = await mkdtemp(join(tmpdir(), "tautline-soak-"));
  afterwards(t, () => rm(data, { recursive: true, force: true, maxRetries: 5 }));
  const world = await World.start(t, "TAUTLINE_SERVER", ["--engine", "disk", "--data", data]);
  // An empty topic is nothing that a server keeps.
  await world.reader.publish("up", 1, 1);
  const counts = { reload: 0, close: 0, crash: 0, kill: 0, servers: 0 };
  let messages = 0;
  for (let round = 0; round < Number(ROUNDS); round += 1) {
    const seed = random(1_000_000);
    await world.proxy.plan({ seed, cutEveryMs: [100, 600], cut: "both", latencyMs: random(30) });
    let page = await world.tab();
    const stored = await burst(world, page);
    // More than one life may end before all of the first one is delivered.
    for (let lives = 1 + random(3); lives > 0; lives -= 1) {
      const dies = random(2) === 0;
      await pause(random(600));
      if (dies) await killServer(world);
      counts.servers += dies ? 1 : 0;
      await pause(random(300));
      const ending = Object.keys(ENDINGS)[random(4)];
      counts[ending] += 1;
      page = await ENDINGS[ending](world, page);
      if (lives > 1) await carryOn(world, page, stored);
    }
    await world.proxy.heal();
    messages = await assertCarriedOn(world, page, stored);
    await page.close();
  }
  const { losses } = world;
  t.diagnostic(JSON.stringify({ seed: SEED, rounds: ROUNDS, messages, ...counts, losses }));
  assert.ok(messages > 0);
});
