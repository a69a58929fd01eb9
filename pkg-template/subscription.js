// One topic being read, by listeners or by `for await`. Entries wait here until someone takes them;
// what is not handled counts against the server's window, so that no more than a window waits.

import { Emitter } from "./emitter.js";
import { closedError } from "./outcomes.js";

export class Subscription extends Emitter {
  #hooks;
  /** Who has asked for an entry that is not there yet; undefined until somebody iterates. */
  #pulls;
  /** Where the last handled entry stands. */
  position;
  #gap;
  /** What the event `end` says, once it has ended. */
  #ended;
  /** How many of the entries that are not handled are of a log that is gone. */
  #stale = 0;
  /** Where the log goes on, as the server has said last. */
  #told;
  // The entry given last: it is handled when the next one is asked for.
  #inHand;
  #settleReady;
  /** Its end is told in another way than by `ready`, or is no news. */
  #isExpected = false;

  constructor(topic, hooks) {
    super("message gap end");
    this.topic = topic;
    this.#hooks = hooks;
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
  }

  _expectEnd() {
    this.#isExpected = true;
    this.ready.catch(() => {});
  }

  addEventListener(type, ...given) {
    super.addEventListener(type, ...given);
    if (type === "end") this._expectEnd();
  }

  /** An entry has arrived. */
  deliver(entry) {
    if (this.#gap) {
      entry.gap = this.#gap;
      this.#gap = undefined;
    }
    this._waiting.push(entry);
    this._handOver();
  }

  _handOver() {
    if (this.#pulls) this.#give();
    else super._handOver();
  }

  _handed({ offset }) {
    // Offsets of a log that is gone say nothing about the new one.
    if (this.#stale > 0) {
      this.#stale -= 1;
      return;
    }
    this.position = { ...this.position, offset };
    this.#hooks.handled(offset);
  }

  subscribed(position) {
    this.#told = position;
    this.position ??= position;
    this.#settleReady.resolve(position);
  }

  missing(gap) {
    if (gap.reset) {
      this.position = this.#told;
      this.#stale = this._waiting.length + (this.#inHand ? 1 : 0);
    }
    this.#gap = gap;
    this._emit("gap", gap);
  }

  end(error) {
    if (this.#ended) return;
    this.#ended = error ? { error } : {};
    this.#hooks.ended();
    // Nobody may have `ready` in hand, or have it still: a failure is not to go unnoticed.
    if (error && this.position && !this.#isExpected) Promise.reject(error);
    this.#settleReady.reject(error ?? closedError());
    this.#give();
    this._emit("end", this.#ended);
    this._finish();
  }

  next() {
    this._expectEnd();
    this.#handledInHand();
    this.#pulls ??= [];
    return new Promise((resolve) => {
      this.#pulls.push(resolve);
      this.#give();
    });
  }

  /** Answers whoever has asked, in order, with what waits and then with the end. */
  #give() {
    while (this.#pulls?.length > 0 && (this._waiting.length > 0 || this.#ended)) {
      const value = this._waiting.shift();
      const error = value ? undefined : this.#ended.error;
      this.#pulls.shift()(error ? Promise.reject(error) : { value, done: !value });
      this.#inHand = value;
    }
  }

  #handledInHand() {
    if (this.#inHand === undefined) return;
    this._handed(this.#inHand);
    this.#inHand = undefined;
  }

  async return() {
    this.#handledInHand();
    if (!this.#ended) this._waiting = [];
    this._expectEnd();
    this.end();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  [Symbol.asyncDispose]() {
    return this.return();
  }

  [Symbol.dispose]() {
    this.return();
  }
}
