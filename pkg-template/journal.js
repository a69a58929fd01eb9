// The messages in the wasm's outbox, as the store has to have them. It takes the place of the map
// that a line without a store has.

/** A message as it is stored. Its time to live is counted by the wall clock: pages end. */
function recordOf({ kind, topic, format, payload, expiresAt, key }) {
  const expires = expiresAt && Date.now() + expiresAt - performance.now();
  // The application may change its own bytes.
  return { kind, topic: topic?.slice(), format, payload: payload.slice(), expires, key };
}

export class Journal extends Map {
  #lastOrder;
  /** What the store does not have yet, and what it has to give up: by their order. */
  #put = new Map();
  #deleted = new Set();
  /** The name of the newest message there was. */
  newest = 0;

  constructor(lastOrder = 0) {
    super();
    this.#lastOrder = lastOrder;
  }

  set(id, message) {
    const older = this.get(id);
    // A newer message in the place of an older one has its order too.
    message.order ??= older?.order ?? (this.#lastOrder += 1);
    if (older) this.#deleted.add(older.order);
    this.newest = Math.max(this.newest, id);
    if (!message.record) {
      message.record = recordOf(message);
      this.#put.set(message.order, message);
    }
    return super.set(id, message);
  }

  delete(id) {
    const message = this.get(id);
    if (message) {
      this.#put.delete(message.order);
      this.#deleted.add(message.order);
    }
    return super.delete(id);
  }

  /** Whether the store has a message. */
  isStored({ order }) {
    return !this.#put.has(order);
  }

  /** Whether the store has to learn something; without room for new messages only of what has gone. */
  isChanged(isFull) {
    return this.#deleted.size + (isFull ? 0 : this.#put.size) > 0;
  }

  /** Hands over what the store has to learn: pairs of order and message, and orders to delete. */
  take() {
    const changes = { put: this.#put, deleted: this.#deleted };
    this.#put = new Map();
    this.#deleted = new Set();
    return changes;
  }

  /** The store did not learn it. */
  giveBack({ put, deleted }) {
    for (const order of deleted) this.#deleted.add(order);
    for (const [order, message] of put) {
      if (this.get(message.id) === message) this.#put.set(order, message);
    }
  }

  /**
   * There is no room for what is not stored yet. The store must have the first messages without a
   * hole: what stands behind one that is not stored is taken out.
   */
  keepFirst() {
    let first = Infinity;
    for (const order of this.#put.keys()) first = Math.min(first, order);
    for (const message of this.values()) {
      if (message.order < first || this.#put.has(message.order)) continue;
      this.#put.set(message.order, message);
      this.#deleted.add(message.order);
    }
  }
}
