// Keeps a line's state in the store, and says what may be transmitted: nothing before it is stored.

import { clear, Family } from "./family.js";
import { Journal } from "./journal.js";
import { describe, restored } from "./restored.js";
import { ClearedError } from "./store.js";

/**
 * Commands of the wasm, as in src/exports.rs: what this imports from the line's files would be loaded
 * for lines that are not durable, in a file apart.
 */
const CLOSE = 11;
const RESTORE = 21;
const RELEASE = 22;
/** The wasm's numbers, and the place of how many messages may have been transmitted. */
const COUNT = 7;
const TRANSMITTED = 2;
/** Kinds of failure, as in outcomes.js. */
const OUTCOME_UNKNOWN = 0;
const CLOSED = 2;
/** No life of a page opens as many connections. */
const CONNECTIONS = 2 ** 20;
/** After a failure nothing new is stored for so long. */
const FULL_MS = 5_000;
/** So many topics are remembered, those handled last. */
const TOPICS = 1_000;

const bytesOfId = (id) => Uint8Array.from(id.match(/../g), (pair) => parseInt(pair, 16));

export class Keeper {
  #line;
  #settings;
  #inside;
  #store;
  #session;
  #messages;
  #letGo;
  #turn;
  /** The session is this line's and nobody has used it. */
  #isNew;
  #family;
  #journal;
  /** The wasm's numbers at its last rest. */
  #numbers;
  /** What the store was given last, to be compared. */
  #written;
  /** A promise while something is written. */
  #writing;
  #begun = false;
  #stopped = false;
  /** How messages end is not told any more: the line ends, and they do not. */
  #isSilent = false;
  /** Nothing new is stored until then; Infinity: the store is given up. */
  #fullUntil = 0;
  /** Called when nothing is left in the outbox. */
  #empty;
  #leaving;

  constructor(line, settings, inside, store, { release, session, isNew }, turn) {
    const { messages, ...record } = session;
    this.#line = line;
    this.#settings = settings;
    this.#inside = inside;
    this.#store = store;
    this.#letGo = release;
    this.#turn = turn;
    this.#isNew = isNew;
    this.#session = record;
    this.#messages = messages;
    this.#numbers = record.numbers ?? new BigUint64Array(COUNT);
    this.#journal = new Journal(messages.at(-1)?.[0]);
    const about = { store, id: record.id, cleared: () => this.#cleared() };
    this.#family = settings.adopts ? undefined : new Family(line, settings, inside, about);
    if (turn) turn.makeWay = () => this.#makeWay();
  }

  /** The wasm's end is there: it gets what was stored, before anything else. */
  begin() {
    const { command, outgoing } = this.#inside;
    const { id, life } = this.#session;
    const transmitted = Number(this.#numbers[TRANSMITTED]);
    const messages = this.#messages.splice(0).map(([order, record], at) => {
      const told = (outcome) => this.#tellSettled(record, outcome);
      return restored(order, record, at < transmitted, told);
    });
    const state = new Uint8Array(this.#numbers.buffer);
    command(RESTORE, life * CONNECTIONS, messages.length, 0, bytesOfId(id), state);
    outgoing.pending = this.#journal;
    for (const message of messages) outgoing.take(message);
    this.#begun = true;
    if (!this.#settings.adopts) return;
    // An adopted session has nothing else to do, once the server has said what it has for it.
    this.#line.addEventListener("state", ({ state }) => {
      if (state === "open") command(CLOSE, Number.MAX_SAFE_INTEGER);
    });
  }

  /** Nothing is left to do for the wasm: its state and what the line was told belong together. */
  rested = (state) => {
    this.#numbers = new BigUint64Array(state.slice().buffer);
    this.#write();
  };

  /** Where a subscription to a topic goes on. */
  position(topic) {
    return this.#session.positions.get(topic);
  }

  /** Resolves when the store has all that it can take. */
  #write() {
    this.#writing ??= this.#writeAll();
    return this.#writing;
  }

  async #writeAll() {
    try {
      // What the line is told in the same turn belongs to it.
      await undefined;
      while (!this.#stopped) {
        const isFull = Date.now() < this.#fullUntil;
        const state = this.#state();
        if (!this.#journal.isChanged(isFull) && state.text === this.#written) break;
        await this.#commit(state, isFull);
      }
    } finally {
      this.#writing = undefined;
    }
  }

  /** What is to be stored beside the messages, and what the wasm is told once it is. */
  #state() {
    const isOpen = this.#line.state === "open";
    const numbers = this.#numbers.slice();
    // From the moment that it is stored all may be transmitted.
    if (isOpen) numbers[TRANSMITTED] = BigInt(this.#journal.size);
    const positions = new Map(this.#session.positions);
    for (const [topic, position] of this.#current()) {
      positions.delete(topic);
      positions.set(topic, position);
    }
    const kept = new Map([...positions].slice(-TOPICS));
    const session = { ...this.#session, numbers, positions: kept };
    const through = isOpen ? this.#journal.newest : 0;
    const text = [numbers, through, JSON.stringify([...kept])].join();
    return { session, text, through, bytes: new Uint8Array(this.#numbers.buffer) };
  }

  /** How far topics are read; of several readers of one, by the last of them. */
  #current() {
    const current = new Map();
    for (const { topic, position } of this.#inside.subscriptions.values()) {
      const other = current.get(topic);
      const isAhead = other?.epoch === position?.epoch && other?.offset <= position?.offset;
      if (position && !isAhead) current.set(topic, position);
    }
    return current;
  }

  async #commit({ session, text, through, bytes }, isFull) {
    const isGivenUp = this.#fullUntil === Infinity;
    if (isFull && !isGivenUp) this.#journal.keepFirst();
    const changes = this.#journal.take();
    const { put, deleted } = changes;
    const added = isFull ? [] : [...put].map(([order, { record }]) => [order, record]);
    try {
      if (!isGivenUp) await this.#store.write(session, deleted, added);
    } catch (error) {
      this.#journal.giveBack(changes);
      if (error instanceof ClearedError) this.#cleared();
      else if (!this.#stopped) await this.#failed(error, isFull);
      return;
    }
    this.#written = text;
    this.#session = session;
    if (isFull) this.#journal.giveBack({ put, deleted: [] });
    else this.#tellStored(put);
    if (this.#stopped) return;
    this.#inside.command(RELEASE, through, 0, 0, undefined, bytes);
    if (this.#journal.size === 0) this.#empty?.();
  }

  async #failed(error, isFull) {
    const isQuota = error.name === "QuotaExceededError";
    if (isFull || !isQuota) {
      this.#fullUntil = Infinity;
      await this.#store.abandon(this.#session.id);
    } else {
      this.#fullUntil = Date.now() + FULL_MS;
      setTimeout(() => this.#write(), FULL_MS + 1);
    }
    this.#line._emit("durability", {
      stored: false,
      reason: isQuota ? "there is no room for more" : error.message,
      error,
    });
  }

  #tellStored(put) {
    if (this.#fullUntil > 0) {
      this.#fullUntil = 0;
      this.#line._emit("durability", { stored: true, reason: "there is room again" });
    }
    for (const message of put.values()) {
      const { stored, record, resolve, reject } = message;
      if (!stored) continue;
      stored();
      // Its promise has settled; what becomes of it is told in another way.
      message.isStored = true;
      message.resolve = (reply) => {
        resolve(reply);
        this.#tellSettled(record, reply === undefined ? {} : { reply });
      };
      message.reject = (error) => {
        reject(error);
        this.#tellSettled(record, { error });
      };
    }
  }

  #tellSettled(record, outcome) {
    // The end of the line is not the end of its messages: it is told in the same turn.
    Promise.resolve().then(() => {
      if (this.#isSilent) return;
      this.#line._emit("settled", { ...this.#describe(record), ...outcome });
    });
  }

  #describe(record) {
    return describe(this.#inside.decode, this.#settings.codec, record);
  }

  /** What is in the outbox, with that of adopted sessions. */
  async pending() {
    const { outgoing } = this.#inside;
    const own = [...this.#journal.values()].map((message) => ({
      ...this.#describe(message.record),
      cancel: () => {
        const isCancelled = this.#journal.get(message.id) === message && outgoing.withdraw(message);
        if (isCancelled) message.reject(new DOMException("It was cancelled.", "AbortError"));
        return isCancelled;
      },
    }));
    return own.concat((await this.#family?.pending()) ?? []);
  }

  /** Deletes all that is stored under the name, in every page; the line is to end now. */
  async clear() {
    this.#stopped = this.#isSilent = true;
    await clear(this.#settings.durable);
  }

  /**
   * Resolves when the outbox is empty, or the time is over: what is left is for the next line of the
   * name. Undefined if nothing is kept, so that the line has to end as others do.
   */
  leave(timeout) {
    if (this.#stopped || this.#fullUntil === Infinity) return undefined;
    this.#leaving ??= this.#left(timeout);
    return this.#leaving;
  }

  async #left(timeout) {
    await new Promise((resolve) => {
      if (this.#journal.size === 0 || timeout === 0) return resolve();
      this.#empty = resolve;
      setTimeout(resolve, timeout);
    });
    await this.#write();
    this.#stopped = this.#isSilent = true;
    const { ClosedError, failure } = this.#inside;
    const isTransmitted = (at) => at < this.#numbers[TRANSMITTED];
    [...this.#journal.values()].forEach((message, at) => {
      if (this.#journal.isStored(message)) {
        const words = "The line is closed; the next one of this name sends this message.";
        message.reject(new ClosedError(words));
      } else {
        message.reject(failure(isTransmitted(at) ? OUTCOME_UNKNOWN : CLOSED));
      }
    });
  }

  /** Another line of this page waits for the session: this one may end what it gets on with. */
  #makeWay() {
    const look = () => {
      if (this.#line.state === "waiting") this.#empty?.();
    };
    this.#line.addEventListener("state", look);
    look();
  }

  /** Another page has deleted what is stored: nothing of it may be sent any more. */
  #cleared() {
    this.#stopped = this.#isSilent = true;
    this.#line.close({ timeout: 0 });
  }

  /** What has gone, and how far the line has read; what is not stored yet is told to be over. */
  #writeLast() {
    const { deleted } = this.#journal.take();
    return this.#store.write(this.#state().session, deleted, []);
  }

  /** The line has ended. */
  async stop(error) {
    const goesOn = this.#begun && !this.#stopped && this.#fullUntil < Infinity;
    const isDelivered = this.#settings.adopts && goesOn && !error;
    const isOver = isDelivered || (this.#isNew && !this.#begun);
    this.#stopped = true;
    this.#isSilent = !isDelivered;
    this.#family?.stop();
    if (isOver) await this.#store.remove(this.#session.id).catch(() => {});
    else if (goesOn) await this.#writeLast().catch(() => {});
    this.#store.close();
    await this.#letGo();
    this.#turn?.leave();
  }
}
