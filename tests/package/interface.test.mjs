// The interface of index.d.ts, in a real browser against a real server.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "./installed.mjs";

test("the line", async (t) => {
  const page = await openPage(t);
  const check = (name, run, expected) =>
    t.test(name, async () => assert.deepEqual(await page.evaluate(run), expected));

  await page.evaluate(async () => {
    const { connect } = await import("tautline");
    window.connect = connect;
    window.line = connect("/line");
  });

  await check("send settles when the message is processed", () => line.send("hello"), undefined);

  await check("request settles with the reply", () => line.request("echo this"), "echo this");

  await check("what is sent before the wasm has loaded keeps its order", async () => {
    const early = connect("/line");
    const replies = await Promise.all(["a", "b", "c"].map((text) => early.request(text)));
    await early.close();
    return replies;
  }, ["a", "b", "c"]);

  await check("bytes are taken when they are sent, even if they have to wait", async () => {
    const early = connect("/line");
    const bytes = new Uint8Array([1, 2, 3]);
    const reply = early.request(bytes);
    bytes.fill(9);
    const received = [...(await reply)];
    await early.close();
    return received;
  }, [1, 2, 3]);

  await check("a buffer of another frame is a buffer, a Blob of one a Blob", async () => {
    const frame = document.createElement("iframe");
    document.body.append(frame);
    const { ArrayBuffer, Blob } = frame.contentWindow;
    const refused = line.send(new Blob(["x"])).catch((error) => error.code);
    return [Object.values(await line.request(new ArrayBuffer(2))), await refused];
  }, [[0, 0], "invalid-argument"]);

  await check("text, bytes and objects come back as what they were", async () => {
    const topic = line.subscribe("payloads");
    await topic.ready;
    const view = new Uint16Array([1, 2, 300]).subarray(1);
    const payloads = ["\u{1F600} text", new Uint8Array([1, 2]).buffer, view, { a: [1] }, 7, null, ""];
    await Promise.all(payloads.map((payload) => line.publish("payloads", payload)));
    const seen = [];
    for await (const { data, offset } of topic) {
      seen.push([offset, data instanceof Uint8Array ? [...data] : data]);
      if (seen.length === payloads.length) break;
    }
    return seen;
  }, [
    [1, "\u{1F600} text"], [2, [1, 2]], [3, [2, 0, 44, 1]], [4, { a: [1] }], [5, 7], [6, null], [7, ""],
  ]);

  await check("direct messages wait for the first listener", async () => {
    await line.request("push 3 5");
    await line.request("a moment later");
    return new Promise((resolve) => {
      const seen = [];
      line.addEventListener("message", ({ offset, data }) => {
        seen.push([typeof offset, data.length]);
        if (seen.length === 3) resolve(seen);
      });
    });
  }, [["number", 5], ["number", 5], ["number", 5]]);

  await check("a subscription starts with the last entries asked for", async () => {
    await Promise.all([1, 2, 3, 4].map((n) => line.publish("history", n)));
    const history = line.subscribe("history", { last: 2 });
    return [(await history.next()).value.data, (await history.next()).value.data];
  }, [3, 4]);

  await check("a subscription goes on behind a position", async () => {
    const first = line.subscribe("history", { last: 3 });
    await first.next();
    const { data } = (await first.next()).value;
    await first.next();
    const { position } = first;
    await first.return();
    const second = line.subscribe("history", { after: position });
    return [data, (await second.next()).value.data, second.topic];
  }, [3, 4, "history"]);

  await check("a position that the log does not have begins it anew, and the line stays", async () => {
    const first = line.subscribe("history", { last: 1 });
    const { epoch } = await first.ready;
    const behind = (offset) => line.subscribe("history", { after: { epoch, offset } });
    const seen = [];
    for (const offset of [5, 99, 2 ** 53 - 1]) {
      const topic = behind(offset);
      const { value } = await topic.next();
      await topic.next();
      seen.push([value.gap, value.data, topic.position.offset]);
      await topic.return();
    }
    await first.return();
    return [seen, line.stats().connections];
  }, [[5, 99, 2 ** 53 - 1].map(() => [{ from: 1, to: 0, reset: true }, 1, 1]), 1]);

  await check("each subscription from before the wasm has loaded has its own place", async () => {
    const early = connect("/line");
    const [first, second] = ["first", "second"].map((topic) => early.subscribe(topic));
    first.return();
    const third = early.subscribe("third");
    await third.ready;
    await early.request("a moment later");
    const { position } = second;
    await early.close();
    return typeof position?.offset;
  }, "number");

  await check("leaving a loop unsubscribes, and the subscription has ended", async () => {
    const topic = line.subscribe("history", { last: 4 });
    let ended = false;
    topic.addEventListener("end", () => (ended = true));
    for await (const { data } of topic) if (data === 2) break;
    return [ended, (await topic.next()).done];
  }, [true, true]);

  await check("listeners and signals: once, removal, abort", async () => {
    const calls = [];
    const topic = line.subscribe("listeners");
    await topic.ready;
    const stop = new AbortController();
    const removed = () => calls.push("removed");
    topic.addEventListener("message", () => calls.push("once"), { once: true });
    topic.addEventListener("message", () => calls.push("until abort"), { signal: stop.signal });
    topic.addEventListener("message", removed);
    topic.removeEventListener("message", removed);
    const seen = (count) => new Promise((resolve) => {
      topic.addEventListener("message", ({ data }) => data === count && resolve());
    });
    await Promise.all([seen(1), line.publish("listeners", 1)]);
    stop.abort();
    await Promise.all([seen(2), line.publish("listeners", 2)]);
    return calls;
  }, ["once", "until abort"]);

  await check("a listener added during an event is not called for it, one removed neither", async () => {
    const calls = [];
    const topic = line.subscribe("listeners that come and go");
    const late = ({ data }) => calls.push(`late ${data}`);
    const removed = ({ data }) => calls.push(`removed ${data}`);
    topic.addEventListener("message", ({ data }) => {
      calls.push(data);
      topic.addEventListener("message", late);
      topic.removeEventListener("message", removed);
    });
    topic.addEventListener("message", removed);
    await topic.ready;
    for (const data of ["a", "b"]) await line.publish("listeners that come and go", data);
    while (calls.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    await topic.return();
    return calls;
  }, ["a", "b", "late b"]);

  await check("messages wait for a listener, also behind one that takes a single one", async () => {
    const topic = line.subscribe("waiting");
    await topic.ready;
    for (const data of ["a", "b", "c"]) await line.publish("waiting", data);
    const next = () =>
      new Promise((resolve) => topic.addEventListener("message", resolve, { once: true }));
    const first = await next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const handled = topic.position.offset;
    const rest = [(await next()).data, (await next()).data];
    await topic.return();
    return [first.data, handled, ...rest];
  }, ["a", 1, "b", "c"]);

  await check("a listener that throws stops nobody, and what it calls works", async () => {
    const errors = [];
    window.onerror = (message) => (errors.push(message), true);
    const topic = line.subscribe("reentrant");
    await topic.ready;
    topic.addEventListener("message", () => { throw new Error("mine"); });
    const answer = new Promise((resolve) => {
      topic.addEventListener("message", ({ data }) => resolve(line.request(`echo ${data}`)));
    });
    await line.publish("reentrant", "x");
    const reply = await answer;
    window.onerror = null;
    return [reply, errors.length];
  }, ["echo x", 1]);

  await check("a codec of one's own", async () => {
    const codec = {
      encode: (value) => new Uint8Array(value.numbers),
      decode: (bytes) => ({ numbers: [...bytes] }),
    };
    const other = connect("/line", { codec });
    const topic = other.subscribe("codec");
    await topic.ready;
    await other.publish("codec", { numbers: [3, 1, 4] });
    const { value } = await topic.next();
    await other.close();
    return value.data;
  }, { numbers: [3, 1, 4] });

  await check("volatile messages are handed over or refused at once", async () => {
    const topic = line.subscribe("volatile");
    await topic.ready;
    await line.publish("volatile", "now", { volatile: true });
    const { value } = await topic.next();
    const fresh = connect("/line");
    const refusal = await fresh.publish("volatile", "never", { volatile: true }).catch((e) => e.code);
    await fresh.close();
    return [value.data, refusal];
  }, ["now", "not-live"]);

  await check("stats count what happened", async () => {
    const { acknowledged, unacknowledged, queued, connections, bytesSent } = line.stats();
    return [acknowledged > 10, unacknowledged, queued, connections, bytesSent > 100];
  }, [true, 0, 0, 1, true]);

  await check("a thousand sends of one turn are confirmed in order", async () => {
    const settled = [];
    const sends = Array.from({ length: 1000 }, (_, n) => line.send(`${n}`).then(() => settled.push(n)));
    await Promise.all(sends);
    return settled.every((n, at) => n === at);
  }, true);

  await check("an outbox that is full waits by default", async () => {
    const small = connect("/line", { outbox: { messages: 100 } });
    await Promise.all(Array.from({ length: 200 }, (_, n) => small.send(`${n}`)));
    await small.close();
    return small.state;
  }, "closed");

  await check("a request that waits for room is handed over when the one before is answered", async () => {
    const small = connect("/line", { outbox: { messages: 1 } });
    await small.send("opens");
    const replies = Promise.all([small.request("echo 1"), small.request("echo 2")]);
    const late = new Promise((resolve) => setTimeout(resolve, 5_000, "late"));
    const told = await Promise.race([replies, late]);
    await small.close({ timeout: 0 });
    return told;
  }, ["echo 1", "echo 2"]);

  await check("what is sent just before closing arrives, however long the line was idle", async () => {
    const other = connect("/line");
    await other.send("opens");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const last = other.request("echo last words").catch((error) => error.code);
    await other.close({ timeout: 1_000 });
    return last;
  }, "echo last words");

  await check("disposing closes a line, and ends a subscription", async () => {
    const other = connect("/line");
    const topic = other.subscribe("disposed");
    await topic.ready;
    await topic[Symbol.asyncDispose]();
    const { done } = await topic.next();
    await other[Symbol.asyncDispose]();
    return [done, other.state];
  }, [true, "closed"]);

  await check("close confirms what was accepted, and is idempotent", async () => {
    const other = connect("/line");
    const states = [];
    other.addEventListener("state", ({ state }) => states.push(state));
    const send = other.send("last words");
    await Promise.all([other.close(), other.close()]);
    await send;
    await other.close();
    return [other.state, states.at(-1)];
  }, ["closed", "closed"]);
});
