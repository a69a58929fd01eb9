// A line: promises and events around the wasm. It translates; every decision is made in there.

import { Emitter } from "./emitter.js";
import * as errors from "./errors.js";
import { CLOSED, NOT_LIVE, OUTBOX_FULL, commandError, endError, failure } from "./outcomes.js";
import { bytesOf, decode, encode, text } from "./payload.js";
import { Subscription } from "./subscription.js";

const STATES = ["connecting", "open", "waiting", "closed"];
const SEND = 0;
const REQUEST = 1;
const PUBLISH = 2;
const VOLATILE = 3;
/** Direct messages kept for the first listener. */
const KEPT = 1000;
/** As `Core.stat` counts them. */
const STATS =
  "roundTrip queued unacknowledged outboxBytes acknowledged retransmitted received duplicates connections bytesSent bytesReceived";

export class Line extends Emitter {
  #settings;
  #core;
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
      (Core) => this.#open(Core),
      (cause) => {
        const message = `The WebAssembly could not be loaded: ${cause?.message ?? cause}.`;
        this.#ended(new errors.LoadError(message, { cause }));
      },
    );
    settings.signal?.addEventListener("abort", () => this.close({ timeout: 0 }));
  }

  #open(Core) {
    if (this.#state === "closed") return;
    const { url, credentials, numbers } = this.#settings;
    const fixed = typeof credentials === "function" ? undefined : bytesOf(credentials);
    this.#core = new Core(this.#listener(), url, fixed, numbers);
    for (const subscription of [...this.#subscriptions.values()]) subscription.begin();
    this.#retryWaiting();
  }

  get state() {
    return this.#state;
  }

  send(data, options) {
    return this.#submit(SEND, "", data, options);
  }

  request(data, options) {
    return this.#submit(REQUEST, "", data, options);
  }

  publish(topic, data, options) {
    return this.#submit(PUBLISH, topic, data, options);
  }

  #submit(kind, topic, data, options) {
    return new Promise((resolve, reject) => {
      const [format, payload] = encode(this.#settings.codec, data);
      if (typeof topic !== "string") {
        throw new errors.InvalidArgumentError(`Expected a topic's name, got ${topic}.`);
      }
      const message = { kind, topic, format, payload, resolve, reject, id: 0 };
      if (options !== undefined) {
        if (options.volatile) return this.#sendVolatile(message);
        this.#bound(message, options);
      }
      if (this.#waiting.length > 0 || !this.#take(message)) this.#wait(message);
    });
  }

  /** Hands a message to the wasm; false if it has no room for it now. */
  #take(message) {
    if (this.#end !== undefined) {
      message.reject(commandError(CLOSED));
      return true;
    }
    const { kind, topic, format, payload } = message;
    const core = this.#core;
    if (core === undefined) return false;
    const id =
      typeof payload === "string"
        ? core.sendText(kind, format, topic, payload)
        : core.sendBytes(kind, format, topic, payload);
    if (id > 0) {
      message.id = id;
      message.payload = undefined;
      this.#pending.set(id, message);
    } else if (id === OUTBOX_FULL && !this.#settings.rejectWhenFull) {
      return false;
    } else {
      message.reject(commandError(id, bytesOf(payload).length));
    }
    return true;
  }

  #wait(message) {
    if (this.#closing) message.reject(commandError(CLOSED));
    else this.#waiting.push(message);
  }

  #retryWaiting() {
    let taken = 0;
    for (const message of this.#waiting) {
      if (!message.settled && !this.#take(message)) break;
      taken += 1;
    }
    this.#waiting.splice(0, taken);
    // A line that is being closed takes first what it had accepted before.
    if (this.#closing && this.#waiting.length === 0) this.#core.close(this.#closing.timeout);
  }

  #sendVolatile({ kind, topic, format, payload, resolve, reject }) {
    if (kind === REQUEST) {
      throw new errors.InvalidArgumentError("A request is never volatile.");
    }
    const core = this.#state === "open" ? this.#core : undefined;
    const code = core?.sendBytes(VOLATILE, format, topic, bytesOf(payload)) ?? NOT_LIVE;
    if (code < 0) reject(commandError(code, payload.length));
    else resolve();
  }

  /** Ends a message's wait with a signal or a timeout. */
  #bound(message, { signal, timeout }) {
    const giveUp = (error) => {
      message.settled = true;
      message.reject(error);
      // Not transmitted yet: it is withdrawn. Else it may still be processed.
      if (message.id > 0 && this.#core?.cancel(message.id)) this.#pending.delete(message.id);
    };
    signal?.throwIfAborted();
    const abort = () => giveUp(signal.reason);
    signal?.addEventListener("abort", abort);
    const late = () =>
      giveUp(new errors.TimeoutError(`No reply within ${timeout} ms; it may still be processed.`));
    const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
    const done = (settle) => (value) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      settle(value);
    };
    message.resolve = done(message.resolve);
    message.reject = done(message.reject);
  }

  subscribe(topic, { last = 0, after, signal } = {}) {
    if (typeof topic !== "string" || topic === "") {
      throw new errors.InvalidArgumentError(`Expected a topic's name, got ${String(topic)}.`);
    }
    if (!Number.isSafeInteger(last) || last < 0) {
      throw new errors.InvalidArgumentError(`Expected "last" to be a count from 0, got ${last}.`);
    }
    let stream = -this.#subscriptions.size - 1;
    const subscription = new Subscription(topic, {
      handled: (offset) => this.#handledUpTo(stream, offset),
      unsubscribe: () => {
        this.#subscriptions.delete(stream);
        if (stream > 0) this.#core?.unsubscribe(stream);
      },
      closed: () => commandError(CLOSED),
    });
    subscription.begin = () => {
      this.#subscriptions.delete(stream);
      stream = after
        ? this.#core.subscribe(topic, BigInt(`0x${after.epoch}`), after.offset)
        : this.#core.subscribe(topic, undefined, last);
      if (stream > 0) this.#subscriptions.set(stream, subscription);
      else subscription.end(this.#subscribeError(stream));
    };
    if (this.#end !== undefined) subscription.end(commandError(CLOSED));
    else if (this.#core === undefined) this.#subscriptions.set(stream, subscription);
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
    const counts = STATS.split(" ").map((name, at) => [name, this.#core?.stat(at) ?? 0]);
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
    if (this.#core && this.#waiting.length === 0) this.#core.close(timeout);
    else if (timeout === 0) this.#abandon();
    else setTimeout(() => this.#abandon(), timeout);
    return this.#closing.done;
  }

  /** The time to close in is over. */
  #abandon() {
    if (this.#core) this.#core.close(0);
    else this.#ended();
  }

  #ended(error) {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#state = "closed";
    const left = [...this.#pending.values(), ...this.#waiting];
    this.#pending.clear();
    this.#waiting = [];
    for (const message of left) message.reject(error ?? commandError(CLOSED));
    for (const subscription of this.#subscriptions.values()) subscription.end(error);
    this.#subscriptions.clear();
    this._emit("state", { state: "closed", reason: error?.message ?? "closed", ...this.#end });
    this.#closing?.resolve();
    this.#core?.free();
    this.#core = undefined;
  }

  /** What the wasm calls. These take note; `flush` runs the application's code. */
  #listener() {
    const later = (tell, about) => this.#happened.push(tell, about);
    const { codec } = this.#settings;
    const settle = (id, tell) => {
      const message = this.#pending.get(id);
      this.#pending.delete(id);
      if (message) tell(message);
    };
    return {
      state: (state, reason, retryIn) =>
        later((change) => this.#changed(change), {
          state: STATES[state],
          reason,
          ...(retryIn < 0 ? {} : { retryAt: Date.now() + retryIn }),
        }),
      lost: (outcomeKnown, directMissing) =>
        later((lost) => this._emit("lost", lost), { outcomeKnown, directMissing }),
      acknowledged: (through) => this.#acknowledged(through),
      reply: (id, format, payload) =>
        settle(id, (message) => {
          try {
            message.resolve(decode(codec, format, payload));
          } catch (cause) {
            message.reject(new errors.UnserializableError(`No reply: ${cause}.`, { cause }));
          }
        }),
      refused: (id, code, reason) =>
        settle(id, ({ reject }) => reject(this.#refusal("message", code, reason))),
      failed: (first, last, kind) => {
        for (let id = first; id <= last; id += 1) {
          settle(id, ({ reject }) => reject(failure(kind)));
        }
      },
      message: (stream, offset, format, payload) => {
        const event = { data: undefined, offset };
        try {
          event.data = decode(codec, format, payload);
        } catch (cause) {
          const message = `The codec could not decode entry ${offset}: ${cause}.`;
          event.error = new errors.UnserializableError(message, { cause });
        }
        if (stream === 0) later(this.#deliver, event);
        else later(this.#subscriptions.get(stream)?.deliver, event);
      },
      subscribed: (stream, epoch, offset) =>
        later(
          (position) => this.#subscriptions.get(stream)?.subscribed(position),
          { epoch: epoch.toString(16), offset },
        ),
      subscribeRefused: (stream, code, reason) =>
        later((error) => {
          this.#subscriptions.get(stream)?.end(error);
          this.#subscriptions.delete(stream);
        }, this.#refusal("subscription", code, reason)),
      gap: (stream, from, to, reset) =>
        later(
          (gap) =>
            stream === 0
              ? this._emit("gap", gap)
              : this.#subscriptions.get(stream)?.missing(gap),
          { from, to, reset },
        ),
      closed: (end, code, reason) =>
        later((error) => this.#ended(error), endError(end, code, text(reason))),
      authorize: (attempt) => later((attempt) => this.#authorize(attempt), attempt),
      flush: () => this.#flush(),
    };
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
    for (const [stream, offset] of this.#handled) this.#core?.handled(stream, offset);
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
      if (message.kind === REQUEST) message.reject(failure(1));
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
    this.#core?.authorize(attempt, bytes);
  }
}
