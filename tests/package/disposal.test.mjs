// Everything that ends a line or a subscription.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "./installed.mjs";

test("disposal", async (t) => {
  const page = await openPage(t);
  const check = (name, run, expected) =>
    t.test(name, async () => assert.deepEqual(await page.evaluate(run), expected));
  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    window.connect = connect;
    window.ended = (line) => new Promise((resolve) => {
      line.addEventListener("state", ({ state }) => state === "closed" && resolve());
    });
  });

  await check("`using` closes a line: what was accepted is delivered, nothing new is taken", async () => {
    const line = connect("/line");
    const end = ended(line);
    const replies = [line.request("a"), line.request("b")];
    line[Symbol.dispose]();
    const late = await line.send("c").catch(({ code }) => code);
    await end;
    return [await Promise.all(replies), late, line.state, line.history().at(-1).error === undefined];
  }, [["a", "b"], "closed", "closed", true]);

  await check("`using` ends a subscription at once, and the server hears of it", async () => {
    const line = connect("/line");
    const topic = line.subscribe("disposed");
    await topic.ready;
    const seen = [];
    topic.addEventListener("message", ({ data }) => seen.push(data));
    let end = 0;
    topic.addEventListener("end", () => (end += 1));
    topic[Symbol.dispose]();
    const endedAtOnce = end;
    await line.publish("disposed", "unheard");
    const before = line.stats().received;
    await line.publish("disposed", "unsent");
    const { received } = line.stats();
    await line.close();
    return [endedAtOnce, end, seen, received - before];
  }, [1, 1, [], 0]);

  await check("a signal ends a line at once", async () => {
    const stop = new AbortController();
    const line = connect("/line", { signal: stop.signal });
    await line.send("opens");
    const end = ended(line);
    const sent = line.send("on its way").catch(({ code }) => code);
    stop.abort();
    await end;
    return [["outcome-unknown", "closed", undefined].includes(await sent), line.state];
  }, [true, "closed"]);

  await check("a signal ends a subscription", async () => {
    const line = connect("/line");
    const stop = new AbortController();
    const topic = line.subscribe("aborted", { signal: stop.signal });
    await topic.ready;
    stop.abort();
    const { done } = await topic.next();
    await line.close();
    return done;
  }, true);
});
