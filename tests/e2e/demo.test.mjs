// The demo page in two tabs: cut by its own buttons, the same messages in both, and pictures.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { BROWSER } from "./browser.mjs";
import { setting } from "./processes.mjs";
import { POLL_MS, SOON_MS } from "./tab.mjs";
import { World } from "./world.mjs";

const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots", import.meta.url));
const SIZES = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

async function openRoom(world, name) {
  const page = await world.page(`${world.proxy.origin}/`);
  await page.bringToFront();
  await page.waitForSelector("#state[data-state=open]", { timeout: SOON_MS });
  await page.$eval("#name", (field, name) => {
    field.value = name;
    field.dispatchEvent(new Event("input"));
  }, name);
  return page;
}

async function say(page, ...texts) {
  await page.bringToFront();
  for (const text of texts) {
    await page.type("#compose #text", text);
    await page.keyboard.press("Enter");
  }
}

async function press(page, button) {
  await page.bringToFront();
  await page.click(button);
}

/** The messages on the page, in its order: id, delivery state of own ones, and text. */
function messages(page) {
  return page.$$eval("#messages li[data-id]", (items) => items.map((item) => {
    return { id: item.dataset.id, state: item.dataset.state, text: item.innerText };
  }));
}

/** Waits until the page shows `count` messages and each of its own is confirmed. */
async function shows(page, count) {
  await page.bringToFront();
  await page.waitForFunction(
    (count) => {
      const items = [...document.querySelectorAll("#messages li[data-id]")];
      const settled = items.every(({ dataset: { state } }) => !state || state === "confirmed");
      return items.length === count && settled;
    },
    { timeout: SOON_MS, polling: POLL_MS },
    count,
  ).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify(await messages(page), null, 1)}`);
  });
}

async function assertSame(tabs, count) {
  for (const tab of tabs) {
    await shows(tab, count);
  }
  const [first, second] = await Promise.all(tabs.map(messages));
  assert.deepEqual(first.map(({ id }) => id), second.map(({ id }) => id), "order of messages");
  assert.equal(new Set(first.map(({ id }) => id)).size, count, "distinct messages");
}

async function takePictures(page) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.bringToFront();
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const [name, size] of Object.entries(SIZES)) {
      await page.setViewport(size);
      await page.screenshot({ path: join(SCREENSHOTS, `demo-${name}-${scheme}.png`) });
      const overflow = await page.evaluate(() => {
        return document.documentElement.scrollWidth - document.documentElement.clientWidth;
      });
      assert.ok(overflow <= 0, `the page is ${overflow} px too wide at ${size.width} px`);
    }
  }
}

test("two tabs show the same messages though the line is cut, stalled and offline", async (t) => {
  const world = await World.start(t, setting("TAUTLINE_DEMO"));
  const ann = await openRoom(world, "Ann");
  const bob = await openRoom(world, "Bob");
  await say(ann, "Hello from Ann", "Is anybody here?");
  await say(bob, "Bob is");
  await assertSame([ann, bob], 3);

  await press(ann, "#lab-offline");
  await ann.waitForSelector("#state:not([data-state=open])", { timeout: SOON_MS });
  await say(ann, "Said while cut off", "And again");
  await say(bob, "Ann, are you there?", "Ann?");
  const queued = (await messages(ann)).filter(({ state }) => state === "queued");
  assert.equal(queued.length, 2, "own messages while offline");
  assert.equal((await messages(ann)).length, 5, "Bob's messages passed the cut");
  await press(ann, "#lab-offline");
  await assertSame([ann, bob], 7);

  await press(bob, "#lab-cut");
  await say(bob, "Cut and still here");
  await say(ann, "So am I");
  await assertSame([ann, bob], 9);

  await press(ann, "#lab-stall");
  await say(ann, "Said into a dead line");
  await say(bob, "Said past it");
  await assertSame([ann, bob], 11);
  // Over WebDriver BiDi a page cannot be told which colours the user prefers.
  if (BROWSER === "chromium") await takePictures(bob);
});
