// Two ways to have messages confirmed: Tautline, and a bare WebSocket with an ack per message
// written by hand. Both offer the same four operations.

import { connect } from "tautline";

/** Counts messages of one size until all expected ones have come. */
class Counter {
  #left = 0;
  #bytes = 0;
  #done;

  expect(count, bytes) {
    this.#left = count;
    this.#bytes = bytes;
    return new Promise((resolve) => (this.#done = resolve));
  }

  count(data) {
    if (data.length !== this.#bytes || this.#left === 0) {
      throw new Error(`expected ${this.#left} messages of ${this.#bytes}, got "${data}"`);
    }
    this.#left -= 1;
    if (this.#left === 0) {
      this.#done();
    }
  }
}

class Tautline {
  #line;
  #counter = new Counter();

  async open(query) {
    this.#line = connect(`/line${query}`);
    this.#line.addEventListener("message", ({ data }) => this.#counter.count(data));
    await this.#line.request("hello");
  }

  /** Sends `count` messages in one turn; resolves when each is confirmed. */
  send(count, text) {
    const confirmed = [];
    for (let index = 0; index < count; index += 1) {
      confirmed.push(this.#line.send(text));
    }
    return Promise.all(confirmed);
  }

  /** Resolves when `count` messages from the server have been seen. */
  receive(count, bytes) {
    const seen = this.#counter.expect(count, bytes);
    return Promise.all([seen, this.#line.request(`push ${count} ${bytes}`)]);
  }

  /** Resolves when the server has given `text` back. */
  ask(text) {
    return this.#line.request(text);
  }

  /** A connection that was replaced on the way would have been measured with the rest. */
  close() {
    const { connections } = this.#line.stats();
    if (connections !== 1) {
      throw new Error(`expected 1 connection, got ${connections}`);
    }
    return this.#line.close();
  }
}

class Bare {
  #socket;
  #counter = new Counter();
  #waiting = [];
  #next = 0;

  open(query) {
    this.#socket = new WebSocket(`ws://${location.host}/raw${query}`);
    this.#socket.onmessage = ({ data }) => {
      if (data === "a" || data.startsWith("echo ")) {
        this.#confirm();
      } else {
        this.#counter.count(data);
      }
    };
    return new Promise((resolve, reject) => {
      this.#socket.onopen = resolve;
      this.#socket.onerror = reject;
    });
  }

  /** An index and not `shift()`, which is slow on a long array. */
  #confirm() {
    this.#waiting[this.#next]();
    this.#next += 1;
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
  }

  send(count, text) {
    const confirmed = [];
    for (let index = 0; index < count; index += 1) {
      confirmed.push(this.#post(text));
    }
    return Promise.all(confirmed);
  }

  receive(count, bytes) {
    const seen = this.#counter.expect(count, bytes);
    this.#socket.send(`push ${count} ${bytes}`);
    return seen;
  }

  ask(text) {
    return this.#post(`echo ${text.slice("echo ".length)}`);
  }

  #post(text) {
    this.#socket.send(text);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close() {
    this.#socket.close();
  }
}

/** Resolves with the milliseconds that `operation` took. */
async function time(operation) {
  const start = performance.now();
  await operation();
  return performance.now() - start;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What `run.mjs` calls; all durations are in milliseconds. */
window.bench = {
  async open(name, query) {
    this.contender = name === "tautline" ? new Tautline() : new Bare();
    await this.contender.open(query);
  },
  send: (count, text) => time(() => bench.contender.send(count, text)),
  receive: (count, bytes) => time(() => bench.contender.receive(count, bytes)),
  /** Mean times of `samples` runs of a few round trips each: the page's clock is coarse. */
  async roundTrips(samples, each, text) {
    const means = [];
    for (let sample = 0; sample < samples; sample += 1) {
      const took = await time(async () => {
        for (let trip = 0; trip < each; trip += 1) {
          await bench.contender.ask(text);
        }
      });
      means.push(took / each);
    }
    return means;
  },
  /** Messages that have the wire to themselves; `operation` is `send` or `ask`. */
  async apart(operation, count, text, gap) {
    for (let index = 0; index < count; index += 1) {
      await (operation === "send" ? bench.contender.send(1, text) : bench.contender.ask(text));
      await pause(gap);
    }
  },
  close: () => bench.contender.close(),
};
