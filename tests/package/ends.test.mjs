// What is over leaves nothing behind, tells everybody, and keeps what it knows: in Node, which ends a process
// for a rejection that nobody handles, and only when nothing keeps it alive.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { HostileServer, hex } from "./hostile-server.mjs";
import { install } from "./installed.mjs";

const FLAGS = Number(process.versions.node.split(".")[0]) < 22 ? [] : ["--no-experimental-websocket"];
/** REFUSE 4300: the server stops the line. 4299: it does not take the credentials. */
const STOPPED = hex("03 cc21 00 00");
const UNAUTHORIZED = hex("03 cb21 00 00");

const BEFORE = `
  import { EventEmitter } from "node:events";
  import { WebSocket } from "ws";
  import { connect } from "tautline";
  globalThis.WebSocket = WebSocket;
  const [, , url, hostile] = process.argv;
  const outcome = (promise) => promise.then((value) => value, ({ name }) => name);
  const closed = (line) => new Promise((resolve) =>
    line.addEventListener("state", ({ state, error }) => state === "closed" && resolve(error)));
  const tell = (value) => console.log(JSON.stringify(value));
  const moment = () => new Promise((resolve) => setTimeout(resolve, 20));
`;

/** Runs a program in Node; resolves with what it has told, its exit code and what went to standard error. */
async function run(t, world, source) {
  const file = join(world.folder, "program.mjs");
  await writeFile(file, BEFORE + source);
  const child = spawn(process.execPath, [...FLAGS, file, `${world.server.origin}/line`, world.hostile.url]);
  afterwards(t, () => child.kill("SIGKILL"));
  let told = "";
  let errors = "";
  child.stdout.on("data", (text) => (told += text));
  child.stderr.on("data", (text) => (errors += text));
  const began = performance.now();
  const [code] = await once(child, "close");
  const lines = told.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return { told: lines, code, errors, took: performance.now() - began };
}

async function prepare(t) {
  const folder = await install(t);
  const ws = dirname(createRequire(import.meta.url).resolve("ws/package.json"));
  await cp(ws, join(folder, "node_modules/ws"), { recursive: true });
  const server = new Server(setting("TAUTLINE_EXAMPLE"), []);
  await server.start();
  afterwards(t, () => server.kill());
  return { folder, server, hostile: await HostileServer.start(t) };
}

test("what is over", async (t) => {
  const world = await prepare(t);
  const check = (name, source, expected, code = 0, errors = /^$/) =>
    t.test(name, async () => {
      const ran = await run(t, world, source);
      assert.match(ran.errors, errors);
      assert.deepEqual([ran.told, ran.code], [expected, code], ran.errors);
    });
  const refuse = (refusal) => world.hostile.treat(async (peer) => {
    await peer.hello;
    await peer.packet(refusal);
  });

  await check("leaves no listener at signals that live on", `
    import { getEventListeners } from "node:events";
    const { signal } = new AbortController();
    const left = () => getEventListeners(signal, "abort").length;
    const counts = [];
    for (let round = 0; round < 20; round += 1) {
      const line = connect(url, { signal });
      line.addEventListener("state", () => {}, { signal });
      line.addEventListener("message", () => {}, { signal, once: true });
      const listener = () => {};
      line.addEventListener("gap", listener, { signal });
      line.removeEventListener("gap", listener);
      const topic = line.subscribe("t", { signal });
      topic.addEventListener("message", () => {}, { signal });
      const ended = line.subscribe("t", { signal });
      ended.addEventListener("message", () => {}, { signal });
      ended.return();
      ended.addEventListener("message", () => {}, { signal });
      line.subscribe("never", { signal: AbortSignal.abort() });
      await line.send("x", { signal });
      await line.request("x", { signal, timeout: 60_000 });
      await line.publish("t", "x", { signal, key: "k", ttl: 60_000 });
      await line.request("push 1 1");
      await line.publish("t", "x", { signal, volatile: true });
      counts.push(left());
      await line.close();
      line.addEventListener("message", () => {}, { signal });
      await outcome(line.subscribe("t", { signal }).ready);
      await outcome(line.send("x", { signal }));
    }
    tell([Math.max(...counts) - Math.min(...counts), left()]);
  `, [[0, 0]]);

  await t.test("keeps Node alive no longer than it takes", async () => {
    for (const [what, source] of Object.entries({
      "before the wasm has loaded": "const line = connect(url); line.send('x'); await line.close();",
      "with nothing to send": "connect(url).close();",
      "with patience without end":
        "const line = connect(url); line.send('x'); line.close({ timeout: Infinity }); line.close();",
      "by `using`": "const line = connect(url); line.send('x'); line[Symbol.dispose ?? 0]?.();",
      "a request with a long timeout": `const line = connect(url);
        await line.request("x", { timeout: 100_000 }); await line.close();`,
      "that ended with an error": `const line = connect(hostile); closed(line);
        line.send("x").catch(() => {}); line.close({ timeout: 100_000 });`,
    })) {
      refuse(STOPPED);
      const { code, errors, took } = await run(t, world, source);
      assert.equal(code, 0, `${what}: ${errors}`);
      assert.ok(took < 8_000, `${what}: ${took} ms`);
    }
  });

  await check("keeps its last figures", `
    const line = connect(url);
    await line.request("1");
    await line.request("2");
    const before = line.stats();
    await line.close();
    const after = line.stats();
    const kept = ["acknowledged", "received", "connections"].map((name) => after[name] === before[name]);
    tell([...kept, after.acknowledged, after.bytesSent >= before.bytesSent, after.queued, after.unacknowledged]);
    const never = connect(url);
    never.close({ timeout: 0 });
    tell(never.stats().connections);
  `, [[true, true, true, 2, true, 0, 0], 0]);

  await t.test("tells later calls why, if it was an error", async () => {
    const source = `
      const line = connect(hostile, { credentials: "wrong" });
      const first = outcome(line.send("x"));
      const error = await closed(line);
      const topic = line.subscribe("t");
      const ended = new Promise((resolve) => topic.addEventListener("end", ({ error }) => resolve(error.name)));
      tell([await first, error.name, ...await Promise.all([
        line.send("x"), line.publish("t", "x"), line.request("x"), line.send("x", { volatile: true }),
        topic.ready, topic.next(), ended, line.subscribe("t").next(),
      ].map(outcome))]);
      await line.close();
    `;
    for (const [refusal, name] of [[UNAUTHORIZED, "UnauthorizedError"], [STOPPED, "StoppedError"]]) {
      refuse(refusal);
      const { told, code, errors } = await run(t, world, source);
      assert.deepEqual([told, code], [[Array(10).fill(name)], 0], errors);
    }
  });

  await check("tells those who called it in vain that it is closed", `
    const line = connect(url);
    await line.close();
    tell(await Promise.all([line.send("x"), line.subscribe("t").ready, line.subscribe("t").next(),
      line.publish("t", "x", { volatile: true })].map(outcome)));
  `, [["ClosedError", "ClosedError", "ClosedError", "ClosedError"]]);

  for (const [what, act] of Object.entries({
    "whoever listens in the same turn": `topic.addEventListener("end", ({ error }) => tell(error.name));`,
    "whoever iterates": `for await (const entry of topic) tell(entry);`,
    "whoever waits for it": `await topic.ready;`,
    "nobody in particular": `topic.addEventListener("message", tell);`,
  })) {
    const isHandled = /listens/.test(what);
    await check(`a subscription that fails at once tells ${what}`, `
      const line = connect(url);
      await line.close();
      const topic = line.subscribe("t");
      ${act}
      await moment();
      tell("goes on");
    `, isHandled ? ["ClosedError", "goes on"] : [], isHandled ? 0 : 1, isHandled ? /^$/ : /ClosedError/);
  }

  await check("a subscription that is one too many, or is refused later, does not fail unheard", `
    process.on("unhandledRejection", ({ name }) => tell(name));
    const line = connect(url);
    const all = Array.from({ length: 1100 }, (_, at) => line.subscribe(\`t\${at}\`));
    await moment();
    await line.send("x");
    await moment();
    await line.close();
  `, [...Array(1100 - 1024).fill("InvalidArgumentError"), ...Array(1024 - 128).fill("RefusedError")]);

  await check("what it ended with is told by its state, not by each subscription", `
    const line = connect(url);
    line.addEventListener("state", ({ state }) => state === "closed" && tell("closed"));
    line.subscribe("t").addEventListener("message", () => {});
    await line.close({ timeout: 0 });
    await moment();
  `, ["closed"]);

  await t.test("a line that nobody listens to does not fail unheard either", async () => {
    refuse(STOPPED);
    const { code, errors } = await run(t, world, `
      const line = connect(hostile);
      line.subscribe("t").addEventListener("message", tell);
    `);
    assert.equal(code, 1);
    assert.match(errors, /StoppedError/);
  });

  await t.test("a volatile message that is dropped needs no `catch`, and may have one", async () => {
    world.hostile.treat((peer) => peer.welcome().then(() => peer.destroy()));
    const { told, code, errors } = await run(t, world, `
      const line = connect(hostile, { backoff: { base: 1, cap: 1 } });
      for (let count = 0; count < 50; count += 1) {
        line.publish("t", count, { volatile: true });
        line.send(count, { volatile: true });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await line.close({ timeout: 0 });
      line.send("late", { volatile: true });
      await moment();
      const fresh = connect(hostile);
      tell([await outcome(line.send("late", { volatile: true })), await outcome(fresh.send("x", { volatile: true }))]);
      await fresh.close({ timeout: 0 });
    `);
    assert.deepEqual([told, code], [[["ClosedError", "NotLiveError"]], 0], errors);
  });

  await check("one that is wrong still does", `
    const line = connect(url);
    await line.send("opens");
    line.publish("", "x", { volatile: true });
    await moment();
  `, [], 1, /InvalidArgumentError/);

  await check("`warnBeforeUnload` is for pages", `
    const line = connect(url, { warnBeforeUnload: true });
    tell([await line.request("x"), Object.keys(line)]);
    await line.close();
  `, [["x", ["_waiting"]]]);
});
