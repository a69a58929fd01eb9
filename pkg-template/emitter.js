// Listeners as in EventTarget, for plain objects: a DOM event per message would cost more than the
// message. Messages wait here until somebody listens.

import { whenAborted } from "./aborted.js";
import { expect, expectKnown } from "./expect.js";
import { LISTEN, optionsOf } from "./options.js";

export class Emitter {
  /** Messages that have arrived and were not handed over. */
  _waiting = [];
  #types;
  /** Type to listeners, and whether each is for one time and what has its signal forget it. */
  #listeners = new Map();
  /** Nothing is told any more. */
  #over = false;

  /** `types` are the events there are. */
  constructor(types) {
    this.#types = types.split(" ");
  }

  #of(type) {
    return this.#listeners.get(type) ?? new Map();
  }

  #check(type, listener) {
    expectKnown("event", type, this.#types);
    expect(`${type} listener`, listener, typeof listener === "function", "a function");
  }

  addEventListener(type, listener, options) {
    this.#check(type, listener);
    const { once, signal } = optionsOf(LISTEN, options);
    const listeners = this.#of(type);
    if (listeners.has(listener) || signal?.aborted) return;
    const forget = whenAborted(signal, () => this.#remove(type, listener));
    // Copied on change: it is not called for an event that is being told.
    this.#listeners.set(type, new Map(listeners).set(listener, { once, forget }));
    if (this.#over) forget();
    // Whoever adds it has time to get ready.
    queueMicrotask(() => this._handOver());
  }

  removeEventListener(type, listener) {
    this.#check(type, listener);
    this.#remove(type, listener);
  }

  #remove(type, listener) {
    const listeners = this.#of(type);
    listeners.get(listener)?.forget();
    listeners.delete(listener);
  }

  /** Nothing is told any more: signals, which live on, have nothing to end. */
  _finish() {
    this.#over = true;
    for (const listeners of this.#listeners.values()) {
      for (const { forget } of listeners.values()) forget();
    }
  }

  /** Whether anybody listens. */
  _hears(type) {
    return this.#of(type).size > 0;
  }

  /** Gives what waits to the listeners, in order, as long as there are any. */
  _handOver() {
    while (this._waiting.length > 0 && this._hears("message")) {
      const message = this._waiting.shift();
      this._handed(message);
      this._emit("message", message);
    }
  }

  /** Calls every listener; what one throws is reported and stops nobody. */
  _emit(type, event) {
    for (const [listener, { once }] of this.#of(type)) {
      // Another one may have taken it out.
      if (!this.#of(type).has(listener)) continue;
      if (once) this.#remove(type, listener);
      try {
        listener.call(this, event);
      } catch (error) {
        // As uncaught as it was, and out of the way of the others.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
