// What throws where nothing is to throw: code of the application is reported and stops nobody; what the line
// itself stands on ends it, with an error that settles everything.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "./installed.mjs";

async function prepare(t) {
  const page = await openPage(t);
  await page.evaluate(async () => {
    // After a trap a WebAssembly instance cannot be used any more. This one behaves the same.
    const real = WebAssembly.instantiate;
    window.instances = [];
    WebAssembly.instantiate = async (...given) => {
      const made = await real.apply(WebAssembly, given);
      const { exports } = made.instance ?? made;
      const state = { trapped: false, kinds: undefined };
      instances.push(state);
      const command = (...numbers) => {
        state.trapped ||= state.kinds?.includes(numbers[1]) ?? false;
        if (state.trapped) throw new WebAssembly.RuntimeError("unreachable");
        return exports.command(...numbers);
      };
      const instance = { exports: { ...exports, command } };
      return made.instance ? { ...made, instance } : instance;
    };
    const { connect } = await import("tautline");
    window.connect = connect;
    window.reported = [];
    window.onerror = (message) => (reported.push(message), true);
    window.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      reported.push(String(event.reason));
    });
    window.outcome = (promise) => promise.then((value) => value, ({ name }) => name);
    window.endOf = (line) => new Promise((resolve) => {
      line.addEventListener("state", ({ state, error }) => state === "closed" && resolve(error));
    });
    /** A line that is open, with one of everything. */
    window.busy = async (options) => {
      const line = connect("/line", { backoff: { base: 1, cap: 1 }, ...options });
      const topic = line.subscribe("topic");
      await topic.ready;
      const end = endOf(line);
      const ended = new Promise((resolve) => topic.addEventListener("end", resolve));
      return { line, topic, end, ended };
    };
    /** What becomes of everything when the line breaks. */
    window.settle = async ({ line, topic, end, ended }, breaks) => {
      const next = outcome(topic.next());
      breaks();
      const told = [line.send("x"), line.request("y"), line.publish("t", "z")].map(outcome);
      const error = await end;
      const late = await outcome(line.send("late"));
      await line.close();
      return {
        error: [error.name, error.code, error.retryable, error.cause instanceof Error],
        told: await Promise.all([...told, next, ended.then(({ error }) => error.name)]),
        late,
        state: line.state,
      };
    };
  });
  return page;
}

const BROKEN = {
  error: ["InternalError", "internal", false, true],
  told: Array(5).fill("InternalError"),
  late: "InternalError",
  state: "closed",
};

test("what the application throws", async (t) => {
  const page = await prepare(t);
  const check = (name, run, expected) =>
    t.test(name, async () => assert.deepEqual(await page.evaluate(run), expected));

  await check("in a codec, whatever it is, fails its message alone", async () => {
    const thrown = [new Error("mine"), Object.create(null), Symbol("mine"), undefined, "text", 1n];
    let failing;
    const codec = {
      encode(value) {
        if (failing === "encode") throw thrown[value.n];
        return JSON.stringify(value);
      },
      decode(text) {
        if (failing === "decode") throw thrown[JSON.parse(text).n];
        return JSON.parse(text);
      },
    };
    const { line, topic, end } = await busy({ codec });
    const told = [];
    for (failing of ["encode", "decode"]) {
      for (const n of thrown.keys()) told.push(await outcome(line.request({ n })));
    }
    for (const n of thrown.keys()) {
      await line.publish("topic", { n });
      told.push((await topic.next()).value.error.name);
    }
    failing = undefined;
    told.push((await line.request({ n: 0 })).n);
    await line.close();
    return [told.length, [...new Set(told)], (await end) ?? "on request", reported.splice(0)];
  }, [19, ["UnserializableError", 0], "on request", []]);

  await check("in a codec that makes neither text nor bytes fails its message alone", async () => {
    const made = [undefined, null, 7, Symbol("mine"), Object.create(null), new Blob(["x"])];
    const { line } = await busy({ codec: { encode: (n) => made[n], decode: JSON.parse } });
    const told = [];
    for (const n of made.keys()) told.push(await outcome(line.send(n)));
    told.push(await line.request("text"));
    await line.close();
    return [...new Set(told)];
  }, ["UnserializableError", "text"]);

  await check("a codec may use its line", async () => {
    const sent = [];
    let line;
    const codec = {
      encode: JSON.stringify,
      decode(text) {
        const value = JSON.parse(text);
        if (value.again) sent.push(line.request("from the codec"));
        if (value.close) line.close();
        return value;
      },
    };
    ({ line } = await busy({ codec }));
    const first = await line.request({ again: true });
    const second = await sent[0];
    const last = await line.request({ close: true });
    await line.close();
    return [first, second, last, reported.splice(0)];
  }, [{ again: true }, "from the codec", { close: true }, []]);

  await check("in listeners is reported, and all others are told", async () => {
    const { line, topic } = await busy();
    const seen = [];
    for (const target of [line, topic]) {
      target.addEventListener("message", () => { throw new Error("mine"); });
      target.addEventListener("message", ({ data }) => seen.push(data));
    }
    line.addEventListener("state", () => { throw new Error("mine"); });
    await line.publish("topic", "1");
    await line.request("push 1 1");
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const reply = await line.request("as before");
    await line.close();
    return [seen.sort(), reply, reported.splice(0).length];
  }, [["1", "x"], "as before", 3]);

  await check("a reply that is like a promise settles as one, and may throw", async () => {
    const codec = {
      encode: JSON.stringify,
      decode: () => ({ get then() { throw new RangeError("mine"); } }),
    };
    const { line } = await busy({ codec });
    const told = await outcome(line.request({}));
    const reply = await line.request("as before");
    await line.close();
    return [told, reply];
  }, ["RangeError", "as before"]);
});

test("what the line stands on", async (t) => {
  const page = await prepare(t);
  const check = (name, run, expected = BROKEN) =>
    t.test(name, async () => {
      assert.deepEqual(await page.evaluate(run), expected);
      const { reply, errors } = await page.evaluate(async () => {
        const line = connect("/line");
        const reply = await line.request("another line");
        await line.close();
        return { reply, errors: reported.splice(0) };
      });
      assert.deepEqual([reply, errors], ["another line", []]);
    });

  await check("a socket whose `send` throws", async () => {
    const { send } = WebSocket.prototype;
    const told = await settle(await busy(), () => {
      WebSocket.prototype.send = () => { throw new Error("not today"); };
    });
    WebSocket.prototype.send = send;
    return told;
  });

  await check("a socket whose `close` throws as well", async () => {
    const { send, close } = WebSocket.prototype;
    const told = await settle(await busy(), () => {
      WebSocket.prototype.send = () => { throw new Error("not today"); };
      WebSocket.prototype.close = () => { throw new Error("nor that"); };
    });
    Object.assign(WebSocket.prototype, { send, close });
    return told;
  });

  // As numbered in border.js: a command of a call, a packet, the end of a socket, a timer.
  for (const [what, kinds] of [["a call", [0, 1, 2]], ["a packet", [15]], ["a wake-up", [19]], ["the time", [20]]]) {
    await t.test(`WebAssembly that traps in ${what}: the next line has another`, async () => {
      const told = await page.evaluate(async (kinds) => {
        const before = instances.length;
        const line = await busy();
        const told = await settle(line, () => (instances.at(-1).kinds = kinds));
        const next = connect("/line");
        const reply = await next.request("another instance");
        await next.close();
        return { told, reply, more: instances.length - before, errors: reported.splice(0) };
      }, kinds);
      const { told: settled, ...rest } = told;
      assert.deepEqual(settled, BROKEN);
      assert.deepEqual(rest, { reply: "another instance", more: 1, errors: [] });
    });
  }

  await t.test("WebAssembly that traps with two lines ends both", async () => {
    const told = await page.evaluate(async () => {
      const lines = [await busy(), await busy()];
      instances.at(-1).trapped = true;
      return Promise.all(lines.map((line) => settle(line, () => {})));
    });
    assert.deepEqual(told, [BROKEN, BROKEN]);
  });

  await t.test("a console that throws, with `debug`", async () => {
    const told = await page.evaluate(async () => {
      const line = await busy({ debug: true });
      const { log } = console;
      const told = await settle(line, () => (console.log = () => { throw new Error("no"); }));
      console.log = log;
      // Those of the state are listeners as any.
      await new Promise((resolve) => setTimeout(resolve));
      return [told.error[0], told.state, reported.splice(0).every((text) => /Error: no$/.test(text))];
    });
    assert.deepEqual(told, ["InternalError", "closed", true]);
  });

  await check("a socket that tells of its end while it is used is no fault", async () => {
    const Real = WebSocket;
    let count = 0;
    window.WebSocket = class extends Real {
      send(packet) {
        super.send(packet);
        if ((count += 1) === 2) this.onclose({ code: 1006, reason: "" });
      }
    };
    const line = connect("/line", { backoff: { base: 1, cap: 1 } });
    await line.request("1");
    const reply = await line.request("2");
    window.WebSocket = Real;
    const { connections } = line.stats();
    await line.close();
    return [reply, connections];
  }, ["2", 2]);
});
