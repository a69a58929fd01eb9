import assert from "node:assert/strict";
import { test } from "node:test";

import { afterwards } from "./afterwards.mjs";

/** Runs what tests give to their hooks, as Node does. */
async function over(...undos) {
  const hooks = [];
  const t = { after: (hook) => hooks.push(hook) };
  for (const undo of undos) afterwards(t, undo);
  for (const hook of hooks) await hook();
}

test("what a test has set up last goes first, and all of it", async () => {
  const gone = [];
  const fails = (message) => async () => {
    gone.push(message);
    throw new Error(message);
  };
  await over(() => gone.push("folder"), async () => gone.push("browser"));
  assert.deepEqual(gone.splice(0), ["browser", "folder"]);
  await assert.rejects(over(() => gone.push("folder"), fails("browser")), { message: "browser" });
  assert.deepEqual(gone.splice(0), ["browser", "folder"]);
  await assert.rejects(over(fails("folder"), fails("browser")), /Error: browser; Error: folder/);
});
