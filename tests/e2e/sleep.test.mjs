// The machine sleeps: the browser stands still, all of its processes, and the world goes on.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import WebSocket from "ws";

import { account, assertDelivered, received } from "./account.mjs";
import { afterwards } from "./afterwards.mjs";
import { setting } from "./processes.mjs";
import { World } from "./world.mjs";

/** The server gives a client up after two heartbeats and 2 s: here, 4 s. */
const HEARTBEAT_MS = 1_000;
const ASLEEP_MS = 8_000;
/** The product's promise, and what a busy machine needs to wake the browser up. */
const BACK_WITHIN_MS = 5_000;

/** A line of this process, which stays awake. */
async function connectFromNode(url) {
  globalThis.WebSocket ??= WebSocket;
  const { connect } = await import(pathToFileURL(`${setting("TAUTLINE_NPM")}/node.js`));
  return connect(url);
}

/** Publishes numbers until it is stopped; resolves with their count. */
function publishSteadily(line, topic) {
  let count = 0;
  const sent = [];
  const timer = setInterval(() => {
    count += 1;
    sent.push(line.publish(topic, String(count)));
  }, 50);
  return async () => {
    clearInterval(timer);
    await Promise.all(sent);
    return count;
  };
}

// PROTOCOL.md C-15, C-16, S-15.
test("after a sleep the line is back in seconds, and nothing is lost", async (t) => {
  const args = ["--heartbeat", String(HEARTBEAT_MS)];
  const world = await World.start(t, undefined, { program: "TAUTLINE_EXAMPLE", args });
  const tab = await world.tabDirect();
  const awake = await connectFromNode(`${world.server.origin}/line`);
  afterwards(t, () => awake.close({ timeout: 0 }));
  const heard = [];
  const topic = awake.subscribe("up");
  topic.addEventListener("message", ({ data }) => heard.push(Number(data)));
  await Promise.all([tab.read("down"), topic.ready]);
  await tab.publishSteadily("up", 20);
  const stop = publishSteadily(awake, "down");
  await tab.told({ what: "entry", number: 10 });

  // Puppeteer makes the browser the leader of a group of its own.
  const group = -world.browser.process().pid;
  process.kill(group, "SIGSTOP");
  afterwards(t, () => process.kill(group, "SIGCONT"));
  await pause(ASLEEP_MS);
  const wokeAt = Date.now();
  process.kill(group, "SIGCONT");

  const open = await tab.told({ what: "state", state: "open" }, { since: wokeAt - ASLEEP_MS / 2 });
  t.diagnostic(`open again ${open.at - wokeAt} ms after waking`);
  const history = await tab.page.evaluate(() => driver.line.history());
  const cut = history.find(({ at, code }) => at >= wokeAt - ASLEEP_MS / 2 && code !== undefined);
  t.diagnostic(JSON.stringify(cut));
  assert.ok(open.at - wokeAt < BACK_WITHIN_MS, `open again after ${open.at - wokeAt} ms`);

  await tab.stopPublishing();
  const count = await stop();
  await tab.settled();
  await tab.told({ what: "entry", number: count });
  const log = await tab.log();
  const numbers = received(log, "down");
  assert.deepEqual(account(count, numbers), { lost: 0, duplicated: 0, outOfOrder: 0 }, "down");
  const { number } = log.findLast(({ what }) => what === "published");
  while (heard.at(-1) !== number) await pause(20);
  const heardLog = heard.map((number) => ({ what: "entry", topic: "up", number }));
  t.diagnostic(JSON.stringify(assertDelivered(log, heardLog, "up")));
});
