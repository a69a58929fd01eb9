// Messages that wait until somebody listens.

import { Emitter } from "./emitter.js";

export class Inbox extends Emitter {
  /** What has arrived and was not handed over. */
  _waiting = [];

  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    // Whoever adds it has time to get ready.
    queueMicrotask(() => this._handOver());
  }

  /** Gives what waits to the listeners, in order, as long as there are any. */
  _handOver() {
    while (this._waiting.length > 0 && this._hears("message")) {
      const message = this._waiting.shift();
      this._handed(message);
      this._emit("message", message);
    }
  }
}
