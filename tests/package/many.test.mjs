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

test("one signal is for a million messages, and keeps a listener only while there are any", async () => {
  const { whenAborted } = await load("aborted.js");
  const stop = new AbortController();
  const { signal } = stop;
  const listeners = new Set();
  for (const name of ["addEventListener", "removeEventListener"]) {
    signal[name] = (type, listener) => {
      if (name === "addEventListener") listeners.add(listener);
      else listeners.delete(listener);
      EventTarget.prototype[name].call(signal, type, listener);
    };
  }
  let told = 0;
  const forgets = Array.from({ length: MANY }, () => whenAborted(signal, () => (told += 1)));
  assert.equal(listeners.size, 1);
  for (const forget of forgets.slice(1)) forget();
  assert.equal(listeners.size, 1);
  forgets[0]();
  assert.equal(listeners.size, 0);
  const last = [1, 2, 3].map(() => whenAborted(signal, () => (told += 1)));
  last[1]();
  stop.abort();
  assert.equal(told, 2);
  whenAborted(signal, () => (told += 1));
  assert.equal(told, 3, "one that has aborted is told of at once");
  whenAborted(undefined, () => assert.fail("there is no signal"))();
});
