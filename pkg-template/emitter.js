// Listeners as in EventTarget, for plain objects: a DOM event per message would cost more than the
// message. Messages wait here until somebody listens.

import { whenAborted } from "./aborted.js";
import { expect } from "./expect.js";

export class Emitter {
  /** Messages that have arrived and were not handed over. */
  _waiting = [];
  /** Type to listeners, and whether each is for one time. */
  #listeners = new Map();

  #of(type) {
    return this.#listeners.get(type) ?? new Map();
  }

  addEventListener(type, listener, { once, signal } = {}) {
    expect(`${type} listener`, listener, typeof listener === "function", "a function");
    const listeners = this.#of(type);
    if (listeners.has(listener)) return;
    // Copied on change: it is not called for an event that is being told.
    this.#listeners.set(type, new Map(listeners).set(listener, once));
    whenAborted(signal, () => this.removeEventListener(type, listener));
    // Whoever adds it has time to get ready.
    queueMicrotask(() => this._handOver());
  }

  removeEventListener(type, listener) {
    this.#of(type).delete(listener);
  }

  /** Gives what waits to the listeners, in order, as long as there are any. */
  _handOver() {
    while (this._waiting.length > 0 && this.#of("message").size > 0) {
      const message = this._waiting.shift();
      this._handed(message);
      this._emit("message", message);
    }
  }

  /** Calls every listener; what one throws is reported and stops nobody. */
  _emit(type, event) {
    for (const [listener, once] of this.#of(type)) {
      // Another one may have taken it out.
      if (!this.#of(type).has(listener)) continue;
      if (once) this.removeEventListener(type, listener);
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
