// One topic being read, by listeners or by `for await`. Entries wait here until someone takes them;
// what is not handled counts against the server's window, so that no more than a window waits.

import { Inbox } from "./inbox.js";
import { closedError } from "./outcomes.js";

export class Subscription extends Inbox {
  #hooks;
  #pulls = [];
  #iterating = false;
  #gap;
  #epoch;
  #handled = 0;
  #ended = false;
  #failure;
  // The entry given last: it is handled when the next one is asked for.
  #inHand;
  #settleReady;

  constructor(topic, hooks) {
    super();
    this.topic = topic;
    this.#hooks = hooks;
    this.ready = new Promise((resolve, reject) => (this.#settleReady = { resolve, reject }));
    this.ready.catch(() => {});
  }

  get position() {
    return this.#epoch && { epoch: this.#epoch, offset: this.#handled };
  }

  /** An entry has arrived. */
  deliver = (entry) => {
    if (this.#ended) return;
    if (this.#gap) {
      entry.gap = this.#gap;
      this.#gap = undefined;
    }
    this._waiting.push(entry);
    if (this.#pulls.length > 0) this.#give(this.#pulls.shift());
    else this._handOver();
  };

  _handOver() {
    if (!this.#iterating) super._handOver();
  }

  _handed({ offset }) {
    this.#handled = offset;
    this.#hooks.handled(offset);
  }

  subscribed(position) {
    // Offsets of a log that is gone say nothing about the new one.
    if (this.#epoch !== position.epoch) this.#handled = position.offset;
    this.#epoch = position.epoch;
    this.#settleReady.resolve(position);
  }

  missing(gap) {
    this.#gap = gap;
    this._emit("gap", gap);
  }

  end(error) {
    if (this.#ended) return;
    this.#ended = true;
    this.#settleReady.reject(error ?? closedError());
    for (const pull of this.#pulls.splice(0)) {
      if (error) pull.reject(error);
      else pull.resolve({ value: undefined, done: true });
    }
    this.#failure = error;
    this._emit("end", error ? { error } : {});
  }

  #give({ resolve }) {
    const value = this._waiting.shift();
    this.#inHand = value;
    resolve({ value, done: false });
  }

  next() {
    this.#iterating = true;
    this.#handledInHand();
    return new Promise((resolve, reject) => {
      const pull = { resolve, reject };
      if (this._waiting.length > 0) this.#give(pull);
      else if (!this.#ended) this.#pulls.push(pull);
      else if (this.#failure) reject(this.#failure);
      else resolve({ value: undefined, done: true });
    });
  }

  #handledInHand() {
    if (this.#inHand === undefined) return;
    this._handed(this.#inHand);
    this.#inHand = undefined;
  }

  async return() {
    this.#handledInHand();
    if (!this.#ended) {
      this.#hooks.unsubscribe();
      this._waiting = [];
      this.end();
    }
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
