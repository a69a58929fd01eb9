// What has not been transmitted yet can expire, be replaced, or find no room: in a real browser
// against a real server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "./installed.mjs";

test("messages that are not transmitted yet", async (t) => {
  const page = await openPage(t);
  const check = (name, run, expected) =>
    t.test(name, async () => assert.deepEqual(await page.evaluate(run), expected));

  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    window.connect = connect;
    window.line = connect("/line");
    // A line that never gets through: nobody answers there.
    window.stuck = connect("/nobody");
    window.unhandled = [];
    window.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      unhandled.push(event.reason.code);
    });
    window.pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
    window.outcome = (promise) => promise.then((value) => value ?? "processed", (error) => error.code);
    window.told = (line, type) =>
      new Promise((resolve) => line.addEventListener(type, resolve, { once: true }));
    window.outcomes = (promises) => Promise.all(promises.map(outcome));
    window.read = async (line, topic, count) => {
      const subscription = line.subscribe(topic, { last: 100 });
      const seen = [];
      for await (const { data } of subscription) if (seen.push(data) === count) break;
      return seen;
    };
    await line.send("opens");
    while (stuck.state !== "waiting") await pause(10);
  });

  await check("one with a ttl that is transmitted in time is as any other", () =>
    outcomes([line.send("x", { ttl: 60_000 }), line.request("echo y", { ttl: 60_000 })]),
  ["processed", "echo y"]);

  await check("one that is not transmitted before its ttl is over is withdrawn", async () => {
    const start = performance.now();
    const last = stuck.publish("late", "kept");
    const promises = [stuck.send("a", { ttl: 300 }), stuck.request("b", { ttl: 300 })];
    const told = await outcomes(promises);
    const took = performance.now() - start;
    const { queued, expired } = stuck.stats();
    last.catch(() => {});
    return [told, took >= 300, queued, expired];
  }, [["expired", "expired"], true, 1, 2]);

  await check("a ttl counts from the call, also on a line that was idle", async () => {
    await pause(1_200);
    return outcomes([line.request("echo fresh", { ttl: 1_000 })]);
  }, ["echo fresh"]);

  await check("a ttl counts while the outbox is full", async () => {
    const small = connect("/nobody", { outbox: { messages: 1 } });
    await told(small, "state");
    const first = outcome(small.send("fills it"));
    const settled = await outcomes([small.send("waits", { ttl: 50 })]);
    const { queued, expired } = small.stats();
    await small.close({ timeout: 0 });
    return [settled, queued, expired, await first];
  }, [["expired"], 1, 1, "closed"]);

  await check("a ttl counts while the wasm loads", async () => {
    const early = connect("/line");
    const promise = outcome(early.send("x", { ttl: 1 }));
    // The loading waits behind this, and so does the timer.
    const until = performance.now() + 20;
    while (performance.now() < until);
    const told = await promise;
    await early.close();
    return [told, early.stats().expired];
  }, ["expired", 1]);

  await check("of those with one key only the latest is transmitted, in the first one's place", async () => {
    const promises = [
      line.publish("keys", "1", { key: "k" }),
      line.publish("keys", "2"),
      line.publish("keys", "3", { key: "k" }),
      line.publish("keys", "4", { key: "other" }),
      line.publish("keys", { five: 5 }, { key: "k" }),
    ];
    const told = await outcomes(promises);
    return [told, await read(line, "keys", 3), line.stats().superseded];
  }, [
    ["superseded", "processed", "superseded", "processed", "processed"],
    [{ five: 5 }, "2", "4"],
    2,
  ]);

  await check("a key belongs to its topic, and to sending or publishing", async () => {
    const promises = [
      line.publish("here", "a", { key: "k" }),
      line.publish("there", "b", { key: "k" }),
      line.send("c", { key: "k" }),
      line.publish("her", "d", { key: "ek" }),
    ];
    return outcomes(promises);
  }, ["processed", "processed", "processed", "processed"]);

  await check("what was transmitted is not replaced", async () => {
    const first = line.publish("transmitted", "1", { key: "k" });
    await Promise.resolve();
    await pause(0);
    const second = line.publish("transmitted", "2", { key: "k" });
    return [await outcomes([first, second]), await read(line, "transmitted", 2)];
  }, [["processed", "processed"], ["1", "2"]]);

  await check("nobody is told of an unhandled rejection because a newer one came", async () => {
    for (let n = 0; n < 100; n += 1) stuck.publish("cursors", n, { key: "me" });
    const early = connect("/line");
    for (let n = 0; n < 100; n += 1) early.publish("cursors", n, { key: "me" });
    await pause(100);
    const counts = [stuck.stats().queued, unhandled.length, stuck.stats().superseded];
    await early.close();
    return [counts, await read(line, "cursors", 1), early.stats().superseded];
  }, [[2, 0, 99], [99], 99]);

  await check("the newer one's ttl holds, and so does its signal", async () => {
    const stop = new AbortController();
    const older = stuck.send("1", { key: "ttl", ttl: 50 });
    const newer = stuck.send("2", { key: "ttl" });
    const other = stuck.send("3", { key: "signal", signal: stop.signal });
    const latest = stuck.send("4", { key: "signal" });
    const shorter = stuck.send("5", { key: "short", ttl: 10_000 });
    const shortest = stuck.send("6", { key: "short", ttl: 50 });
    await pause(200);
    stop.abort();
    const { queued } = stuck.stats();
    newer.catch(() => {});
    latest.catch(() => {});
    return [await outcomes([older, other, shorter, shortest]), queued];
  }, [["superseded", "superseded", "superseded", "expired"], 4]);

  await check("a withdrawn one can be followed by another with its key", async () => {
    const stop = new AbortController();
    const first = outcome(stuck.send("1", { key: "again", signal: stop.signal }));
    stop.abort(Object.assign(new Error("enough"), { code: "mine" }));
    const second = stuck.send("2", { key: "again", ttl: 50 });
    return [await first, await outcome(second)];
  }, ["mine", "expired"]);

  await check("keys hold among those that wait for room, too", async () => {
    const small = connect("/nobody", { outbox: { messages: 2 } });
    await told(small, "state");
    const promises = ["fills", "it", "1", "2", "3"].map((data, n) =>
      outcome(small.publish("waiting", data, n > 1 ? { key: `${n % 2}` } : {})));
    const { queued, superseded } = small.stats();
    await small.close({ timeout: 0 });
    return [queued, superseded, await Promise.all(promises)];
  }, [4, 1, ["closed", "closed", "superseded", "closed", "closed"]]);

  await check("as many wait as fit in the outbox, and then there is an error", async () => {
    const small = connect("/nobody", { outbox: { messages: 3 } });
    await told(small, "state");
    const byCount = Array.from({ length: 8 }, (_, n) => outcome(small.send(`${n}`)));
    const { queued } = small.stats();
    await small.close({ timeout: 0 });
    const narrow = connect("/nobody", { outbox: { bytes: 100 } });
    await told(narrow, "state");
    const byBytes = Array.from({ length: 6 }, () => outcome(narrow.send("x".repeat(40))));
    await narrow.close({ timeout: 0 });
    return [queued, await Promise.all(byCount), await Promise.all(byBytes)];
  }, [
    6,
    [..."cccccc"].map(() => "closed").concat("outbox-full", "outbox-full"),
    ["closed", "closed", "closed", "closed", "closed", "outbox-full"],
  ]);

  await check("as much fits while the wasm loads", async () => {
    const early = connect("/line", { outbox: { messages: 2 } });
    const promises = Array.from({ length: 5 }, (_, n) => outcome(early.send(`${n}`)));
    const { queued } = early.stats();
    const told = await Promise.all(promises);
    await early.close();
    return [queued, told];
  }, [4, ["processed", "processed", "processed", "processed", "outbox-full"]]);

  await check("what is withdrawn makes room for those that wait", async () => {
    const small = connect("/nobody", { outbox: { messages: 2 } });
    await told(small, "state");
    const stop = new AbortController();
    const { signal } = stop;
    const send = (data, options) => outcome(small.send(data, options));
    const withdrawn = ["1", "2", "3"].map((data) => send(data, { signal }));
    const kept = [send("4")];
    stop.abort({ code: "mine" });
    kept.push(send("5"), send("6"), send("7"), send("8"));
    const { queued } = small.stats();
    await small.close({ timeout: 0 });
    return [queued, await Promise.all(withdrawn), await Promise.all(kept)];
  }, [
    4,
    ["mine", "mine", "mine"],
    ["closed", "closed", "closed", "closed", "outbox-full"],
  ]);

  await check("combinations that make no sense are refused", () =>
    Promise.all([
      line.publish("t", 1, { key: "k", volatile: true }),
      line.send(1, { ttl: 5, volatile: true }),
      line.send(1, { ttl: 0 }),
      line.send(1, { ttl: Infinity }),
      line.send(1, { ttl: "soon" }),
    ].map((promise) => promise.catch((error) => `${error.code}: ${error.message}`))),
  [
    ...Array(2).fill(
      "invalid-argument: A volatile message has neither `ttl`, `key` nor `until`.",
    ),
    ...["0", "Infinity", '"soon"'].map((ttl) =>
      `invalid-argument: Expected \`ttl\` to be a number from 1 to 2147483647, got ${ttl}.`),
  ]);

  await check("stats count what has become of them", () => {
    const { expired, superseded, reconnects, buffered } = line.stats();
    return [expired, superseded, reconnects, buffered];
  }, [0, 2, {}, 0]);

  await page.evaluate(() => Promise.all([line, stuck].map((line) => line.close({ timeout: 0 }))));
});
