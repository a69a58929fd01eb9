// What became of a line and why, for whoever has to find out.

import { text } from "./payload.js";

/** So many changes are kept. */
const KEPT = 100;
/** As the wasm numbers them. */
const STATES = ["connecting", "open", "waiting", "closed"];

export class History {
  /** The last ones, oldest first. */
  changes = [];
  #closeWords = "";
  #leftAt;
  #isOpen = false;
  /** How often the line has ceased to be open, by the reason. */
  reconnects = {};

  /** Takes what the server said when it closed the connection. */
  heard(words) {
    this.#closeWords = words;
  }

  /** What the server said to the change that is told now: `said`, in bytes, if that is anything. */
  words(said) {
    const words = text(said) || this.#closeWords;
    this.#closeWords = "";
    return words;
  }

  /** A change that the wasm tells of, as applications get it. */
  change(state, reason, said, retryIn, code) {
    const words = this.words(said);
    const cause = text(reason);
    const at = Date.now();
    if (this.#isOpen) {
      this.reconnects[cause] = (this.reconnects[cause] ?? 0) + 1;
      this.#leftAt = at;
    }
    this.#isOpen = STATES[state] === "open";
    const isOffline = code && globalThis.navigator?.onLine === false;
    return {
      at,
      state: STATES[state],
      reason: cause + (isOffline ? " (offline)" : "") + (words && `: ${words}`),
      ...(code && { code }),
      ...(retryIn >= 0 && { retryAt: at + retryIn }),
      ...(this.#isOpen && this.#leftAt && { downtime: at - this.#leftAt }),
    };
  }

  /** Keeps a change that is told now. */
  note(change) {
    this.changes = [...this.changes, change].slice(-KEPT);
  }
}
