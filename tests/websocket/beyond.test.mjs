// What the browser's class cannot do, and where the promise ends: each difference that the README
// lists and that cannot be seen side by side.

import assert from "node:assert/strict";
import { test } from "node:test";

import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { POLL_MS, SOON_MS } from "../e2e/tab.mjs";
import { serveCases } from "./backend.mjs";
import { World } from "./world.mjs";

const lineOf = (origin) => `${origin.replace("http", "ws")}/line/`;

test("cuts, ends and refusals", async (t) => {
  const world = await World.start(t, await serveCases(t));
  const page = await world.page(t, world.proxy.origin);
  /** Makes a socket, and keeps a log of what it tells. */
  const open = (url, ...rest) => page.evaluate(openSocket, url, ...rest);
  const until = async (what) => {
    try {
      await page.waitForFunction(what, { timeout: SOON_MS, polling: POLL_MS });
    } catch (error) {
      assert.fail(`${error.message} ${JSON.stringify(await page.evaluate(() => log))}`);
    }
  };
  const isClosed = () => socket.readyState === 3;
  const told = () => page.evaluate(() => log.filter(([type]) => type !== "state"));

  await t.test("it connects when the server comes", async () => {
    await world.proxy.act("late", "offline");
    await open(`${lineOf(world.proxy.origin)}?lab=late`);
    await until(() => log.some(([type, state]) => type === "state" && state === "waiting"));
    assert.deepEqual(await page.evaluate(() => socket.readyState), 0);
    await world.proxy.act("late", "online");
    await until(() => socket.readyState === 1);
    assert.deepEqual(await told(), [["open"]]);
  });

  await t.test("it stays open through a cut, and counts what is not confirmed", async () => {
    await open(`${lineOf(world.proxy.origin)}?lab=cut`);
    await until(() => socket.readyState === 1);
    await world.proxy.act("cut", "offline");
    await until(() => log.some(([type, state]) => type === "state" && state === "waiting"));
    const amounts = await page.evaluate(() => {
      socket.send("kept");
      socket.send(new Uint8Array(3));
      return [socket.readyState, socket.bufferedAmount];
    });
    assert.deepEqual(amounts, [1, 7]);
    await world.proxy.act("cut", "online");
    await until(() => socket.bufferedAmount === 0 && log.at(-1)[0] === "message");
    assert.deepEqual((await told()).slice(0, 2), [["open"], ["message", "kept"]]);
    const states = await page.evaluate(() => {
      return log.filter(([type]) => type === "state").map(([, state]) => state);
    });
    assert.deepEqual(states.slice(0, 3), ["connecting", "open", "waiting"]);
    assert.equal(states.at(-1), "open");
  });

  await t.test("a message that is too large ends it", async () => {
    await open(lineOf(world.proxy.origin));
    await until(() => socket.readyState === 1);
    await page.evaluate(() => socket.send("x".repeat(2_000_000)));
    await until(isClosed);
    const [, close, ...more] = await told();
    assert.deepEqual([close.slice(0, 2), close[3], more], [["close", 1009], false, []]);
    assert.match(close[2], /2000000 bytes, but at most 1048576/);
  });

  await t.test("an end that the server cannot confirm is not clean", async () => {
    await open(`${lineOf(world.proxy.origin)}?lab=gone`);
    await until(() => socket.readyState === 1);
    await world.proxy.act("gone", "offline");
    await page.evaluate(() => {
      socket.send("never confirmed");
      socket.close(3001, "bye");
    });
    await until(isClosed);
    const [, close, ...more] = await told();
    assert.deepEqual([close.slice(0, 2), close[3], more], [["close", 1006], false, []]);
    assert.equal(await page.evaluate(() => socket.bufferedAmount), 15);
  });

  await t.test("a server that has lost the session ends it", async () => {
    await open(lineOf(world.proxy.origin));
    await until(() => socket.readyState === 1);
    await world.bridge.kill();
    await world.bridge.restart();
    await until(isClosed);
    const lost = "The server has lost messages of this session.";
    assert.deepEqual(await told(), [["open"], ["close", 1006, lost, false]]);
  });

  await t.test("a server without a handler lets the client choose, but takes nothing", async (t) => {
    const args = ["--allow-origin", world.proxy.origin];
    const plain = new Server(setting("TAUTLINE_SERVER"), args);
    await plain.start();
    afterwards(t, () => plain.kill());
    await open(`${plain.origin}/line`, ["first", "second"]);
    await until(() => socket.readyState === 1);
    assert.equal(await page.evaluate(() => socket.protocol), "first");
    await page.evaluate(() => socket.send("anyone?"));
    await until(isClosed);
    const [, close, ...more] = await told();
    assert.deepEqual([close.slice(0, 2), close[3], more], [["close", 1008], false, []]);
    assert.match(close[2], /no handler for such messages/);
  });

  await t.test("options of the line, and another entry of the package", async () => {
    const outcome = await page.evaluate(async (url) => {
      const { connect } = await import("tautline/inline");
      const { reliableWebSocket } = await import("tautline/websocket");
      const InlineSocket = reliableWebSocket(connect);
      let wrong;
      try {
        new InlineSocket(url, [], { connectTimeout: -1 });
      } catch (error) {
        wrong = error.code;
      }
      const socket = new InlineSocket(url, [], { backoff: { base: 50, cap: 200 } });
      socket.onopen = () => socket.send("inline");
      const { data } = await new Promise((resolve) => (socket.onmessage = resolve));
      socket.close();
      return [data, wrong];
    }, lineOf(world.proxy.origin));
    assert.deepEqual(outcome, ["inline", "invalid-argument"]);
  });
});

async function openSocket(url, protocols) {
  const { ReliableWebSocket } = await import("tautline/websocket");
  // Its own: sockets of earlier tests go on telling.
  const log = (window.log = []);
  window.socket = new ReliableWebSocket(url, protocols);
  for (const type of ["open", "message", "error", "close", "state"]) {
    socket.addEventListener(type, ({ data, code, reason, wasClean, state }) => {
      const details = { message: [data], close: [code, reason, wasClean], state: [state] };
      log.push([type, ...(details[type] ?? [])]);
    });
  }
}
