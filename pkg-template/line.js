// A line: promises and events around the wasm. It translates; every decision is made in there.

import * as border from "./border.js";
import { bound } from "./bound.js";
import { Emitter } from "./emitter.js";
import * as errors from "./errors.js";
import { closedError, commandError, endError, failure } from "./outcomes.js";
import { bytesOf, decode, encode, text } from "./payload.js";
import { Subscription } from "./subscription.js";

const STATES = ["connecting", "open", "waiting", "closed"];
const NOTHING = new Uint8Array();
/** Direct messages kept for the first listener. */
const KEPT = 1000;
/** In the order of `STAT`. */
const STATS =
  "roundTrip queued unacknowledged outboxBytes acknowledged retransmitted received duplicates connections bytesSent bytesReceived";

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;

export class Line extends Emitter {
  #settings;
  /** The wasm, and the line's number in there. */
  #wasm;
  #number;
  #state = "connecting";
  #end;
  /** Messages in the wasm's outbox: id to promise, ids rising. */
  #pending = new Map();
  /** Messages that wait for room in the outbox, or for the wasm to load. */
  #waiting = [];
  #subscriptions = new Map();
  #kept = [];
  /** What has happened and is not told yet: pairs of a function and its argument. */
  #happened = [];
  #telling = false;
  /** How far each stream is handled since the wasm was told. */
  #handled = new Map();
  #closing;

  constructor(settings, load) {
    super();
    this.#settings = settings;
    load().then(
      (wasm) => this.#open(wasm),
      (cause) => {
        const message = `The WebAssembly could not be loaded: ${cause?.message ?? cause}.`;
        this.#ended(new errors.LoadError(message, { cause }));
      },
    );
    settings.signal?.addEventListener("abort", () => this.close({ timeout: 0 }));
  }

  #open(wasm) {
    if (this.#state === "closed") return;
    const { url, credentials, numbers } = this.#settings;
    const fixed = typeof credentials === "function" ? undefined : bytesOf(credentials);
    const notes = this.#notes();
    const note = (kind, a, bytes, reason, b, c, d) => notes[kind](a, bytes, reason, b, c, d);
    this.#number = wasm.open({ note }, bytesOf(url), fixed, ...numbers);
    this.#wasm = wasm;
    for (const subscription of [...this.#subscriptions.values()]) subscription.begin();
    this.#retryWaiting();
  }

  /** Has the wasm carry out a command, if it is there. */
  #command(kind, a = 0, b = 0, c = 0, topic = NOTHING, payload = NOTHING) {
    return this.#wasm?.command(this.#number, kind, a, b, c, topic, payload);
  }

  get state() {
    return this.#state;
  }

  send(data, options) {
    return this.#submit(border.SEND, "", data, options);
  }

  request(data, options) {
    return this.#submit(border.REQUEST, "", data, options);
  }

  publish(topic, data, options) {
    return this.#submit(border.PUBLISH, topic, data, options);
  }

  #submit(kind, topic, data, options) {
    return new Promise((resolve, reject) => {
      const [format, payload] = encode(this.#settings.codec, data);
      if (typeof topic !== "string") {
        throw new errors.InvalidArgumentError(`Expected a topic's name, got ${topic}.`);
      }
      const name = topic ? bytesOf(topic) : undefined;
      const message = { kind, topic: name, format, payload, resolve, reject, id: 0 };
      if (options !== undefined) {
        if (options.volatile) return this.#sendVolatile(message);
        bound(message, options, () => {
          if (message.id > 0 && this.#command(border.CANCEL, message.id)) {
            this.#pending.delete(message.id);
          }
        });
      }
      if (this.#waiting.length > 0 || !this.#take(message)) this.#wait(message);
    });
  }

  /** Hands a message to the wasm; false if it has no room for it now. */
  #take(message) {
    if (this.#end !== undefined) {
      message.reject(closedError());
      return true;
    }
    if (this.#wasm === undefined) return false;
    const { kind, format, topic, payload } = message;
    const id = this.#command(kind, format, 0, 0, topic, payload);
    if (id > 0) {
      message.id = id;
      message.payload = undefined;
      this.#pending.set(id, message);
    } else if (id === border.OUTBOX_FULL && !this.#settings.rejectWhenFull) {
      return false;
    } else {
      message.reject(commandError(id, payload.length));
    }
    return true;
  }

  #wait(message) {
    if (this.#closing) return message.reject(closedError());
    message.payload = message.payload.slice(); // The caller may change its own while they wait.
    this.#waiting.push(message);
  }

  #retryWaiting() {
    let taken = 0;
    for (const message of this.#waiting) {
      if (!message.settled && !this.#take(message)) break;
      taken += 1;
    }
    this.#waiting.splice(0, taken);
    // A line that is being closed takes first what it had accepted before.
    if (this.#closing && this.#waiting.length === 0) {
      this.#command(border.CLOSE, this.#closing.timeout);
    }
  }

  #sendVolatile({ kind, topic, format, payload, resolve, reject }) {
    if (kind === border.REQUEST) {
      throw new errors.InvalidArgumentError("A request is never volatile.");
    }
    const code =
      this.#state === "open"
        ? this.#command(border.VOLATILE, format, 0, 0, topic, payload)
        : border.NOT_LIVE;
    if (code < 0) reject(commandError(code, payload.length));
    else resolve();
  }

  subscribe(topic, { last = 0, after, signal } = {}) {
    if (typeof topic !== "string" || topic === "") {
      throw new errors.InvalidArgumentError(`Expected a topic's name, got ${String(topic)}.`);
    }
    if (!isCount(last)) {
      throw new errors.InvalidArgumentError(`Expected "last" to be a count from 0, got ${last}.`);
    }
    if (after !== undefined && !(/^\d+-\d+$/.test(after?.epoch) && isCount(after.offset))) {
      const got = JSON.stringify(after);
      throw new errors.InvalidArgumentError(`Expected "after" to be a position, got ${got}.`);
    }
    let stream = -this.#subscriptions.size - 1;
    const subscription = new Subscription(topic, {
      handled: (offset) => this.#handledUpTo(stream, offset),
      unsubscribe: () => {
        this.#subscriptions.delete(stream);
        if (stream > 0) this.#command(border.UNSUBSCRIBE, stream);
      },
      closed: closedError,
    });
    subscription.begin = () => {
      this.#subscriptions.delete(stream);
      const start = after
        ? [border.AFTER, after.offset, ...after.epoch.split("-").map(Number)]
        : [border.LAST, last, 0, 0];
      stream = this.#command(...start, bytesOf(topic));
      if (stream > 0) this.#subscriptions.set(stream, subscription);
      else subscription.end(this.#subscribeError(stream));
    };
    if (this.#end !== undefined) subscription.end(closedError());
    else if (this.#wasm === undefined) this.#subscriptions.set(stream, subscription);
    else subscription.begin();
    signal?.addEventListener("abort", () => subscription.return());
    if (signal?.aborted) subscription.return();
    return subscription;
  }

  #subscribeError(code) {
    return code === 0
      ? new errors.InvalidArgumentError("There are too many subscriptions; end one first.")
      : commandError(code);
  }

  addEventListener(type, listener, options) {
    super.addEventListener(type, listener, options);
    if (type === "message" && this.#kept.length > 0) {
      queueMicrotask(() => this.#kept.splice(0).forEach((event) => this._emit(type, event)));
    }
  }

  stats() {
    const counts = STATS.split(" ").map((name, at) => [name, this.#command(border.STAT, at) ?? 0]);
    const stats = Object.fromEntries(counts);
    stats.queued += this.#waiting.length;
    return stats;
  }

  close({ timeout = 10_000 } = {}) {
    if (this.#end !== undefined) return Promise.resolve();
    if (this.#closing === undefined) {
      this.#closing = { timeout };
      this.#closing.done = new Promise((resolve) => (this.#closing.resolve = resolve));
    }
    if (this.#wasm && this.#waiting.length === 0) this.#command(border.CLOSE, timeout);
    else if (timeout === 0) this.#abandon();
    else setTimeout(() => this.#abandon(), timeout);
    return this.#closing.done;
  }

  /** The time to close in is over. */
  #abandon() {
    if (this.#wasm) this.#command(border.CLOSE);
    else this.#ended();
  }

  #ended(error) {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#state = "closed";
    const left = [...this.#pending.values(), ...this.#waiting];
    this.#pending.clear();
    this.#waiting = [];
    for (const message of left) message.reject(error ?? closedError());
    for (const subscription of this.#subscriptions.values()) subscription.end(error);
    this.#subscriptions.clear();
    this._emit("state", { state: "closed", reason: error?.message ?? "closed", ...this.#end });
    this.#closing?.resolve();
    this.#command(border.FREE);
    this.#wasm = undefined;
  }

  /** What the wasm notes, by kind. All but the last take note; that runs the application's code. */
  #notes() {
    const later = (tell, about) => this.#happened.push(tell, about);
    const { codec } = this.#settings;
    const settle = (id, tell) => {
      const message = this.#pending.get(id);
      this.#pending.delete(id);
      if (message) tell(message);
    };
    const state = (state, reason, _, retryIn) =>
      later((change) => this.#changed(change), {
        state: STATES[state],
        reason: text(reason),
        ...(retryIn < 0 ? {} : { retryAt: Date.now() + retryIn }),
      });
    const lost = (outcomeKnown, _, __, directMissing) =>
      later((lost) => this._emit("lost", lost), {
        outcomeKnown: !!outcomeKnown,
        directMissing: !!directMissing,
      });
    const acknowledged = (through) => this.#acknowledged(through);
    const reply = (id, payload, _, format) =>
      settle(id, (message) => {
        try {
          message.resolve(decode(codec, format, payload));
        } catch (cause) {
          message.reject(new errors.UnserializableError(`No reply: ${cause}.`, { cause }));
        }
      });
    const refused = (id, code, reason) =>
      settle(id, ({ reject }) => reject(this.#refusal("message", code, reason)));
    const failed = (first, _, __, last, kind) => {
      for (let id = first; id <= last; id += 1) {
        settle(id, ({ reject }) => reject(failure(kind)));
      }
    };
    const message = (stream, payload, _, offset, format) => {
      const event = { data: undefined, offset };
      try {
        event.data = decode(codec, format, payload);
      } catch (cause) {
        const message = `The codec could not decode entry ${offset}: ${cause}.`;
        event.error = new errors.UnserializableError(message, { cause });
      }
      later(stream === 0 ? this.#deliver : this.#subscriptions.get(stream)?.deliver, event);
    };
    const subscribed = (stream, _, __, offset, high, low) =>
      later((position) => this.#subscriptions.get(stream)?.subscribed(position), {
        epoch: `${high}-${low}`,
        offset,
      });
    const subscribeRefused = (stream, code, reason) =>
      later((error) => {
        this.#subscriptions.get(stream)?.end(error);
        this.#subscriptions.delete(stream);
      }, this.#refusal("subscription", code, reason));
    const gap = (stream, _, __, from, to, reset) =>
      later(
        (gap) =>
          stream === 0 ? this._emit("gap", gap) : this.#subscriptions.get(stream)?.missing(gap),
        { from, to, reset: !!reset },
      );
    const closed = (end, reason, _, code) =>
      later((error) => this.#ended(error), endError(end, code, text(reason)));
    const authorize = (attempt) => later((attempt) => this.#authorize(attempt), attempt);
    const flush = () => this.#flush();
    return [
      state,
      lost,
      acknowledged,
      reply,
      refused,
      failed,
      message,
      subscribed,
      subscribeRefused,
      gap,
      closed,
      authorize,
      flush,
    ];
  }

  #flush() {
    const happened = this.#happened;
    if (happened.length === 0) return;
    this.#happened = [];
    this.#telling = true;
    for (let at = 0; at < happened.length; at += 2) happened[at]?.(happened[at + 1]);
    this.#telling = false;
    this.#tellHandled();
  }

  #handledUpTo(stream, offset) {
    this.#handled.set(stream, offset);
    if (!this.#telling) this.#tellHandled();
  }

  #tellHandled() {
    for (const [stream, offset] of this.#handled) this.#command(border.HANDLED, stream, offset);
    this.#handled.clear();
  }

  #changed(change) {
    this.#state = change.state;
    this._emit("state", change);
  }

  #acknowledged(through) {
    for (const [id, message] of this.#pending) {
      if (id > through) break;
      this.#pending.delete(id);
      // A reply comes before its acknowledgement: a request that is still here has lost it.
      if (message.kind === border.REQUEST) message.reject(failure(1));
      else message.resolve();
    }
    if (this.#waiting.length > 0) {
      this.#happened.push(() => this.#retryWaiting(), undefined);
    }
  }

  #deliver = (event) => {
    this.#handledUpTo(0, event.offset);
    if (this._hears("message")) {
      this._emit("message", event);
      return;
    }
    this.#kept.push(event);
    if (this.#kept.length > KEPT) {
      this.#kept.shift();
      console.warn(`tautline: over ${KEPT} direct messages and no "message" listener; one dropped`);
    }
  };

  #refusal(what, code, reason) {
    const refusal = text(code);
    const message = `The server refused this ${what} (${refusal}): ${text(reason)}`;
    return new errors.RefusedError(message, { refusal });
  }

  async #authorize(attempt) {
    let bytes;
    try {
      bytes = bytesOf((await this.#settings.credentials()) ?? "");
    } catch (error) {
      console.warn("tautline: the credentials function failed; the line tries again later", error);
    }
    if (bytes) this.#command(border.CREDENTIALS, attempt, 0, 0, NOTHING, bytes);
    else this.#command(border.NO_CREDENTIALS, attempt);
  }
}
