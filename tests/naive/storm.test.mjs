// The naive client on the real server, through a storm of cuts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { account, assertDelivered } from "../e2e/account.mjs";
import { setting } from "../e2e/processes.mjs";
import { startWorld } from "./line.mjs";

const STORM_MS = 10_000;
const PER_SECOND = 200;
const FAULTS = { cutEveryMs: [300, 700], cut: "both", latencyMs: 25 };
const LEAST_CUTS = 8;

for (const seed of [1, 2]) {
  test(`a storm loses, doubles and misplaces no message (seed ${seed})`, async (t) => {
    const { proxy, exposed, calm } = await startWorld(t, setting("TAUTLINE_SERVER"));
    await Promise.all([exposed.read("down"), calm.read("up")]);
    await proxy.plan({ seed, ...FAULTS });
    exposed.postSteadily("publish", "up", PER_SECOND);
    calm.postSteadily("publish", "down", PER_SECOND);
    await pause(STORM_MS);
    [exposed, calm].forEach((line) => line.stop());
    await proxy.heal();
    const { cuts } = await proxy.state("exposed");
    await Promise.all([exposed.settled(), calm.settled()]);
    const last = (line) => line.log.findLast(({ what }) => what === "published").number;
    await Promise.all([calm.received("up", last(exposed)), exposed.received("down", last(calm))]);

    const up = assertDelivered(exposed.log, calm.log, "up");
    const down = assertDelivered(calm.log, exposed.log, "down");
    const { seen } = exposed.client;
    t.diagnostic(JSON.stringify({ seed, up, down, cuts, ...seen }));
    assert.ok(cuts >= LEAST_CUTS, `only ${cuts} cuts in ${STORM_MS} ms`);
    assert.ok(up.published > 0.9 * PER_SECOND * (STORM_MS / 1000), `${up.published} published`);
    assert.ok(seen.retransmitted > 0, "no cut hit a message");
    assert.deepEqual([seen.fault, seen.losses, seen.gaps], [undefined, [], []]);
  });
}

test("a storm loses, doubles and misplaces no reply and no direct message", async (t) => {
  const { proxy, exposed } = await startWorld(t, setting("TAUTLINE_EXAMPLE"));
  await proxy.plan({ seed: 3, ...FAULTS });
  const pushed = [];
  exposed.postSteadily("request", "echo", PER_SECOND);
  for (const end = performance.now() + STORM_MS; performance.now() < end; await pause(100)) {
    pushed.push(exposed.client.post("request", `push 3 ${pushed.length + 1}`));
  }
  exposed.stop();
  await proxy.heal();
  const { cuts } = await proxy.state("exposed");
  await exposed.settled();
  await Promise.all(pushed);

  const settled = exposed.log.filter(({ what }) => what === "settled");
  const posted = exposed.log.filter(({ what }) => what === "published").length;
  const counts = account(posted, settled.map(({ reply }) => Number(reply)));
  const { seen } = exposed.client;
  const sizes = seen.direct.map((payload) => payload.length);
  t.diagnostic(JSON.stringify({ posted, ...counts, cuts, ...seen, direct: sizes.length }));
  assert.deepEqual(counts, { lost: 0, duplicated: 0, outOfOrder: 0 });
  assert.ok(settled.every(({ number, reply }) => Number(reply) === number), "a reply to another");
  assert.deepEqual(sizes, pushed.flatMap((_, index) => [index + 1, index + 1, index + 1]));
  assert.ok(cuts >= LEAST_CUTS, `only ${cuts} cuts in ${STORM_MS} ms`);
  assert.deepEqual([seen.fault, seen.losses, seen.gaps], [undefined, [], []]);
});
