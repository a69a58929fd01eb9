// graphql-ws's client, unmodified, over ReliableWebSocket through a storm of cuts.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";

import { countSocket, listen } from "./backend.mjs";
import { STORM, STORM_MS, World } from "./world.mjs";

const EVERY_MS = 10;
const TICKS = STORM_MS / EVERY_MS;
const FORBIDDEN = 4403;

const schema = buildSchema(`
  type Query { notes: Int! }
  type Mutation { note(number: Int!): Int! }
  type Subscription { tick: Int! }
`);

test("operations are answered once, and a subscription misses nothing", async (t) => {
  const served = { sent: 0, received: 0, connections: 0 };
  const noted = [];
  const { server, host } = await listen(t);
  server.on("connection", (socket) => countSocket(socket, served));
  const roots = {
    query: { notes: () => noted.length },
    mutation: { note: ({ number }) => noted.push(number) },
    subscription: { tick: ticks },
  };
  useServer({ schema, roots }, server);
  const world = await World.start(t, host);
  const page = await world.page(t, world.proxy.origin);
  await page.evaluate(openClient, `${world.proxy.origin.replace("http", "ws")}/line/`);

  await world.proxy.plan(STORM);
  await page.evaluate((every) => client.begin(every), EVERY_MS);
  await pause(STORM_MS);
  const asked = await page.evaluate(() => client.end());
  await world.proxy.heal();
  const { cuts } = await world.proxy.state("graphql");
  const { answers, ticked, told, counts } = await page.evaluate(() => client.finished());

  t.diagnostic(JSON.stringify({ cuts, asked, ticks: ticked.length, served, page: counts }));
  const upTo = (count) => Array.from({ length: count }, (_, n) => n);
  assert.deepEqual(noted, upTo(asked), "mutations carried out");
  assert.deepEqual(answers, upTo(asked).map((n) => n + 1), "answers to mutations");
  assert.deepEqual(ticked, upTo(TICKS), "events of the subscription");
  assert.equal(counts.sent, served.received, "messages from the page");
  assert.equal(served.sent, counts.received, "messages to the page");
  assert.deepEqual(told, ["connected"], "what the client told of its connection");
  assert.deepEqual([counts.sockets, served.connections], [1, 1], "sockets");
  assert.ok(cuts >= 8, `only ${cuts} cuts`);
  assert.ok(asked > 300, `${asked} mutations`);
});

test("why the server closed reaches the client", async (t) => {
  const { server, host } = await listen(t);
  useServer({ schema, onConnect: () => false }, server);
  const world = await World.start(t, host);
  const page = await world.page(t, world.bridge.origin);
  const url = `${world.bridge.origin.replace("http", "ws")}/line/`;
  const outcome = await page.evaluate(async (url) => {
    const { ReliableWebSocket: webSocketImpl } = await import("tautline/websocket");
    const { createClient } = await import("/libraries.js");
    const client = createClient({ url, webSocketImpl, retryAttempts: 0 });
    return new Promise((resolve) => {
      const error = ({ code, reason }) => resolve([code, reason]);
      client.subscribe({ query: "{ notes }" }, { next() {}, complete() {}, error });
    });
  }, url);
  assert.deepEqual(outcome, [FORBIDDEN, "Forbidden"]);
});

test("it connects anew by itself when the session is lost", async (t) => {
  const { server, host } = await listen(t);
  const subscribed = [];
  async function* tick() {
    subscribed.push("tick");
    yield { tick: subscribed.length };
    await once(server, "close");
  }
  useServer({ schema, roots: { query: { notes: () => 7 }, subscription: { tick } } }, server);
  const world = await World.start(t, host);
  const page = await world.page(t, world.bridge.origin);
  const url = `${world.bridge.origin.replace("http", "ws")}/line/`;
  await page.evaluate(async (url) => {
    const { ReliableWebSocket: webSocketImpl } = await import("tautline/websocket");
    const { createClient } = await import("/libraries.js");
    window.told = [];
    const on = Object.fromEntries(
      ["connected", "closed", "error"].map((what) => [what, () => told.push(what)]),
    );
    window.graphql = createClient({ url, webSocketImpl, on });
    window.seen = [];
    graphql.subscribe({ query: "subscription { tick }" }, {
      next: ({ data }) => seen.push(data.tick),
      error: (error) => seen.push(`failed: ${error}`),
      complete: () => seen.push("complete"),
    });
  }, url);
  const settles = (condition) => page.waitForFunction(condition, { timeout: 30_000, polling: 20 });
  await settles(() => seen.length === 1);
  await world.bridge.kill();
  await world.bridge.restart();
  await settles(() => seen.length === 2);
  assert.deepEqual(await page.evaluate(() => [seen, told]), [
    [1, 2], ["connected", "closed", "connected"],
  ]);
  const answer = await page.evaluate(() => {
    return new Promise((next, error) => {
      graphql.subscribe({ query: "{ notes }" }, { next, error, complete() {} });
    });
  });
  assert.deepEqual(answer, { data: { notes: 7 } });
});

async function* ticks() {
  for (let tick = 0; tick < TICKS; tick += 1) {
    await pause(EVERY_MS);
    yield { tick };
  }
}

/** In the page: a client that asks one mutation after the other, and reads a subscription. */
async function openClient(url) {
  const { Counted, counts } = await import("/counted.js");
  const { createClient } = await import("/libraries.js");
  const told = [];
  const on = Object.fromEntries(
    ["connected", "closed", "error"].map((what) => [what, () => told.push(what)]),
  );
  const graphql = createClient({
    url: `${url}?lab=graphql`, webSocketImpl: Counted, lazy: false, on,
  });
  const operation = (query, next) =>
    new Promise((complete, error) => graphql.subscribe({ query }, { next, complete, error }));
  await operation("{ notes }", () => {});
  const ticked = [];
  const answers = [];
  const pending = [];
  let asked = 0;
  let timer;
  window.client = {
    begin(every) {
      pending.push(operation("subscription { tick }", ({ data }) => ticked.push(data.tick)));
      timer = setInterval(() => {
        const query = `mutation { note(number: ${asked++}) }`;
        pending.push(operation(query, ({ data }) => answers.push(data.note)));
      }, every);
    },
    end: () => (clearInterval(timer), asked),
    async finished() {
      await Promise.all(pending);
      return { answers, ticked, told, counts };
    },
  };
}
