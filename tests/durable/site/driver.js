// What a test drives in the page: a durable line, numbered messages, and a log of all that is told.

import { connect } from "tautline";

/** Text that does not compress: the browser counts what is on its disk. */
function noise(bytes) {
  let text = "";
  while (text.length < bytes) text += Math.random().toString(36).slice(2);
  return text;
}

class Driver {
  line;
  /** All that was told, in order: each with `what`, and what belongs to it. */
  log = [];

  /** Opens the page's line; resolves when it is said whether it is stored. */
  async open(path, options) {
    this.line = connect(path, { durable: "test", backoff: { base: 50, cap: 500 }, ...options });
    for (const what of ["state", "lost", "gap", "durability", "settled"]) {
      this.line.addEventListener(what, ({ error, ...told }) => {
        this.#note(what, error ? { ...told, code: error.code } : told);
      });
    }
    return new Promise((resolve) => {
      this.line.addEventListener("durability", ({ stored, reason, lost }) => {
        resolve({ stored, reason, lost });
      });
    });
  }

  /** Makes a database that is not the line's; resolves with whether it was there already. */
  async witness() {
    const opening = indexedDB.open("witness");
    let survived = true;
    opening.onupgradeneeded = () => (survived = false);
    await new Promise((resolve) => (opening.onsuccess = resolve));
    opening.result.close();
    return survived;
  }

  hear() {
    this.line.addEventListener("message", ({ data, offset, adopted = false }) => {
      this.#note("message", { data, offset, adopted });
    });
  }

  async read(topic, options) {
    const subscription = this.line.subscribe(topic, options);
    subscription.addEventListener("message", ({ data }) => this.#note("entry", { topic, data }));
    subscription.addEventListener("gap", (gap) => this.#note("topic gap", { topic, ...gap }));
    await subscription.ready;
  }

  /** Publishes the numbers `from` to `to` at once, each in so many `bytes`. */
  publish(topic, from, to, { bytes = 0, ...options } = {}) {
    for (let number = from; number <= to; number += 1) {
      this.line.publish(topic, `${number} ${noise(bytes)}`, options).then(
        () => this.#note("confirmed", { number }),
        ({ code }) => this.#note("rejected", { number, code }),
      );
    }
  }

  /** Resolves when they are stored. */
  async store(topic, from, to) {
    const all = [];
    for (let number = from; number <= to; number += 1) {
      all.push(this.line.publish(topic, String(number), { until: "stored" }));
    }
    await Promise.all(all);
  }

  /** Publishes the numbers from `from` on, a few in every turn, and tells `noteStored` how far it is. */
  burst(topic, from) {
    let number = from;
    this.stopBurst = () => clearInterval(timer);
    const timer = setInterval(() => {
      for (let count = 0; count < 5; count += 1, number += 1) {
        const sent = number;
        this.line.publish(topic, String(sent), { until: "stored" }).then(() => noteStored(sent));
      }
    }, 1);
  }

  count(what) {
    return this.log.filter((entry) => entry.what === what).length;
  }

  #note(what, details) {
    this.log.push({ what, ...details });
  }
}

window.driver = new Driver();
