// A line: promises and events around the wasm. It translates; every decision is made in there.

import { whenAborted } from "./aborted.js";
import * as border from "./border.js";
import { CredentialsSource } from "./credentials.js";
import { drive } from "./driver.js";
import { Emitter } from "./emitter.js";
import * as errors from "./errors.js";
import { shown } from "./expect.js";
import { keeperFor, loadFor } from "./extras.js";
import { History } from "./history.js";
import { CLOSE, optionsOf, SUBSCRIBE } from "./options.js";
import { endError, failure, refusedError } from "./outcomes.js";
import { Outgoing } from "./outgoing.js";
import { soon, TIMEOUT_MAX } from "./page.js";
import { decoder, text } from "./payload.js";
import { startOf, topicOf } from "./start.js";
import { Subscription } from "./subscription.js";

/** So many direct messages wait before the console is told that nobody listens. */
const UNHEARD = 1000;
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
  /** The counters at the end. */
  #stats;
  /** Has the signal of the settings forget the line. */
  #forget;
  /** It is told that nobody listens. */
  #isUnheard = false;
  /** What keeps the state of a durable line: a promise of it, and it. */
  #keeping;
  #keeper;
  /** Resolves when it has begun, or has ended before. */
  #opening;

  constructor(settings, load) {
    super("message state lost gap durability settled");
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
      decode: (...payload) => decoder(...payload)(),
      ClosedError: errors.ClosedError,
      failure,
    };
    this.#keeping = settings.durable && keeperFor(this, settings, inside);
    this.#opening = loadFor(this, settings, wasm, this.#outgoing, this.#keeping)
      .then(
        (loaded) => this.#open(...loaded),
        (cause) => {
          this.#keeping?.then((keeper) => keeper?.stop());
          const message = `The WebAssembly could not be loaded: ${cause?.message ?? cause}.`;
          this.#ended(new errors.LoadError(message, { cause }));
        },
      )
      .catch((cause) => {
        this.#broken(cause);
        this.#ended();
      });
    this.#forget = whenAborted(settings.signal, () => this.close({ timeout: 0 }));
    if (this.#state === "closed") this.#forget();
  }

  /** What does not throw has thrown: the line cannot be relied on. */
  #broken = (cause) => {
    const message = `The line has failed, and what is not confirmed may be processed: ${shown(cause)}.`;
    this.#outgoing.error ??= new errors.InternalError(message, { cause });
  };

  #open(wasm, observe, keeper) {
    if (this.#state === "closed") return keeper?.stop();
    this.#keeper = keeper;
    this.#driver = drive(wasm, this.#settings, this.#events(), {
      broken: this.#broken,
      ended: () => this.#ended(),
      history: this.#history,
      keeper,
      observe,
    });
    const { pending } = this.#outgoing;
    const early = [...pending.values()];
    keeper?.begin();
    pending.clear();
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

  subscribe(topic, options) {
    const name = topicOf(topic);
    const { last, after, signal } = optionsOf(SUBSCRIBE, options);
    const start = startOf(last, after);
    // Until the wasm has given it a number, this is a key that no other subscription has.
    let stream = {};
    let forget;
    const subscription = new Subscription(topic, {
      handled: (offset) => this.#command(border.HANDLED, stream, offset),
      ended: () => {
        this.#subscriptions.delete(stream);
        if (stream > 0) this.#command(border.UNSUBSCRIBE, stream);
        forget?.();
      },
    });
    subscription.begin = () => {
      this.#subscriptions.delete(stream);
      const kept = last === undefined && !after && this.#keeper?.position(topic);
      stream = this.#command(...(kept ? startOf(0, kept) : start), name);
      if (stream > 0) this.#subscriptions.set(stream, subscription);
      else fail(stream);
    };
    // Whoever has just subscribed hears of it.
    const fail = (code) => soon(() => subscription.end(this.#outgoing.refusal(code)));
    if (this.#state === "closed") fail(border.LINE_CLOSED);
    else if (this.#driver === undefined) this.#subscriptions.set(stream, subscription);
    else subscription.begin();
    forget = whenAborted(signal, () => subscription.return());
    return subscription;
  }

  stats() {
    const stats = {};
    for (const [at, name] of STATS.split(" ").entries()) {
      stats[name] = Math.max(this.#command(border.STAT, at) ?? 0, 0);
    }
    const { pending, expired, superseded } = this.#outgoing;
    if (!this.#driver) stats.queued = pending.size;
    const { reconnects } = this.#history;
    return { ...stats, ...this.#stats, expired, superseded, reconnects: { ...reconnects } };
  }

  history() {
    return [...this.#history.changes];
  }

  async close(options) {
    const { timeout: patience = 10_000 } = optionsOf(CLOSE, options);
    const timeout = Math.min(patience, TIMEOUT_MAX);
    this.#closeWithin ??= timeout;
    this.#outgoing.closing = true;
    let timer;
    if (this.#driver || this.#outgoing.pending.size === 0 || timeout === 0) this.#leave(timeout);
    else timer = setTimeout(() => this.#leave(0), timeout);
    await this.#closed;
    clearTimeout(timer);
  }

  async pending() {
    await this.#opening;
    return this.#keeper?.pending() ?? [];
  }

  async clear() {
    this.#outgoing.closing = true;
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

  #ended(error = this.#outgoing.error) {
    if (this.#state === "closed") return;
    this.#keeper?.stop(error);
    this.#stats = this.stats();
    this.#state = "closed";
    this.#outgoing.end(error);
    for (const subscription of this.#subscriptions.values()) {
      if (!error || this._hears("state")) subscription._expectEnd();
      subscription.end(error);
    }
    const reason = error?.message ?? "closed";
    this.#changed({ at: Date.now(), state: "closed", reason, error });
    this.#tellClosed();
    this.#driver?.free();
    this.#driver = undefined;
    this.#forget?.();
    this._finish();
  }

  /** What takes note of the wasm's events, by kind, and returns what is done when applications may be told. */
  #events() {
    const { codec } = this.#settings;
    const outgoing = this.#outgoing;
    const undecoded = (what, cause) => {
      const message = `The codec could not decode ${what}: ${shown(cause)}.`;
      return new errors.UnserializableError(message, { cause });
    };
    const state = (...told) => {
      const change = this.#history.change(...told);
      return () => this.#changed(change);
    };
    const lost = (outcomeKnown, _, __, directMissing) => () =>
      this._emit("lost", { outcomeKnown: !!outcomeKnown, directMissing: !!directMissing });
    const acknowledged = (through) => () => outgoing.acknowledged(through);
    const reply = (id, payload, _, format) => {
      const decode = decoder(codec, format, payload);
      return () => {
        const message = outgoing.settled(id);
        try {
          message?.resolve(decode());
        } catch (cause) {
          message.reject(undecoded("the reply", cause));
        }
      };
    };
    const refused = (id, code, reason) => {
      const error = refusedError("message", text(code), text(reason));
      return () => outgoing.settled(id)?.reject(error);
    };
    const failed = (first, _, __, last, kind) => () => outgoing.failed(first, last, kind);
    const message = (stream, payload, _, offset, format) => {
      const decode = decoder(codec, format, payload);
      return () => {
        const event = { data: undefined, offset };
        try {
          event.data = decode();
        } catch (cause) {
          event.error = undecoded(`entry ${offset}`, cause);
        }
        if (stream === 0) this.#deliver(event);
        else this.#subscriptions.get(stream)?.deliver(event);
      };
    };
    const subscribed = (stream, _, __, offset, high, low) => () =>
      this.#subscriptions.get(stream)?.subscribed({ epoch: `${high}-${low}`, offset });
    const subscribeRefused = (stream, code, reason) => {
      const error = refusedError("subscription", text(code), text(reason));
      return () => this.#subscriptions.get(stream)?.end(error);
    };
    const gap = (stream, _, __, from, to, reset) => () => {
      const gap = { from, to, reset: !!reset };
      if (stream === 0) this._emit("gap", gap);
      else this.#subscriptions.get(stream)?.missing(gap);
    };
    const closed = (end, reason, _, code) => {
      // What the messages that fail with it are told too.
      outgoing.error ??= endError(end, code, this.#history.words(reason));
      return () => this.#ended();
    };
    const authorize = (attempt) => () => this.#authorize(attempt);
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
  }

  #changed(change) {
    this.#state = change.state;
    this.#credentials.changed(change);
    this.#history.note(change);
    this._emit("state", change);
  }

  #deliver = (event) => {
    this._waiting.push(event);
    this._handOver();
    if (this.#isUnheard || this._waiting.length < UNHEARD) return;
    this.#isUnheard = true;
    console.warn(
      `tautline: ${UNHEARD} direct messages wait for a "message" listener. Once a window of them does, ` +
        "the server holds back what comes behind them, answers too",
    );
  };

  /** The server need not keep a direct message any more. */
  _handed({ adopted, offset }) {
    if (!adopted) this.#command(border.HANDLED, 0, offset);
  }

  async #authorize(attempt) {
    const bytes = await this.#credentials.ask();
    if (bytes === null) {
      this.#outgoing.error = endError(1, 0, "the credentials function has returned null");
      this.close({ timeout: 0 });
    }
    if (bytes) this.#command(border.CREDENTIALS, attempt, 0, 0, undefined, bytes);
    else this.#command(border.NO_CREDENTIALS, attempt);
  }
}
