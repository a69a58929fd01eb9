// A line: promises and events around the wasm. It translates; every decision is made in there.

import { whenAborted } from "./aborted.js";
import * as border from "./border.js";
import { CredentialsSource } from "./credentials.js";
import { drive } from "./driver.js";
import { Emitter } from "./emitter.js";
import * as errors from "./errors.js";
import { keeperFor, loadFor } from "./extras.js";
import { History } from "./history.js";
import { closedError, commandError, endError, failure, refusedError } from "./outcomes.js";
import { Outgoing } from "./outgoing.js";
import { TIMEOUT_MAX } from "./page.js";
import { bytesOf, decode, text } from "./payload.js";
import { startOf } from "./start.js";
import { Subscription } from "./subscription.js";

/** Direct messages kept for the first listener. */
const KEPT = 1000;
/** In the order of `STAT`. */
const STATS =
  "roundTrip queued unacknowledged outboxBytes acknowledged retransmitted received duplicates connections bytesSent bytesReceived buffered";

export class Line extends Emitter {
  #settings;
  /** The wasm's end, once it is loaded. */
  #driver;
  #state = "connecting";
  #outgoing;
  #subscriptions = new Map();
  /** How long a line may take to end that is closed before its wasm has loaded. */
  #closeWithin;
  #tellClosed;
  #closed = new Promise((resolve) => (this.#tellClosed = resolve));
  #history = new History();
  #credentials;
  #loggedOut;
  /** What keeps the state of a durable line: a promise of it, and it. */
  #keeping;
  #keeper;

  constructor(settings, load) {
    super();
    this.#settings = settings;
    this.#outgoing = new Outgoing(settings, this.#command);
    this.#credentials = new CredentialsSource(settings.credentials);
    const wasm = load();
    // What the keeper may do, beyond what everybody may.
    const inside = {
      load,
      wasm,
      outgoing: this.#outgoing,
      command: this.#command,
      deliver: this.#deliver,
      subscriptions: this.#subscriptions,
      decode,
      ClosedError: errors.ClosedError,
      failure,
    };
    this.#keeping = settings.durable && keeperFor(this, settings, inside);
    loadFor(this, settings, wasm, this.#keeping).then(
      (loaded) => this.#open(...loaded),
      (cause) => {
        this.#keeping?.then((keeper) => keeper?.stop());
        const message = `The WebAssembly could not be loaded: ${cause?.message ?? cause}.`;
        this.#ended(new errors.LoadError(message, { cause }));
      },
    );
    whenAborted(settings.signal, () => this.close({ timeout: 0 }));
  }

  #open(wasm, observe, keeper) {
    if (this.#state === "closed") return keeper?.stop();
    this.#keeper = keeper;
    this.#driver = drive(wasm, this.#settings, this.#notes, this.#history, keeper, observe);
    const early = this.#outgoing.drain();
    keeper?.begin();
    for (const subscription of [...this.#subscriptions.values()]) subscription.begin();
    for (const message of early) this.#outgoing.take(message);
    // One that is being closed takes first what it had accepted before.
    if (this.#outgoing.closing) this.#leave(this.#closeWithin);
  }

  /** Has the wasm carry out a command, if it is there. */
  #command = (...command) => this.#driver?.command(...command);

  get state() {
    return this.#state;
  }

  send(data, options) {
    return this.#outgoing.submit(border.SEND, "", data, options);
  }

  request(data, options) {
    return this.#outgoing.submit(border.REQUEST, "", data, options);
  }

  publish(topic, data, options) {
    return this.#outgoing.submit(border.PUBLISH, topic, data, options);
  }

  subscribe(topic, { last, after, signal } = {}) {
    const start = startOf(topic, last, after);
    // Until the wasm has given it a number, this is a key that no other subscription has.
    let stream = {};
    const subscription = new Subscription(topic, {
      handled: (offset) => this.#command(border.HANDLED, stream, offset),
      ended: () => {
        this.#subscriptions.delete(stream);
        if (stream > 0) this.#command(border.UNSUBSCRIBE, stream);
      },
    });
    subscription.begin = () => {
      this.#subscriptions.delete(stream);
      const kept = last === undefined && !after && this.#keeper?.position(topic);
      stream = this.#command(...(kept ? startOf(topic, 0, kept) : start), bytesOf(topic));
      if (stream > 0) this.#subscriptions.set(stream, subscription);
      else subscription.end(commandError(stream));
    };
    if (this.#state === "closed") subscription.end(closedError());
    else if (this.#driver === undefined) this.#subscriptions.set(stream, subscription);
    else subscription.begin();
    whenAborted(signal, () => subscription.return());
    return subscription;
  }

  stats() {
    const stats = {};
    for (const [at, name] of STATS.split(" ").entries()) {
      stats[name] = this.#command(border.STAT, at) ?? 0;
    }
    const { pending, expired, superseded } = this.#outgoing;
    if (!this.#driver) stats.queued = pending.size;
    return { ...stats, expired, superseded, reconnects: { ...this.#history.reconnects } };
  }

  history() {
    return [...this.#history.changes];
  }

  close({ timeout: patience = 10_000 } = {}) {
    const timeout = Math.min(patience, TIMEOUT_MAX);
    this.#closeWithin ??= timeout;
    this.#outgoing.closing = true;
    if (this.#driver || this.#outgoing.pending.size === 0 || timeout === 0) this.#leave(timeout);
    else setTimeout(() => this.#leave(0), timeout);
    return this.#closed;
  }

  async pending() {
    return (await this.#keeping)?.pending() ?? [];
  }

  async clear() {
    try {
      await (await this.#keeping)?.clear();
    } finally {
      await this.close({ timeout: 0 });
    }
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }

  [Symbol.dispose]() {
    this.close();
  }

  /** Nothing waits for the wasm to load any more, or the time to do so is over. */
  #leave(timeout) {
    const left = this.#keeper?.leave(timeout);
    if (left) left.then(() => this.#ended());
    else if (this.#driver) this.#command(border.CLOSE, timeout);
    else this.#ended();
  }

  #ended(error = this.#loggedOut) {
    if (this.#state === "closed") return;
    this.#keeper?.stop(error);
    this.#state = "closed";
    this.#outgoing.end(error);
    for (const subscription of this.#subscriptions.values()) subscription.end(error);
    const reason = error?.message ?? "closed";
    this.#changed({ at: Date.now(), state: "closed", reason, error });
    this.#tellClosed();
    this.#driver?.free();
    this.#driver = undefined;
  }

  /** What takes note of the wasm's events, by kind. Applications are told `later`. */
  #notes = (later) => {
    const { codec } = this.#settings;
    const outgoing = this.#outgoing;
    const state = (...told) => {
      const change = this.#history.change(...told);
      later(() => this.#changed(change));
    };
    const lost = (outcomeKnown, _, __, directMissing) =>
      later(() =>
        this._emit("lost", { outcomeKnown: !!outcomeKnown, directMissing: !!directMissing }),
      );
    const acknowledged = (through) => outgoing.acknowledged(through);
    const reply = (id, payload, _, format) => {
      const message = outgoing.settled(id);
      try {
        message?.resolve(decode(codec, format, payload));
      } catch (cause) {
        message.reject(new errors.UnserializableError(`No reply: ${cause}.`, { cause }));
      }
    };
    const refused = (id, code, reason) =>
      outgoing.settled(id)?.reject(refusedError("message", text(code), text(reason)));
    const failed = (first, _, __, last, kind) => outgoing.failed(first, last, kind);
    const message = (stream, payload, _, offset, format) => {
      const event = { data: undefined, offset };
      try {
        event.data = decode(codec, format, payload);
      } catch (cause) {
        const message = `The codec could not decode entry ${offset}: ${cause}.`;
        event.error = new errors.UnserializableError(message, { cause });
      }
      later(() => {
        if (stream === 0) this.#deliver(event);
        else this.#subscriptions.get(stream)?.deliver(event);
      });
    };
    const subscribed = (stream, _, __, offset, high, low) =>
      later(() =>
        this.#subscriptions.get(stream)?.subscribed({ epoch: `${high}-${low}`, offset }),
      );
    const subscribeRefused = (stream, code, reason) => {
      const error = refusedError("subscription", text(code), text(reason));
      later(() => this.#subscriptions.get(stream)?.end(error));
    };
    const gap = (stream, _, __, from, to, reset) =>
      later(() => {
        const gap = { from, to, reset: !!reset };
        if (stream === 0) this._emit("gap", gap);
        else this.#subscriptions.get(stream)?.missing(gap);
      });
    const closed = (end, reason, _, code) => {
      const error = endError(end, code, this.#history.words(reason));
      later(() => this.#ended(error));
    };
    const authorize = (attempt) => later(() => this.#authorize(attempt));
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
    ];
  };

  #changed(change) {
    this.#state = change.state;
    this.#credentials.changed(change);
    this.#history.note(change);
    this._emit("state", change);
  }

  #deliver = (event) => {
    this._waiting.push(event);
    this._handOver();
    if (this._waiting.length === 0) return;
    // What a durable line has kept it hands over after a reload.
    if (!this.#keeper) this._handed(event);
    if (this._waiting.length > KEPT) {
      this._handed(this._waiting.shift());
      console.warn(`tautline: over ${KEPT} direct messages and no "message" listener; one dropped`);
    }
  };

  /** The server need not keep a direct message any more. */
  _handed({ adopted, offset }) {
    if (!adopted) this.#command(border.HANDLED, 0, offset);
  }

  async #authorize(attempt) {
    const bytes = await this.#credentials.ask();
    if (bytes === null) {
      this.#loggedOut = endError(1, 0, "the credentials function has returned null");
      this.close({ timeout: 0 });
    }
    if (bytes) this.#command(border.CREDENTIALS, attempt, 0, 0, undefined, bytes);
    else this.#command(border.NO_CREDENTIALS, attempt);
  }
}
