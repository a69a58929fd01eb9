// Bad input gets an error that says what is wrong, and loses nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "./installed.mjs";

test("errors", async (t) => {
  const page = await openPage(t);
  await page.evaluate(async () => {
    window.tautline = await import("tautline");
    window.line = tautline.connect("/line");
    // What an application sees of an error.
    window.told = async (act) => {
      try {
        await act();
        return "no error";
      } catch (error) {
        const { name, code, retryable, message } = error;
        return { name, code, retryable, message, ours: error instanceof tautline.TautlineError };
      }
    };
  });

  const check = (name, act, { says, ...expected }) =>
    t.test(name, async () => {
      const { message, ...error } = await page.evaluate(act);
      assert.match(message ?? "", says);
      assert.deepEqual(error, { ours: true, retryable: false, ...expected });
    });

  await check("a wrong URL scheme", () => told(() => tautline.connect("ftp://example.com")), {
    name: "InvalidArgumentError",
    code: "invalid-argument",
    says: /`url` to be a URL with ws:\/\/, wss:\/\/, http:\/\/ or https:\/\/, got "ftp:\/\/example.com"/,
  });
  await check("a URL that is none", () => told(() => tautline.connect("http://[")), {
    name: "InvalidArgumentError",
    code: "invalid-argument",
    says: /`url` to be a URL, got "http:\/\/\["/,
  });
  await check("an unknown policy", () => told(() => tautline.connect("/", { whenUncertain: "x" })), {
    name: "InvalidArgumentError",
    code: "invalid-argument",
    says: /`whenUncertain` to be "resend" or "fail", got "x"/,
  });
  await check("a number that is none", () => told(() => tautline.connect("/", { connectTimeout: -1 })), {
    name: "InvalidArgumentError",
    code: "invalid-argument",
    says: /`connectTimeout` to be a number from 1 to 2147483647, got -1/,
  });
  await check("a value that JSON cannot hold", () => told(() => line.send({ n: 1n })), {
    name: "UnserializableError",
    code: "unserializable",
    says: /could not encode this object: TypeError/,
  });
  await check("undefined", () => told(() => line.send(undefined)), {
    name: "UnserializableError",
    code: "unserializable",
    says: /this undefined/,
  });
  await check("a Blob", () => told(() => line.send(new Blob(["x"]))), {
    name: "InvalidArgumentError",
    code: "invalid-argument",
    says: /await blob.arrayBuffer\(\)/,
  });
  // Before it is open, the line does not know the server's limit.
  await page.evaluate(() => line.request("open"));
  await check("a message over the limit", () => told(() => line.send("x".repeat(2_000_000))), {
    name: "TooLargeError",
    code: "too-large",
    says: /2000000 bytes, but at most 1048576/,
  });
  await check("a topic without a name", () => told(() => line.publish("", "x")), {
    name: "InvalidArgumentError",
    code: "invalid-argument",
    says: /`topic` to be a string of 1 to 255 bytes in UTF-8, got ""/,
  });
  await check("a position that is none", () =>
    told(() => line.subscribe("news", { after: { epoch: "7f", offset: 3 } })), {
    name: "InvalidArgumentError",
    code: "invalid-argument",
    says: /`after` to be a position, got {"epoch":"7f","offset":3}/,
  });
  await check("a volatile request", () => told(() => line.request("x", { volatile: true })), {
    name: "InvalidArgumentError",
    code: "invalid-argument",
    says: /There is no option "volatile" here/,
  });
  await t.test("a volatile request is not transmitted either", async () => {
    const sent = await page.evaluate(async () => {
      // An answered request on an open line: nothing else is under way.
      await line.request("settled");
      const before = line.stats().bytesSent;
      await line.request("x".repeat(10_000), { volatile: true }).catch(() => {});
      // It would have left before this one.
      await line.request("settled too");
      return line.stats().bytesSent - before;
    });
    assert.ok(sent < 10_000, `${sent} bytes left`);
  });
  await check("a request that takes too long", () =>
    told(async () => {
      // A line to nowhere: nothing answers, and the request was never transmitted.
      const nowhere = tautline.connect("ws://127.0.0.1:1/line");
      try {
        await nowhere.request("x", { timeout: 50 });
      } finally {
        await nowhere.close({ timeout: 0 });
      }
    }), {
    name: "TimeoutError",
    code: "timeout",
    says: /No reply within 50 ms/,
  });
  await check("a full outbox, when asked to reject", () =>
    told(async () => {
      const options = { outbox: { messages: 1, whenFull: "reject" } };
      const small = tautline.connect("/line", options);
      await small.send("opens");
      const first = small.send("fits");
      try {
        await small.send("does not");
      } finally {
        await first;
        await small.close();
      }
    }), {
    name: "OutboxFullError",
    code: "outbox-full",
    retryable: true,
    says: /outbox is full/,
  });
  await check("a closed line", () =>
    told(async () => {
      const closed = tautline.connect("/line");
      await closed.close();
      await closed.send("x");
    }), {
    name: "ClosedError",
    code: "closed",
    says: /closed.*not transmitted/,
  });
  await check("a line closed by its signal", () =>
    told(async () => {
      const stop = new AbortController();
      const nowhere = tautline.connect("ws://127.0.0.1:1/line", { signal: stop.signal });
      const send = nowhere.send("x");
      stop.abort();
      await send;
    }), {
    name: "ClosedError",
    code: "closed",
    says: /not transmitted/,
  });

  await check("a line whose signal had aborted before", () =>
    told(() => tautline.connect("/line", { signal: AbortSignal.abort() }).send("x")), {
    name: "ClosedError",
    code: "closed",
    says: /not transmitted/,
  });

  await t.test("an aborted send rejects with the signal's reason, and is withdrawn", async () => {
    const outcome = await page.evaluate(async () => {
      const nowhere = tautline.connect("ws://127.0.0.1:1/line");
      const stop = new AbortController();
      const send = nowhere.send("x", { signal: stop.signal }).catch((reason) => reason);
      await new Promise((resolve) => {
        nowhere.addEventListener("state", ({ state }) => state === "waiting" && resolve());
      });
      stop.abort("changed my mind");
      const reason = await send;
      const { queued } = nowhere.stats();
      await nowhere.close({ timeout: 0 });
      return [reason, queued];
    });
    assert.deepEqual(outcome, ["changed my mind", 0]);
  });

  await t.test("after all of this the line works", async () => {
    assert.equal(await page.evaluate(() => line.request("fine")), "fine");
  });
});

test("what the server's handler refuses is told with its code and reason", async (t) => {
  // The program has no handler for messages.
  const page = await openPage(t, "TAUTLINE_SERVER");
  const told = await page.evaluate(async () => {
    const { connect, RefusedError } = await import("tautline");
    const line = connect("/line");
    const error = await line.request("x").catch((error) => error);
    const { name, code, refusal, message } = error;
    return { name, code, refusal, message, ours: error instanceof RefusedError };
  });
  const { message, ...rest } = told;
  assert.deepEqual(rest, {
    name: "RefusedError",
    code: "refused",
    refusal: "no-handler",
    ours: true,
  });
  assert.match(message, /^The server refused this message \(no-handler\): .+/);
});
