// The reader's end of one stream: section 9 of PROTOCOL.md, for the naive client.

import { Fault } from "./codec.mjs";

export const NO_EPOCH = "0".repeat(16);

export class Stream {
  /** Without an epoch there is no cursor yet. */
  epoch;
  received = 0n;
  handled = 0n;
  /** The server has confirmed it on this connection. */
  isConfirmed = false;
  #reportAt;

  constructor(stream, topic, onEntry, answers) {
    Object.assign(this, { stream, topic, onEntry, answers });
  }

  /** A new connection begins, with this frame if it is not the direct stream. */
  subscribes() {
    this.isConfirmed = this.stream === 0n;
    this.#reportAt = undefined;
    const start = this.epoch ? { start: "after" } : { start: "last", count: 0n };
    return { frame: "SUBSCRIBE", ...this, ...start };
  }

  /** Whether the entry is one to handle: C-10. */
  arrives(offset, now) {
    if (offset <= this.received) return false;
    if (!this.epoch || offset !== this.received + 1n) throw new Fault("a hole", 4002);
    this.received = this.handled = offset;
    this.#reportAt ??= now + 200; // C-13
    return true;
  }

  /** SUBSCRIBED or GAP: returns what is missing, if anything is. C-11. */
  moves(epoch, offset) {
    const anew = this.epoch !== epoch;
    if (!anew && offset < this.received) throw new Fault("backward", 4002);
    const from = anew ? 1n : this.received + 1n;
    const isMissing = this.epoch && (anew || offset >= from);
    Object.assign(this, { epoch, received: offset, handled: offset, isConfirmed: true });
    return isMissing ? { topic: this.topic, anew, from, to: offset } : undefined;
  }

  /** The frames, none or one, that report the cursor. */
  reports(now) {
    if (!this.isConfirmed || !(now >= this.#reportAt)) return [];
    this.#reportAt = undefined;
    return [{ frame: "RECEIVED", stream: this.stream, offset: this.handled }];
  }
}
