// A naive client with numbered messages, and a log of all that it was told: what account.mjs reads.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import { afterwards } from "../e2e/afterwards.mjs";
import { Proxy, Server } from "../e2e/processes.mjs";
import { NaiveClient } from "./client.mjs";

/** Long enough for a busy machine, and shorter than the server waits for a silent client. */
const SOON_MS = 30_000;
const TICK_MS = 5;
const MESSAGE_BYTES = 64;

/** A server program with the fault proxy in front; both end with the test. */
export async function startWorld(t, program) {
  const server = new Server(program, []);
  afterwards(t, () => server.kill());
  await server.start();
  const proxy = await Proxy.start(server.origin);
  afterwards(t, () => proxy.stop());
  const open = (origin) => {
    const line = new Line(`${origin.replace("http", "ws")}/line`);
    afterwards(t, () => line.client.close());
    return line;
  };
  const exposed = open(proxy.origin);
  exposed.client.url += "?lab=exposed";
  return { server, proxy, exposed, calm: open(server.origin) };
}

/** Resolves once `condition` holds. */
export async function until(condition, what, within = SOON_MS) {
  for (const end = performance.now() + within; !condition(); await pause(TICK_MS)) {
    assert.ok(performance.now() < end, `after ${within} ms still not: ${what}`);
  }
}

export class Line {
  log = [];
  unsettled = 0;
  #numbers = new Map();
  #timers = [];

  constructor(url) {
    this.client = new NaiveClient(url);
  }

  read(topic) {
    return this.client.subscribe(topic, (payload) => {
      this.log.push({ what: "entry", topic, number: Number(payload) });
    });
  }

  /** Posts the next number: to a topic, or as a request of that name. */
  post(kind, topic, count = 1) {
    for (let left = count; left > 0; left -= 1) {
      const number = (this.#numbers.get(topic) ?? 0) + 1;
      this.#numbers.set(topic, number);
      this.log.push({ what: "published", topic, number });
      this.unsettled += 1;
      const settle = (outcome, reply) => {
        this.unsettled -= 1;
        this.log.push({ what: "settled", topic, number, outcome, reply });
      };
      this.client.post(kind, String(number).padStart(MESSAGE_BYTES, "0"), topic).then(
        (reply) => settle("confirmed", reply),
        (error) => settle(error.message),
      );
    }
  }

  /** By the clock and not by counting ticks, so that a late timer does not lower the rate. */
  postSteadily(kind, topic, perSecond) {
    const start = performance.now();
    let posted = 0;
    this.#timers.push(setInterval(() => {
      const due = Math.floor(((performance.now() - start) * perSecond) / 1000);
      this.post(kind, topic, due - posted);
      posted = due;
    }, TICK_MS));
  }

  stop() {
    this.#timers.splice(0).forEach(clearInterval);
  }

  async settled() {
    await until(() => this.unsettled === 0, "every promise settles");
  }

  async received(topic, number) {
    const arrived = (entry) => entry.what === "entry" && entry.topic === topic;
    await until(() => this.log.findLast(arrived)?.number === number, `${topic} has ${number}`);
  }
}
