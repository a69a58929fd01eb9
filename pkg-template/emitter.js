// Listeners as in EventTarget, for plain objects: a DOM event per message would cost more than the
// message.

import { whenAborted } from "./aborted.js";
import { expect } from "./expect.js";

export class Emitter {
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
  }

  removeEventListener(type, listener) {
    this.#of(type).delete(listener);
  }

  /** Whether anybody listens. */
  _hears(type) {
    return this.#of(type).size > 0;
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
