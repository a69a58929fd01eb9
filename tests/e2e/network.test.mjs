// What the browser itself says about the network: offline, online, and another one.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertDelivered } from "./account.mjs";
import { World } from "./world.mjs";

const GOOD = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
const OFFLINE = { ...GOOD, offline: true };
/** Slow enough for the browser to take it for another kind of network. */
const OTHER = { ...GOOD, latency: 2_000, downloadThroughput: 4_000, uploadThroughput: 4_000 };
const BACK_WITHIN_MS = 5_000;
/** Less than a heartbeat, which would ping too. */
const PINGED_WITHIN_MS = 8_000;

async function open(t, options) {
  const world = await World.start(t);
  const tab = await world.tabDirect(options);
  const calm = await world.tabDirect();
  await tab.told({ what: "state", state: "open" });
  const cdp = await tab.page.createCDPSession();
  await cdp.send("Network.enable");
  return { world, tab, calm, emulate: (network) => cdp.send("Network.emulateNetworkConditions", network) };
}

// PROTOCOL.md C-15, C-21.
test("offline is noticed at once and named, and online ends the wait", async (t) => {
  const { tab, calm, emulate } = await open(t);
  await calm.read("up");
  const offlineAt = Date.now();
  await emulate(OFFLINE);
  const waiting = await tab.told({ what: "state", state: "waiting" }, { since: offlineAt });
  t.diagnostic(`${waiting.reason} after ${waiting.at - offlineAt} ms`);
  assert.match(waiting.reason, / \(offline\)$/);
  await tab.publish("up", 20);
  // Some failures, so that the next wait would be one of seconds.
  await tab.page.waitForFunction(() => driver.line.history().length > 12, { polling: 20 });

  const onlineAt = Date.now();
  await emulate(GOOD);
  const back = await tab.told({ what: "state", state: "open" }, { since: onlineAt });
  t.diagnostic(`open again after ${back.at - onlineAt} ms`);
  assert.ok(back.at - onlineAt < BACK_WITHIN_MS, `after ${back.at - onlineAt} ms`);
  await tab.settled();
  await calm.told({ what: "entry", number: 20 });
  assertDelivered(await tab.log(), await calm.log(), "up");
  const { downtime } = await tab.page.evaluate(() => driver.line.history().at(-1));
  assert.ok(downtime >= onlineAt - waiting.at, `down for ${downtime} ms`);
});

// PROTOCOL.md C-15.
test("a connection has to prove itself when the network is another one", async (t) => {
  const { tab, emulate } = await open(t, { debug: true });
  const pinged = new Promise((resolve) => {
    tab.page.on("console", (message) => / > \d+ B: PING /.test(message.text()) && resolve());
  });
  await tab.page.evaluate(() => {
    window.changes = 0;
    navigator.connection.addEventListener("change", () => (window.changes += 1));
  });
  const start = Date.now();
  await emulate(OTHER);
  await tab.page.waitForFunction(() => window.changes > 0, { polling: 20 });
  await pinged;
  assert.ok(Date.now() - start < PINGED_WITHIN_MS, `after ${Date.now() - start} ms`);
  assert.equal(await tab.state(), "open");
});
