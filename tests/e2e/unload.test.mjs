// `warnBeforeUnload`: the browser asks whoever leaves while something is unconfirmed, and only then.

import assert from "node:assert/strict";
import { test } from "node:test";

import { World } from "./world.mjs";

/** What leaving the page brings: a dialog that is answered with "stay", or a departure. */
async function leave(page, world) {
  let asked = false;
  const stay = async (dialog) => {
    assert.equal(dialog.type(), "beforeunload");
    asked = true;
    await dialog.dismiss();
  };
  page.once("dialog", stay);
  const target = `${world.server.origin}/node_modules/tautline/package.json`;
  await page.goto(target).catch((error) => {
    if (!/ERR_ABORTED|prompt was rejected/.test(error.message)) throw error;
  });
  page.off("dialog", stay);
  return { asked, isGone: page.url() === target };
}

/** A page with a line, that counts its listeners to `beforeunload` and was clicked upon. */
async function open(world, options) {
  const page = await world.page(`${world.proxy.origin}/`);
  await page.evaluate(async (options) => {
    window.unloadListeners = 0;
    for (const [action, change] of [["addEventListener", 1], ["removeEventListener", -1]]) {
      const real = window[action];
      window[action] = function (type, ...rest) {
        if (type === "beforeunload") window.unloadListeners += change;
        return real.call(window, type, ...rest);
      };
    }
    const { connect } = await import("tautline");
    window.line = connect("/line?lab=exposed", options);
    await line.send("first");
  }, options);
  // Browsers do not ask about a page that nobody has touched.
  await page.mouse.click(10, 10);
  return page;
}

const listeners = (page) => page.evaluate(() => window.unloadListeners);

test("with it, the browser asks while something is unconfirmed", async (t) => {
  const world = await World.start(t, undefined, { program: "TAUTLINE_EXAMPLE" });
  const page = await open(world, { warnBeforeUnload: true });
  await page.waitForFunction(() => window.unloadListeners === 0, { polling: 20 });

  await world.proxy.act("exposed", "offline");
  await page.evaluate(() => {
    window.confirmed = false;
    line.send("second").then(() => (window.confirmed = true));
  });
  assert.equal(await listeners(page), 1);
  assert.deepEqual(await leave(page, world), { asked: true, isGone: false });

  await world.proxy.act("exposed", "online");
  await page.waitForFunction(() => window.confirmed, { polling: 20 });
  await page.waitForFunction(() => window.unloadListeners === 0, { polling: 20 });
  assert.deepEqual(await leave(page, world), { asked: false, isGone: true });
});

test("it asks about what was sent before it had loaded, too", async (t) => {
  const world = await World.start(t, undefined, { program: "TAUTLINE_EXAMPLE" });
  const page = await world.page(`${world.proxy.origin}/`);
  await world.proxy.act("exposed", "offline");
  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    window.line = connect("/line?lab=exposed", { warnBeforeUnload: true });
    line.send("early").catch(() => {});
  });
  await page.mouse.click(10, 10);
  await page.waitForFunction(
    () => performance.getEntriesByType("resource").some(({ name }) => name.endsWith("/warn.js")),
    { polling: 20 },
  );
  assert.deepEqual(await leave(page, world), { asked: true, isGone: false });
  await page.evaluate(() => line.close({ timeout: 0 }));
  assert.deepEqual(await leave(page, world), { asked: false, isGone: true });
});

test("without it, nothing listens and nobody is asked", async (t) => {
  const world = await World.start(t, undefined, { program: "TAUTLINE_EXAMPLE" });
  const page = await open(world, {});
  await world.proxy.act("exposed", "offline");
  await page.evaluate(() => void line.send("second").catch(() => {}));
  assert.equal(await listeners(page), 0);
  const loaded = await page.evaluate(() => {
    return performance.getEntriesByType("resource").map(({ name }) => name);
  });
  assert.ok(!loaded.some((name) => /warn|debug/.test(name)), loaded.join("\n"));
  assert.deepEqual(await leave(page, world), { asked: false, isGone: true });
});
