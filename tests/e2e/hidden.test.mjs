// A tab behind another one, whose timers the browser lets fire once a second, and then once a minute.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { assertDelivered } from "./account.mjs";
import { World } from "./world.mjs";

/** Chromium as users have it, but for the five minutes that it waits before it throttles timers. */
const THROTTLING = {
  flags: ["--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1"],
  ignoreDefaultArgs: [
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
  ],
};
/** As slow as a timer that is throttled less does not get. */
const INTENSIVE_MS = 5_000;
const THROTTLED_WITHIN_MS = 60_000;
/** An open connection's loss is found by the network, and the next one dialed after a wait. */
const BACK_WITHIN_MS = 65_000;
const BACK_IN_FRONT_WITHIN_MS = 5_000;

/** A tab with a line behind another tab, when its timers are throttled for good. */
async function openHidden(t) {
  const world = await World.start(t, undefined, { browser: THROTTLING });
  const tab = await world.tabThroughProxy("exposed");
  await tab.read("down");
  await tab.page.evaluate(() => {
    window.tickedAt = Date.now();
    setInterval(() => (window.tickedAt = Date.now()), 100);
  });
  const front = await world.tabDirect();
  await front.page.bringToFront();
  const start = Date.now();
  for (;;) {
    const { hidden, sinceTick } = await tab.page.evaluate(() => {
      return { hidden: document.hidden, sinceTick: Date.now() - window.tickedAt };
    });
    if (hidden && sinceTick > INTENSIVE_MS) break;
    assert.ok(Date.now() - start < THROTTLED_WITHIN_MS, `hidden: ${hidden}, ticks after ${sinceTick}`);
    await pause(200);
  }
  return { world, tab, front };
}

async function assertCaughtUp(front, tab) {
  const { number } = (await front.log()).findLast(({ what }) => what === "published");
  await tab.told({ what: "entry", number });
  assertDelivered(await front.log(), await tab.log(), "down");
}

test("behind another tab messages arrive at once, and a cut is mended", async (t) => {
  const { world, tab, front } = await openHidden(t);
  await front.publish("down", 5);
  const { at } = await tab.told({ what: "entry", number: 5 });
  const sent = (await front.log()).findLast(({ what }) => what === "published");
  t.diagnostic(`arrived after ${at - sent.at} ms`);

  const cutAt = Date.now();
  await world.proxy.act("exposed", "cut");
  await front.publish("down", 5);
  const open = await tab.told({ what: "state", state: "open" }, { since: cutAt, within: BACK_WITHIN_MS });
  t.diagnostic(`open again ${open.at - cutAt} ms after the cut`);
  await assertCaughtUp(front, tab);
});

// PROTOCOL.md C-15.
test("a connection that died behind another tab is replaced once the tab is in front", async (t) => {
  const { world, tab, front } = await openHidden(t);
  await world.proxy.act("exposed", "stall");
  await front.publish("down", 5);
  await pause(1_000);
  const shownAt = Date.now();
  await tab.page.bringToFront();
  const open = await tab.told({ what: "state", state: "open" }, { since: shownAt });
  t.diagnostic(`open again ${open.at - shownAt} ms after the tab was shown`);
  assert.ok(open.at - shownAt < BACK_IN_FRONT_WITHIN_MS, `after ${open.at - shownAt} ms`);
  await assertCaughtUp(front, tab);
});
