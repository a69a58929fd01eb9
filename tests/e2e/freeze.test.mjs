// The browser freezes a page, as it does to those in the background, and resumes it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { assertDelivered } from "./account.mjs";
import { World } from "./world.mjs";

/** The server gives a client up after two heartbeats and 2 s: here, 4 s. */
const HEARTBEAT_MS = 1_000;
const BACK_WITHIN_MS = 5_000;

for (const [name, frozenMs] of [["for a moment", 500], ["until the server gives up", 8_000]]) {
  // PROTOCOL.md C-15.
  test(`a page that is frozen ${name} loses nothing`, async (t) => {
    const args = ["--heartbeat", String(HEARTBEAT_MS)];
    const world = await World.start(t, undefined, { program: "TAUTLINE_EXAMPLE", args });
    const tab = await world.tabDirect();
    const calm = await world.tabDirect();
    await Promise.all([tab.read("down"), calm.read("up")]);
    await calm.publishSteadily("down", 20);
    await tab.publishSteadily("up", 20);
    await tab.told({ what: "entry", number: 10 });

    const cdp = await tab.page.createCDPSession();
    await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
    await pause(frozenMs);
    const during = (await calm.log()).findLast(({ what }) => what === "published").number;
    const resumedAt = Date.now();
    await cdp.send("Page.setWebLifecycleState", { state: "active" });
    const caughtUp = await tab.told({ what: "entry", number: during });
    assert.ok(caughtUp.at >= resumedAt, "the page was not frozen");
    t.diagnostic(`caught up ${caughtUp.at - resumedAt} ms after resuming`);
    t.diagnostic(JSON.stringify(await tab.page.evaluate(() => driver.line.history())));
    assert.ok(caughtUp.at - resumedAt < BACK_WITHIN_MS, `after ${caughtUp.at - resumedAt} ms`);

    await Promise.all([tab.stopPublishing(), calm.stopPublishing()]);
    await Promise.all([tab.settled(), calm.settled()]);
    for (const [source, target, topic] of [[tab, calm, "up"], [calm, tab, "down"]]) {
      const { number } = (await source.log()).findLast(({ what }) => what === "published");
      await target.told({ what: "entry", topic, number });
      assertDelivered(await source.log(), await target.log(), topic);
    }
  });
}
