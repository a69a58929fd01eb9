// Messages on their way out: their promises, those that wait for the wasm to load, and keys of which
// only the latest message counts.

import * as border from "./border.js";
import { bound } from "./bound.js";
import { InvalidArgumentError, SupersededError } from "./errors.js";
import { expect } from "./expect.js";
import { closedError, commandError, failure } from "./outcomes.js";
import { TIMEOUT_MAX } from "./page.js";
import { bytesOf, encode } from "./payload.js";

export class Outgoing {
  #settings;
  #command;
  /** Messages in the wasm's outbox: id to promise, ids rising. A line with a store has its own. */
  pending = new Map();
  /** What was sent before the wasm has loaded. */
  #early = [];
  #earlyBytes = 0;
  /** The newest unsettled message of each key. */
  #keys = new Map();
  /** Nothing new is taken. */
  closing = false;
  expired = 0;
  superseded = 0;

  /** `command` gives the wasm a command, and returns nothing while it is not loaded. */
  constructor(settings, command) {
    this.#settings = settings;
    this.#command = command;
  }

  /** How many messages wait for the wasm to load. */
  get waiting() {
    return this.#early.length;
  }

  submit(kind, topic, data, options) {
    let message;
    const promise = new Promise((resolve, reject) => {
      const [format, payload] = encode(this.#settings.codec, data);
      expect("topic", topic, typeof topic === "string", "a name");
      const name = topic ? bytesOf(topic) : undefined;
      message = { kind, topic: name, format, payload, resolve, reject };
      if (options !== undefined) {
        if (options.volatile) return this.#sendVolatile(message, options);
        if (options.until === "stored") message.stored = resolve;
        this.#bound(message, topic, options);
      }
      if (!this.#supersedes(message)) this.#take(message);
    });
    if (message?.key !== undefined && !message.settled) {
      message.promise = promise;
      this.#keys.set(message.key, message);
    }
    return promise;
  }

  #bound(message, topic, options) {
    const { ttl, key } = options;
    if (ttl !== undefined) {
      expect("ttl", ttl, ttl >= 1 && ttl <= TIMEOUT_MAX, `from 1 to ${TIMEOUT_MAX}`);
      message.expiresAt = performance.now() + ttl;
    }
    if (key !== undefined) message.key = `${message.kind}${topic.length} ${topic}${key}`;
    const withdraw = () => this.withdraw(message);
    bound(message, options, withdraw, () => {
      message.settled = true;
      if (this.#keys.get(message.key) === message) this.#keys.delete(message.key);
    });
  }

  /** Takes the place of an older message with the same key; false if there is none to take. */
  #supersedes(message) {
    const older = this.#keys.get(message.key);
    if (older === undefined || this.closing) return false;
    if (older.id > 0) {
      const id = this.#hand(message, older.id);
      // Transmitted already; or larger than there is room for.
      if (!id || id === border.OUTBOX_FULL) return false;
      if (!this.#handed(message, id)) return true;
    } else {
      this.#keep(message, this.#early.indexOf(older));
    }
    this.superseded += 1;
    older.id = undefined;
    // Whoever does not wait for its outcome is not told of an unhandled rejection.
    older.promise.catch(() => {});
    older.reject(new SupersededError("A newer message with this key has taken its place."));
    return true;
  }

  /** Gives a message to the wasm, in the place of an older one if there is one. */
  #hand({ kind, format, topic, payload, expiresAt }, place = 0) {
    // What is over by now, because it had to wait, expires in there; without a ttl this is NaN.
    const ttl = expiresAt - performance.now();
    return this.#command(kind, format, ttl, place, topic, payload);
  }

  /** The wasm has answered; false if it did not take the message. */
  #handed(message, id) {
    if (id > 0) {
      message.id = id;
      this.pending.set(id, message);
      message.payload = undefined;
      return true;
    }
    message.reject(commandError(id, message.payload.length));
    return false;
  }

  #take(message) {
    const id = this.#hand(message);
    if (id !== undefined) this.#handed(message, id);
    else if (this.closing) message.reject(closedError());
    else if (this.#isCrowded(message)) message.reject(commandError(border.OUTBOX_FULL));
    else this.#keep(message, this.#early.length);
  }

  #isCrowded({ payload }) {
    const [, messages, bytes] = this.#settings.numbers;
    const { length } = this.#early;
    return length > 0 && (length >= messages || this.#earlyBytes + payload.length > bytes);
  }

  #keep(message, place) {
    message.payload = message.payload.slice(); // The caller may change its own while they wait.
    this.#earlyBytes += message.payload.length - (this.#early[place]?.payload.length ?? 0);
    this.#early[place] = message;
  }

  /** Takes a message back; false if it is transmitted already. */
  withdraw(message) {
    const { id } = message;
    const place = this.#early.indexOf(message);
    if (place >= 0) {
      this.#early.splice(place, 1);
      this.#earlyBytes -= message.payload.length;
    } else if (id > 0 && this.#command(border.CANCEL, id)) {
      this.pending.delete(id);
    } else {
      return false;
    }
    return true;
  }

  /** Takes over a message from an earlier life of the page. */
  restore(message) {
    if (message.key) this.#keys.set(message.key, message);
    this.#handed(message, this.#hand(message));
  }

  /** The wasm has loaded. */
  loaded() {
    for (const message of this.#early.splice(0)) this.#handed(message, this.#hand(message));
  }

  #sendVolatile({ kind, topic, format, payload, resolve, reject }, { ttl, key }) {
    if (kind === border.REQUEST || ttl !== undefined || key !== undefined) {
      throw new InvalidArgumentError(
        "A volatile message is no request, and has neither `ttl` nor `key`.",
      );
    }
    const code = this.#command(border.VOLATILE, format, 0, 0, topic, payload) ?? border.NOT_LIVE;
    if (code < 0) reject(commandError(code, payload.length));
    else resolve();
  }

  settle(id, tell) {
    const message = this.pending.get(id);
    this.pending.delete(id);
    if (message) tell(message);
  }

  failed(first, last, kind) {
    for (let id = first; id <= last; id += 1) {
      this.settle(id, (message) => {
        if (kind === border.EXPIRED) this.expired += 1;
        message.reject(failure(kind));
      });
    }
  }

  acknowledged(through) {
    for (const [id, message] of this.pending) {
      if (id > through) break;
      this.pending.delete(id);
      // A reply comes before its acknowledgement: a request that is still here has lost it.
      if (message.kind === border.REQUEST) message.reject(failure(1));
      else message.resolve();
    }
  }

  end(error = closedError()) {
    this.closing = true;
    for (const message of [...this.pending.values(), ...this.#early.splice(0)]) message.reject(error);
    this.pending.clear();
  }
}
