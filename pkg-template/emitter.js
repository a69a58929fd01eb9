// Listeners as in EventTarget, for plain objects: a DOM event per message would cost more than the
// message.

export class Emitter {
  #listeners = new Map();

  addEventListener(type, listener, { once = false, signal } = {}) {
    if (typeof listener !== "function") {
      throw new TypeError(`Expected a function as listener for "${type}", got ${listener}.`);
    }
    if (signal?.aborted) return;
    const listeners = this.#listeners.get(type) ?? [];
    if (listeners.some((known) => known.listener === listener)) return;
    // Copied on change: one that is called just now goes on over the old list.
    this.#listeners.set(type, [...listeners, { listener, once }]);
    signal?.addEventListener("abort", () => this.removeEventListener(type, listener));
  }

  removeEventListener(type, listener) {
    const listeners = this.#listeners.get(type) ?? [];
    this.#listeners.set(type, listeners.filter((known) => known.listener !== listener));
  }

  /** Whether anybody listens. */
  _hears(type) {
    return (this.#listeners.get(type)?.length ?? 0) > 0;
  }

  /** Calls every listener; what one throws is reported and stops nobody. */
  _emit(type, event) {
    const listeners = this.#listeners.get(type);
    if (listeners === undefined) return;
    for (const { listener, once } of listeners) {
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
