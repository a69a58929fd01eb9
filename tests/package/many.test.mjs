// What is done with many messages takes time by their number, not by its square. There are so many that
// the square would take longer than a test may.

import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const MANY = 1_000_000;
const load = (name) => import(pathToFileURL(`${process.env.TAUTLINE_NPM}/${name}`));

test("a million messages are acknowledged one by one", async () => {
  const { Outgoing } = await load("outgoing.js");
  const outgoing = new Outgoing({ numbers: [] }, () => {});
  let settled = 0;
  for (let id = 1; id <= MANY; id += 1) outgoing.pending.set(id, { resolve: () => (settled += 1) });
  for (let id = 1; id <= MANY; id += 1) {
    outgoing.acknowledged(id);
    assert.equal(settled, id);
  }
  assert.equal(outgoing.pending.size, 0);
});
