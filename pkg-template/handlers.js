// Event handler attributes (`onopen` and the like), as the HTML standard has them: a handler that
// replaces another one takes its place among the listeners.

export class EventHandlers {
  #target;
  /** Type to `{ handler, listener }`. */
  #handlers = new Map();

  constructor(target) {
    this.#target = target;
  }

  get(type) {
    return this.#handlers.get(type)?.handler ?? null;
  }

  set(type, value) {
    const known = this.#handlers.get(type);
    if (Object(value) !== value) {
      this.#target.removeEventListener(type, known?.listener);
      this.#handlers.delete(type);
    } else if (known) {
      known.handler = value;
    } else {
      const entry = { handler: value };
      entry.listener = (event) => {
        if (typeof entry.handler === "function") entry.handler.call(this.#target, event);
      };
      this.#handlers.set(type, entry);
      this.#target.addEventListener(type, entry.listener);
    }
  }
}
