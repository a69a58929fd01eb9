// Credentials of an application against the real server: every way that they can be taken.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "./installed.mjs";

test("credentials", async (t) => {
  const page = await openPage(t);
  await page.evaluate(async () => {
    window.tautline = await import("tautline");
    window.warnings = [];
    console.warn = (...given) => warnings.push(given.join(" "));
    /** A line whose credentials function gives `answers` one after the other, and then the last. */
    window.open = (answers, options) => {
      const asked = [];
      const credentials = async ({ cause, reason, signal }) => {
        asked.push({ cause, ...(reason && { reason }), isLive: !signal.aborted });
        const answer = answers[Math.min(asked.length, answers.length) - 1];
        if (answer instanceof Error) throw answer;
        return answer;
      };
      return { line: tautline.connect("/line", { credentials, ...options }), asked };
    };
    window.until = async (condition) => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    window.told = ({ name, code, message }) => ({ name, code, message });
  });

  // PROTOCOL.md S-16.
  await t.test("they are refreshed on a live line, and nothing is interrupted", async () => {
    const { states, asked, connections, replies } = await page.evaluate(async () => {
      const { line, asked } = open(["expires 300", "expires 300", "good"]);
      const replies = [];
      const start = Date.now();
      while (asked.length < 3 || Date.now() - start < 900) {
        replies.push(await line.request(`echo ${replies.length}`));
      }
      const states = line.history().map(({ state }) => state);
      const { connections } = line.stats();
      await line.close();
      return { states, asked, connections, replies };
    });
    assert.deepEqual(states, ["connecting", "open"]);
    assert.equal(connections, 1);
    assert.deepEqual(asked.map(({ cause }) => cause), ["connect", "refresh", "refresh"]);
    assert.ok(asked.every(({ isLive, reason }) => isLive && reason === undefined), JSON.stringify(asked));
    assert.deepEqual(replies, replies.map((_, at) => `echo ${at}`));
  });

  // PROTOCOL.md C-22.
  await t.test("refused ones are asked for again, with the server's reason", async () => {
    const { asked, answer, waits } = await page.evaluate(async () => {
      const { line, asked } = open(["refused", "good"]);
      const answer = await line.request("echo");
      const waits = line.history().filter(({ state }) => state === "waiting");
      await line.close();
      return { asked, answer, waits };
    });
    const reason = "the server refused the credentials: this token is not good any more";
    assert.deepEqual(asked, [
      { cause: "connect", isLive: true },
      { cause: "refused", reason, isLive: true },
    ]);
    assert.equal(answer, "echo");
    assert.deepEqual(waits.map(({ code, reason }) => [code, reason]), [[4200, reason]]);
  });

  await t.test("refresh that is refused leads to new ones, and loses nothing", async () => {
    const { asked, replies, connections } = await page.evaluate(async () => {
      const { line, asked } = open(["expires 200", "refused", "good"]);
      const replies = [];
      while (asked.length < 3) replies.push(await line.request(`echo ${replies.length}`));
      replies.push(await line.request(`echo ${replies.length}`));
      const { connections } = line.stats();
      await line.close();
      return { asked: asked.map(({ cause }) => cause), replies, connections };
    });
    assert.deepEqual(asked, ["connect", "refresh", "refused"]);
    assert.deepEqual(replies, replies.map((_, at) => `echo ${at}`));
    assert.equal(connections, 2);
  });

  await t.test("the third refusal in a row ends the line", async () => {
    const { asked, error, last } = await page.evaluate(async () => {
      const { line, asked } = open(["refused"]);
      const error = told(await line.send("x").catch((error) => error));
      await until(() => line.state === "closed");
      const last = line.history().at(-1);
      return { asked: asked.length, error, last: { ...last, error: told(last.error) } };
    });
    assert.equal(asked, 3);
    assert.equal(error.name, "UnauthorizedError");
    assert.equal(last.error.name, "UnauthorizedError");
    assert.match(last.reason, /does not accept the credentials: this token is not good any more\./);
  });

  await t.test("a function that fails is called again later", async () => {
    const { asked, answer, waits, warnings } = await page.evaluate(async () => {
      const { line, asked } = open([new Error("no network"), undefined, { not: "bytes" }, "good"]);
      const answer = await line.request("echo");
      const waits = line.history().filter(({ state }) => state === "waiting");
      await line.close();
      return { asked, answer, waits, warnings };
    });
    assert.deepEqual(asked.map(({ cause }) => cause), Array(4).fill("connect"));
    assert.equal(answer, "echo");
    assert.deepEqual(waits.map(({ reason }) => reason), Array(3).fill("no usable credentials"));
    assert.match(warnings[0], /the credentials function failed; the line tries again later: .*no network/);
    assert.match(warnings[1], /Expected `credentials` to be a string or up to 16384 bytes, got undefined/);
    assert.match(warnings[2], /to be a string or up to 16384 bytes, got "object"/);
  });

  await t.test("one that takes too long is told so, and asked anew", async () => {
    const { signals, waits } = await page.evaluate(async () => {
      const signals = [];
      const credentials = ({ signal }) => {
        signals.push(signal);
        return signals.length === 1 ? new Promise(() => {}) : "good";
      };
      const line = tautline.connect("/line", { credentials, connectTimeout: 300 });
      await line.send("x");
      const waits = line.history().filter(({ state }) => state === "waiting");
      await line.close();
      return { signals: signals.map(({ aborted }) => aborted), waits };
    });
    assert.deepEqual(signals, [true, true], "the second ended with the line");
    assert.equal(waits[0].reason, "no credentials in time");
  });

  // PROTOCOL.md C-20.
  await t.test("a server that cannot check them is asked again, with the same function", async () => {
    const { asked, waits } = await page.evaluate(async () => {
      const { line, asked } = open(["later 5500", "good"]);
      await line.send("x");
      const waits = line.history().filter(({ state }) => state === "waiting");
      await line.close();
      return { asked: asked.map(({ cause }) => cause), waits };
    });
    assert.deepEqual(asked, ["connect", "connect"]);
    const [{ code, reason, at, retryAt }] = waits;
    assert.deepEqual([code, reason], [4100, "refused by the server: the directory is down"]);
    assert.ok(retryAt - at >= 5_400, `told to come back after ${retryAt - at} ms`);
  });

  // PROTOCOL.md C-27.
  await t.test("a refusal for good ends the line", async () => {
    const { asked, error } = await page.evaluate(async () => {
      const { line, asked } = open(["ended"]);
      await until(() => line.state === "closed");
      const { error } = line.history().at(-1);
      return { asked: asked.length, error: { ...told(error), closeCode: error.closeCode } };
    });
    assert.equal(asked, 1);
    assert.deepEqual([error.name, error.closeCode], ["StoppedError", 4303]);
    assert.match(error.message, /with code 4303: this account is closed\./);
  });

  await t.test("null: the user has logged out, before the line has opened", async () => {
    const { asked, outcome, error } = await page.evaluate(async () => {
      const { line, asked } = open([null]);
      const outcome = await line.send("x").catch((error) => error.code);
      await until(() => line.state === "closed");
      return { asked: asked.length, outcome, error: told(line.history().at(-1).error) };
    });
    assert.deepEqual([asked, outcome, error.name], [1, "unauthorized", "UnauthorizedError"]);
    assert.match(error.message, /the credentials function has returned null/);
  });

  await t.test("null: the user has logged out, on a live line", async () => {
    const { states, sent, later, error } = await page.evaluate(async () => {
      const { line } = open(["expires 200", null]);
      const sent = await line.request("echo");
      await until(() => line.state === "closed");
      const later = await line.send("x").catch((error) => error.code);
      const history = line.history();
      return { states: history.map(({ state }) => state), sent, later, error: told(history.at(-1).error) };
    });
    assert.deepEqual(states, ["connecting", "open", "closed"]);
    assert.deepEqual([sent, later, error.name], ["echo", "unauthorized", "UnauthorizedError"]);
  });
});
