// ReliableWebSocket beside the browser's own class: the same cases, in the same browser, against the
// same server; what comes of them is the same, but for the differences that are meant.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BROWSER } from "../e2e/browser.mjs";
import { serveCases } from "./backend.mjs";
import { DEPARTURES, DIFFERENCES } from "./differences.mjs";
import { World } from "./world.mjs";

const GROUPS = ["shape", "construction", "attributes", "messages", "events", "closing"];

test("the browser's own class and ReliableWebSocket", async (t) => {
  const backend = await serveCases(t);
  const world = await World.start(t, backend);
  // In a page of its own: Chromium slows down pages where many connections have failed.
  const run = async (t, group, own) => {
    const page = await world.page(t, world.bridge.origin);
    const host = own ? `${backend}/` : `${new URL(world.bridge.origin).host}/line/`;
    const outcomes = await page.evaluate(async (group, own, base) => {
      const { runGroup } = await import("/cases.js");
      const { ReliableWebSocket } = await import("tautline/websocket");
      return runGroup(group, own ? WebSocket : ReliableWebSocket, base);
    }, group, own, `ws://${host}`);
    await page.close();
    return outcomes;
  };

  const counts = { cases: 0, same: 0, different: 0 };
  for (const group of GROUPS) {
    await t.test(group, async (t) => {
      const own = await run(t, group, true);
      const reliable = await run(t, group, false);
      for (const [name, outcome] of Object.entries(own)) {
        const meant = DIFFERENCES[group]?.[name] ?? DEPARTURES[BROWSER][group]?.[name];
        counts.cases += 1;
        counts[meant ? "different" : "same"] += 1;
        const expected = meant ?? { own: outcome, reliable: outcome };
        await t.test(name, (t) => {
          t.diagnostic(JSON.stringify(outcome));
          assert.deepEqual({ own: outcome, reliable: reliable[name] }, expected);
        });
      }
    });
  }
  t.diagnostic(JSON.stringify({ browser: await world.version(), ...counts }));
});
