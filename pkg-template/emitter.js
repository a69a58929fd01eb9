// Listeners as in EventTarget, for plain objects: a DOM event per message would cost more than the
// message.

import { expect } from "./expect.js";

export class Emitter {
  /** Type to listeners, and whether each is for one time. */
  #listeners = new Map();

  #of(type) {
    return this.#listeners.get(type) ?? new Map();
  }

  addEventListener(type, listener, { once = false, signal } = {}) {
    expect(`${type} listener`, listener, typeof listener === "function", "a function");
    const listeners = this.#of(type);
    if (signal?.aborted || listeners.has(listener)) return;
    this.#listeners.set(type, listeners.set(listener, once));
    signal?.addEventListener("abort", () => this.removeEventListener(type, listener));
  }

  removeEventListener(type, listener) {
    this.#of(type).delete(listener);
  }

  /** Whether anybody listens. */
  _hears(type) {
    return this.#of(type).size > 0;
  }

  /** Calls every listener that is there now; what one throws is reported and stops nobody. */
  _emit(type, event) {
    for (const [listener, once] of [...this.#of(type)]) {
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
