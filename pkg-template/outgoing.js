// Messages on their way out: their promises, those that wait for the wasm to load, and keys of which
// only the latest message counts.

import * as border from "./border.js";
import { bound } from "./bound.js";
import { InvalidArgumentError, SupersededError } from "./errors.js";
import { optionsOf, REQUEST, SEND } from "./options.js";
import { closedError, commandError, failure } from "./outcomes.js";
import { encode } from "./payload.js";
import { topicOf } from "./start.js";

export class Outgoing {
  #settings;
  #command;
  /**
   * Messages in the wasm's outbox; until it has loaded, those that wait for it, with ids of their
   * own. Id to message, ids rising. A line with a store has its own.
   */
  pending = new Map();
  /** The newest id and all the bytes of those that wait for the wasm to load. */
  #earlyId = 0;
  #earlyBytes = 0;
  /** Every message up to this id is settled. */
  #acknowledged = 0;
  /** The newest unsettled message of each key. */
  #keys = new Map();
  /** Nothing new is taken. */
  closing = false;
  /** What has ended the line, unless it was closed on request. */
  error;
  /** Called when something was taken. */
  taken;
  expired = 0;
  superseded = 0;

  /** `command` gives the wasm a command, and returns nothing while it is not loaded. */
  constructor(settings, command) {
    this.#settings = settings;
    this.#command = command;
  }

  submit(kind, topic, data, given) {
    const message = { kind };
    message.promise = new Promise((resolve, reject) => {
      const name = kind === border.PUBLISH ? topicOf(topic) : undefined;
      const known = kind === border.REQUEST ? REQUEST : SEND;
      const options = given === undefined ? undefined : optionsOf(known, given);
      const [format, payload] = encode(this.#settings.codec, data);
      Object.assign(message, { topic: name, format, payload, resolve, reject });
      if (options?.volatile) this.#sendVolatile(message, options);
      else {
        if (options) this.#bound(message, topic, options);
        if (!this.#supersedes(message)) this.take(message);
        this.taken?.();
      }
    });
    // That a line is not there is what a volatile message is made for: it needs no `catch`.
    if (message.isStale) message.promise.catch(() => {});
    return message.promise;
  }

  #bound(message, topic, options) {
    const { ttl, key } = options;
    if (options.until === "stored") message.stored = message.resolve;
    message.expiresAt = performance.now() + ttl;
    if (key !== undefined) message.key = `${message.kind}${topic.length} ${topic}${key}`;
    const withdraw = () => this.withdraw(message);
    bound(message, options, withdraw, () => {
      if (this.#keys.get(message.key) === message) this.#keys.delete(message.key);
    });
  }

  /** Takes the place of an older message with the same key; false if there is none to take. */
  #supersedes(message) {
    const older = this.#keys.get(message.key);
    if (older === undefined || this.closing) return false;
    // Transmitted already, or the new one is larger than there is room for: it goes behind.
    if (!(this.#put(message, older) > 0)) return false;
    this.superseded += 1;
    // Whoever does not wait for its outcome is not told of an unhandled rejection.
    older.promise.catch(() => {});
    older.reject(new SupersededError("A newer message with this key has taken its place."));
    return true;
  }

  /** Rejects what is not taken. */
  take(message) {
    const id = this.#put(message);
    if (!(id > 0)) message.reject(this.refusal(id, message.payload.length));
  }

  /** The error for what the wasm answers instead of a number, about a payload of `size` bytes. */
  refusal(code, size) {
    return (code === border.LINE_CLOSED && this.error) || commandError(code, size);
  }

  /** Puts a message last or in the place of another. Returns its id, or why it has none. */
  #put(message, older) {
    const handed = this.#hand(message, older?.id);
    const id = handed ?? this.#keep(message, older);
    if (id > 0) {
      message.id = id;
      this.pending.set(id, message);
      if (message.key) this.#keys.set(message.key, message);
      if (handed) message.payload = undefined;
    }
    return id;
  }

  /** Gives a message to the wasm, which answers as `#put` does; undefined if it has not loaded. */
  #hand({ kind, format, topic, payload, expiresAt }, place) {
    // What is over by now, because it had to wait, expires in there; without a ttl this is NaN.
    const ttl = expiresAt - performance.now();
    return this.#command(kind, format, ttl, place, topic, payload);
  }

  /** Does what the wasm will do once it has loaded. */
  #keep(message, older) {
    if (this.closing) return border.LINE_CLOSED;
    const [, messages, bytes] = this.#settings.numbers;
    const { size } = this.pending;
    const { length } = message.payload;
    const isFull = size >= messages || this.#earlyBytes + length > bytes;
    if (isFull && size > 0 && !older) return border.OUTBOX_FULL;
    message.payload = message.payload.slice(); // The caller may change its own while they wait.
    this.#earlyBytes += length - (older?.payload.length ?? 0);
    return older?.id ?? (this.#earlyId += 1);
  }

  /** Takes a message back; false if it is transmitted already. */
  withdraw({ id, payload }) {
    // Before the wasm has loaded none is.
    const isWaiting = (this.#command(border.CANCEL, id) ?? 1) > 0 && this.pending.delete(id);
    if (isWaiting && payload) this.#earlyBytes -= payload.length;
    return isWaiting;
  }

  /** Takes all messages out. */
  drain() {
    const messages = [...this.pending.values()];
    this.pending.clear();
    return messages;
  }

  #sendVolatile(message, { signal, ttl, key, until }) {
    if ((ttl ?? key ?? until) !== undefined) {
      throw new InvalidArgumentError("A volatile message has neither `ttl`, `key` nor `until`.");
    }
    if (signal?.aborted) throw signal.reason;
    const early = this.closing ? border.LINE_CLOSED : border.NOT_LIVE;
    const code = this.#hand({ ...message, kind: border.VOLATILE }) ?? early;
    message.isStale = code === border.LINE_CLOSED || code === border.NOT_LIVE;
    if (code < 0) message.reject(this.refusal(code, message.payload.length));
    else message.resolve();
  }

  /** The message of this id, which is settled now; undefined if it was withdrawn. */
  settled(id) {
    const message = this.pending.get(id);
    this.pending.delete(id);
    return message;
  }

  failed(first, last, kind) {
    for (let id = first; id <= last; id += 1) {
      const message = this.settled(id);
      if (message && kind === border.EXPIRED) this.expired += 1;
      message?.reject((kind === border.UNSENT && this.error) || failure(kind));
    }
  }

  acknowledged(through) {
    // By their ids: a map finds its first entry only behind the places of all those that have gone.
    while (this.#acknowledged < through) {
      const message = this.settled((this.#acknowledged += 1));
      // A reply comes before its acknowledgement: a request that is still here has lost it.
      if (message?.kind === border.REQUEST) message.reject(failure(1));
      else message?.resolve();
    }
  }

  end(error) {
    this.closing = true;
    this.error = error;
    for (const message of this.drain()) message.reject(error ?? closedError());
  }
}
