// A tab crashes, and the whole browser is killed, in the middle of a burst.

import { test } from "node:test";

import { BROWSER } from "../e2e/browser.mjs";
import { assertCarriedOn, burst, goOn } from "./lives.mjs";
import { World } from "./world.mjs";

const ROUNDS = 6;
/** Only Chromium can be told to crash a tab. */
const skip = BROWSER === "chromium" ? false : "Chromium's own";

test("a tab that crashes loses, doubles and misplaces nothing", { skip }, async (t) => {
  const world = await World.start(t);
  const counts = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const page = await world.tab();
    const stored = await burst(world, page);
    await goOn(stored, 30 + 70 * round);
    const crashed = new Promise((resolve) => page.once("error", resolve));
    page.goto("chrome://crash").catch(() => {});
    await crashed;
    const next = await world.page();
    counts.push(await assertCarriedOn(world, next, stored));
    await Promise.all([page.close(), next.close()]);
  }
  t.diagnostic(`messages after each round: ${counts}`);
});

test("a browser that is killed loses, doubles and misplaces nothing", async (t) => {
  const world = await World.start(t);
  const counts = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const page = await world.tab();
    const stored = await burst(world, page);
    await goOn(stored, 30 + 70 * round);
    await world.killBrowser();
    await world.startBrowser();
    const next = await world.page();
    counts.push(await assertCarriedOn(world, next, stored));
    await next.close();
  }
  t.diagnostic(`messages after each round: ${counts}`);
});
