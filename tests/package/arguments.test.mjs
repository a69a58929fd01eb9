// Every public call looks at every argument: what is wrong is an error that says which one, what it got and
// what it expects, and nothing else happens.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "./installed.mjs";

/** Run in the page: values by name, since most of them cannot be sent there. */
const VALUES = () => {
  const frame = document.body.appendChild(document.createElement("iframe")).contentWindow;
  window.values = {
    undefined,
    null: null,
    NaN: NaN,
    Infinity: Infinity,
    "-Infinity": -Infinity,
    "-1": -1,
    "0": 0,
    "1": 1,
    "1.5": 1.5,
    "2^53": 2 ** 53,
    "10n": 10n,
    true: true,
    false: false,
    "": "",
    '"3000"': "3000",
    '"yes"': "yes",
    "[]": [],
    "[1]": [1],
    "{}": {},
    symbol: Symbol("x"),
    function: () => {},
    "null object": Object.create(null),
    signal: new AbortController().signal,
    "signal of another frame": new frame.AbortController().signal,
    "bytes of another frame": new frame.Uint8Array([49]),
    "view of another frame": new frame.DataView(new frame.ArrayBuffer(2)),
    "buffer of another frame": new frame.ArrayBuffer(2),
    bytes: new Uint8Array([49]),
    "16,385 bytes": new Uint8Array(16_385),
    "16,384 bytes": new Uint8Array(16_384),
    "URL of another frame": new frame.URL("ws://127.0.0.1:1/"),
    "255 bytes": "a".repeat(255),
    "256 bytes": "a".repeat(256),
    "128 times two bytes": "\u00e9".repeat(128),
    "127 times two bytes": "\u00e9".repeat(127),
    "half a character": "\ud83d",
    "the other half": "\ude00",
    "a whole character": "\u{1F600}",
  };
};

/** What each option or argument takes; of all other values it says that it expects `words`. */
const NUMBERS = ["1", "1.5"];
const SIGNALS = ["signal", "signal of another frame"];
const BYTES = ["bytes", "bytes of another frame", "view of another frame", "buffer of another frame"];
const TEXTS = [
  "", '"3000"', '"yes"', "255 bytes", "256 bytes", "128 times two bytes", "127 times two bytes",
  "half a character", "the other half", "a whole character",
];
const TOPICS = ['"3000"', '"yes"', "255 bytes", "127 times two bytes", "a whole character"];
const FLAGS = ["true", "false"];
const DURATION = [NUMBERS, "a number from 1 to 2147483647"];
const SIZE = [NUMBERS, "a number from 1 to 9007199254740991"];
const PATIENCE = [["0", "1", "1.5", "2^53", "Infinity"], "a number from 0 to Infinity"];
const FLAG = [FLAGS, "true or false"];
const SIGNAL = [SIGNALS, "an AbortSignal"];
const COUNT = [["0", "1"], "a count from 0"];
const TOPIC = [TOPICS, "a string of 1 to 255 bytes in UTF-8"];

/** Without any property that could be an option. */
const OBJECTS = ["{}", "null object", ...SIGNALS, "URL of another frame", ...BYTES.slice(-2)];

const OPTIONS = {
  "connect ": {
    credentials: [[...TEXTS, ...BYTES, "function", "16,384 bytes"], /a string/],
    codec: [[], "an object with the functions encode and decode"],
    durable: [TEXTS.filter((text) => text !== ""), "a name"],
    whenUncertain: [[], '"resend" or "fail"'],
    outbox: [OBJECTS, /an object/],
    backoff: [OBJECTS, /an object/],
    connectTimeout: DURATION,
    signal: SIGNAL,
    WebSocket: [["function"], "a class like the browser's WebSocket"],
    warnBeforeUnload: FLAG,
    debug: FLAG,
  },
  "connect outbox": { messages: SIZE, bytes: SIZE, whenFull: [[], '"wait" or "reject"'] },
  "connect backoff": { base: DURATION, cap: [[], /a number from 1|not below/] },
  "send ": {
    signal: SIGNAL,
    ttl: DURATION,
    key: [TEXTS, "a string"],
    volatile: FLAG,
    until: [[], '"processed" or "stored"'],
  },
  "publish ": {
    signal: SIGNAL,
    ttl: DURATION,
    key: [TEXTS, "a string"],
    volatile: FLAG,
    until: [[], '"processed" or "stored"'],
  },
  "request ": { signal: SIGNAL, ttl: DURATION, timeout: PATIENCE },
  "subscribe ": { signal: SIGNAL, last: COUNT, after: [[], "a position"] },
  "addEventListener ": { signal: SIGNAL, once: FLAG },
  "listen to a subscription ": { signal: SIGNAL, once: FLAG },
  "close ": { timeout: PATIENCE },
};

test("arguments", async (t) => {
  const page = await openPage(t);
  await page.evaluate(VALUES);
  await page.evaluate(async () => {
    const { connect, InvalidArgumentError } = await import("tautline");
    window.connect = connect;
    // Nobody answers there, and nothing is sent.
    const nowhere = (options) => connect("ws://127.0.0.1:1/", options);
    window.line = nowhere();
    window.made = [];
    const make = (line) => (made.push(line), line);
    const calls = {
      connect: (options) => void make(nowhere({ backoff: { base: 1 }, ...options })),
      send: (options) => line.send("x", options),
      publish: (options) => line.publish("t", "x", options),
      request: (options) => line.request("x", options),
      subscribe: (options) => void line.subscribe("t", options).return(),
      addEventListener: (options) => line.addEventListener("state", () => {}, options),
      "listen to a subscription": (options) =>
        line.subscribe("t").addEventListener("end", () => {}, options),
      close: (options) => make(nowhere()).close(options),
    };
    /** An error of ours, in words; undefined if there was none in a moment. */
    window.told = async (act) => {
      const moment = new Promise((resolve) => setTimeout(resolve, 0));
      try {
        await Promise.race([act(), moment]);
      } catch (error) {
        if (error instanceof InvalidArgumentError) return error.message;
        // It has failed for another reason: the argument was good.
      }
      return undefined;
    };
    window.give = (call, options) => told(() => calls[call](options));
    window.end = () =>
      Promise.all(made.splice(0).map((line) => line.clear()));
  });

  for (const [place, options] of Object.entries(OPTIONS)) {
    const [, call, path] = /^(.*) (\w*)$/.exec(place);
    for (const [name, [good, words]] of Object.entries(options)) {
      await t.test(`${call}: ${path && `${path}.`}${name}`, async () => {
        const answers = await page.evaluate(async (call, path, name) => {
          const answers = {};
          for (const [value, given] of Object.entries(values)) {
            const option = { [name]: given };
            answers[value] = (await give(call, path ? { [path]: option } : option)) ?? "good";
          }
          await end();
          return answers;
        }, call, path, name);
        for (const [value, answer] of Object.entries(answers)) {
          const isGood = value === "undefined" || good.includes(value);
          assert.equal(answer === "good", isGood, `${value}: ${answer}`);
          if (isGood) continue;
          // Bytes have elements, which are no options.
          if (OBJECTS.includes(good[0]) && /bytes/.test(value) && /no option "0"/.test(answer)) continue;
          const full = path ? `${path}.${name}` : name;
          assert.ok(answer.startsWith(`Expected \`${full}\` to be `), answer);
          if (words instanceof RegExp) assert.match(answer, words);
          else assert.ok(answer.includes(`to be ${words}, got `), answer);
        }
      });
    }

    await t.test(`${place}: an option that is not there`, async () => {
      const known = Object.keys(options);
      const typos = known.map((name) => [name, `${name.slice(0, -2)}${name.at(-1)}${name.at(-2)}`]);
      const told = await page.evaluate(async (call, path, typos) => {
        const told = [];
        for (const [name, typo] of typos) {
          const option = { [typo]: undefined };
          told.push([name, await give(call, path ? { [path]: option } : option)]);
        }
        await end();
        return told;
      }, call, path, typos.filter(([name, typo]) => name !== typo));
      for (const [name, message] of told) {
        assert.match(message ?? "nothing", new RegExp(`^There is no option ".*" here, but these: (.*, )?${name}[,.]`));
      }
    });

    await t.test(`${place}: options that are no object`, async () => {
      if (path) return;
      const answers = await page.evaluate(async (call) => {
        const names = ["null", "[]", "NaN", "0", "1", "10n", "true", "false", "", '"yes"', "symbol", "function"];
        const answers = [];
        if (call === "connect") {
          for (const name of names) answers.push(await told(() => connect("/", values[name])));
          return answers;
        }
        for (const name of names) answers.push(await give(call, values[name]));
        await end();
        return answers;
      }, call);
      for (const answer of answers) assert.match(answer ?? "nothing", /^Expected `options` to be an object, got /);
    });
  }

  for (const call of ["publish", "subscribe"]) {
    await t.test(`${call}: topics`, async () => {
      const answers = await page.evaluate(async (call) => {
        const answers = {};
        for (const [name, topic] of Object.entries(values)) {
          answers[name] = await told(() => {
            const made = line[call](topic, ...(call === "publish" ? ["x"] : []));
            if (call === "subscribe") made.return();
            return made;
          });
        }
        return answers;
      }, call);
      for (const [name, answer] of Object.entries(answers)) {
        if (TOPIC[0].includes(name)) assert.equal(answer, undefined, name);
        else assert.match(answer ?? name, /^Expected `topic` to be a string of 1 to 255 bytes in UTF-8, got /);
      }
    });
  }

  await t.test("connect: addresses", async () => {
    const answers = await page.evaluate(async () => {
      const answers = {};
      for (const [name, url] of Object.entries(values)) {
        answers[name] = await told(() => void made.push(connect(url)));
      }
      await end();
      return answers;
    });
    for (const [name, answer] of Object.entries(answers)) {
      const isGood = TEXTS.includes(name) || name === "URL of another frame";
      if (isGood) assert.equal(answer, undefined, name);
      else assert.match(answer ?? name, /^Expected `url` to be a URL, got /);
    }
  });

  await t.test("events and listeners, to add and to remove", async () => {
    const told = await page.evaluate(async () => {
      const topic = line.subscribe("events");
      const answers = [];
      for (const target of [line, topic]) {
        for (const method of ["addEventListener", "removeEventListener"]) {
          const call = (...given) => window.told(() => target[method](...given));
          answers.push(await call("mesage", () => {}), await call("Message", () => {}));
          answers.push(await call(undefined, () => {}), await call(values.symbol, () => {}));
          answers.push(await call("message", null), await call("message"));
          answers.push(await call("message", { handleEvent() {} }));
        }
      }
      topic.return();
      return answers;
    });
    for (const [at, message] of told.entries()) {
      const words = [
        /^There is no event "mesage" here, but these: message, /,
        /^There is no event "Message" here, but these: message, /,
        /^There is no event undefined here/,
        /^There is no event Symbol\(x\) here/,
        /^Expected `message listener` to be a function, got null/,
        /^Expected `message listener` to be a function, got undefined/,
        /^Expected `message listener` to be a function, got {}/,
      ];
      assert.match(message ?? "nothing", words[at % words.length]);
    }
  });

  await t.test("positions", async () => {
    const positions = {
      good: [["0-0", 0], ["1-2", 3], ["4294967295-4294967295", 2 ** 53 - 1]],
      bad: [
        ["1", 0], ["1-", 0], ["-1", 0], ["1-2-3", 0], ["7f-1", 0], ["", 0], [" 1-2", 0], ["1-2\n", 0],
        ["4294967296-0", 0], ["0-4294967296", 0], ["9".repeat(400) + "-1", 0],
        ["1-2", -1], ["1-2", 1.5], ["1-2", 2 ** 53], ["1-2", "3"], ["1-2", null], [12, 3],
      ],
    };
    const told = await page.evaluate(async ({ good, bad }) => {
      const subscribe = ([epoch, offset]) =>
        window.told(() => void line.subscribe("t", { after: { epoch, offset } }).return());
      bad.push(["1-2", NaN], ["1-2", 1n], ["1-2", undefined], [["1-2"], 0]);
      return {
        good: (await Promise.all(good.map(subscribe))).filter(Boolean),
        bad: await Promise.all(bad.map(subscribe)),
      };
    }, positions);
    assert.deepEqual(told.good, []);
    for (const message of told.bad) assert.match(message ?? "nothing", /^Expected `after` to be a position, got /);
  });

  await t.test("combinations that contradict each other", async () => {
    const told = await page.evaluate(() => Promise.all([
      give("send", { volatile: true, ttl: 1 }),
      give("send", { volatile: true, key: "k" }),
      give("publish", { volatile: true, until: "stored" }),
      give("connect", { backoff: { base: 100, cap: 99 } }),
    ]));
    for (const message of told.slice(0, 3)) assert.match(message, /^A volatile message has neither/);
    assert.match(told[3], /^Expected `backoff.cap` to be not below `backoff.base`, got 99/);
  });

  await t.test("a refused call leaves no trace, and no credentials in words", async () => {
    const { queued, secret } = await page.evaluate(async () => {
      const fresh = connect("ws://127.0.0.1:1/");
      await fresh.publish("", "x").catch(() => {});
      await fresh.send("x", { ttl: "3000" }).catch(() => {});
      await fresh.send("x", { key: {} }).catch(() => {});
      const { queued } = fresh.stats();
      await fresh.close();
      const tell = (credentials) => told(() => connect("/", { credentials }));
      const secrets = [{ token: "hunter2" }, ["hunter2"], "hunter2".repeat(4_000)];
      return { queued, secret: await Promise.all(secrets.map(tell)) };
    });
    assert.equal(queued, 0);
    for (const message of secret) assert.ok(message && !message.includes("hunter2"), message);
  });

  await t.test("durations without an end", async () => {
    const told = await page.evaluate(async () => {
      const echo = connect("/line");
      const reply = await echo.request("patient", { timeout: Infinity });
      await echo.close({ timeout: Infinity });
      const late = line.request("x", { timeout: 2 ** 40 }).catch(({ name }) => name);
      const moment = new Promise((resolve) => setTimeout(resolve, 50, "waits"));
      const first = await Promise.race([late, moment]);
      await line.close({ timeout: 0 });
      return [reply, echo.state, first];
    });
    assert.deepEqual(told, ["patient", "closed", "waits"]);
  });
});
