// What a test drives in the page: one line, numbered messages, and a log of all that is told.

import { connect } from "tautline";

const TICK_MS = 5;
const MESSAGE_BYTES = 64;

class Driver {
  /** The line of this page. */
  line;
  /** All that was done and told, in order: each with `at`, `what` and what belongs to it. */
  log = [];
  /** Promises that have not settled. */
  unsettled = 0;
  #published = new Map();
  #timers = [];

  open(path, options) {
    this.line = connect(path, options);
    this.line.addEventListener("state", ({ state, reason, error }) => {
      this.#note("state", { state, reason, code: error?.code });
    });
    this.line.addEventListener("lost", (lost) => this.#note("lost", lost));
    this.line.addEventListener("gap", (gap) => this.#note("direct gap", gap));
  }

  async read(topic) {
    const subscription = this.line.subscribe(topic);
    subscription.addEventListener("gap", (gap) => this.#note("gap", { topic, ...gap }));
    subscription.addEventListener("end", ({ error }) => {
      this.#note("end", { topic, code: error?.code });
    });
    subscription.addEventListener("message", ({ data }) => {
      this.#note("entry", { topic, number: Number(data) });
    });
    await subscription.ready;
  }

  publish(topic, count) {
    for (let left = count; left > 0; left -= 1) {
      const number = (this.#published.get(topic) ?? 0) + 1;
      this.#published.set(topic, number);
      this.#note("published", { topic, number });
      this.unsettled += 1;
      const settle = (outcome) => {
        this.unsettled -= 1;
        this.#note("settled", { topic, number, outcome });
      };
      this.line.publish(topic, String(number).padStart(MESSAGE_BYTES, "0")).then(
        () => settle("confirmed"),
        (error) => settle(error.code ?? error.message),
      );
    }
  }

  /** By the clock and not by counting ticks, so that a late timer does not lower the rate. */
  publishSteadily(topic, perSecond) {
    const start = performance.now();
    let published = 0;
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - start) * perSecond) / 1000);
      this.publish(topic, due - published);
      published = due;
    }, TICK_MS);
    this.#timers.push(timer);
  }

  stopPublishing() {
    this.#timers.splice(0).forEach(clearInterval);
  }

  find(wanted, since) {
    const wants = Object.entries(wanted);
    return this.log.find((entry) => {
      return entry.at >= since && wants.every(([key, value]) => entry[key] === value);
    });
  }

  #note(what, details) {
    this.log.push({ at: Date.now(), what, ...details });
  }
}

window.driver = new Driver();
