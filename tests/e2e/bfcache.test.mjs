// The back-forward cache: the page is put aside as it is, and comes back as it was.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { assertDelivered } from "./account.mjs";
import { World } from "./world.mjs";

const ROUNDS = 3;
const AWAY_MS = 500;

/** Resolves when the page is back; fails with the browser's reasons if it was loaded anew. */
async function goBack(page) {
  await page.goBack({ waitUntil: "domcontentloaded" });
  const { kept, reasons } = await page.evaluate(() => {
    const [{ notRestoredReasons }] = performance.getEntriesByType("navigation");
    return { kept: window.isKept === true, reasons: JSON.stringify(notRestoredReasons) };
  });
  assert.ok(kept, `the page was loaded anew: ${reasons}`);
}

// PROTOCOL.md C-25.
test("a page is eligible, and loses nothing by it", async (t) => {
  const world = await World.start(t);
  const tab = await world.tabDirect();
  const calm = await world.tabDirect();
  await Promise.all([tab.read("down"), calm.read("up")]);
  await tab.page.evaluate(() => (window.isKept = true));

  for (let round = 1; round <= ROUNDS; round += 1) {
    await calm.publishSteadily("down", 50);
    await tab.publishSteadily("up", 50);
    await tab.told({ what: "entry", topic: "down", number: 10 * round });
    const leftAt = Date.now();
    await tab.page.goto(`${world.server.origin}/node_modules/tautline/package.json`);
    await pause(AWAY_MS);
    await calm.stopPublishing();
    await goBack(tab.page);
    const left = await tab.told({ what: "state", state: "waiting" }, { since: leftAt });
    assert.equal(left.reason, "the page was put aside");
    await tab.told({ what: "state", state: "open" }, { since: left.at });
    await tab.stopPublishing();
    await Promise.all([tab.settled(), calm.settled()]);
  }

  for (const [source, target, topic] of [[tab, calm, "up"], [calm, tab, "down"]]) {
    await source.publish(topic);
    await source.settled();
    const { number } = (await source.log()).findLast(({ what }) => what === "published");
    await target.told({ what: "entry", topic, number });
    t.diagnostic(JSON.stringify(assertDelivered(await source.log(), await target.log(), topic)));
  }
  const { connections } = await tab.stats();
  assert.equal(connections, 1 + ROUNDS);
});

test("a closed line leaves nothing behind that keeps a page from the cache", async (t) => {
  const world = await World.start(t);
  const tab = await world.tabDirect();
  await tab.told({ what: "state", state: "open" });
  await tab.page.evaluate(() => {
    window.isKept = true;
    window.driver.line.close();
  });
  await tab.told({ what: "state", state: "closed" });
  await tab.page.goto(`${world.server.origin}/node_modules/tautline/package.json`);
  await goBack(tab.page);
  assert.equal(await tab.state(), "closed");
});
