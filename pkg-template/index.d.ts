/**
 * Tautline: messages that arrive once and in order over the browser's WebSocket, both ways,
 * whatever the network, the page or the server does.
 *
 * @module tautline
 */

/** What can be sent as it is; anything else goes through the {@link Codec}. */
export type Raw = string | ArrayBuffer | ArrayBufferView;

/**
 * Turns values that are not {@link Raw} into bytes or text and back.
 *
 * Both ends must use the same codec. The default is JSON.
 */
export interface Codec {
  /** Returns the encoded value. A throw becomes an {@link UnserializableError}. */
  encode(value: unknown): string | Uint8Array;
  /** The inverse of `encode`: gets a string if `encode` returned one, else bytes. */
  decode(encoded: string | Uint8Array): unknown;
}

/** Settings of a line. Every duration is in milliseconds, every size in bytes. */
export interface ConnectOptions {
  /**
   * What proves who this client is, sent in the first frame and never in the URL. A function is
   * called anew before every connection attempt, and when the server asks for fresh credentials
   * on a live line.
   */
  credentials?:
    | string
    | Uint8Array
    | (() => string | Uint8Array | Promise<string | Uint8Array>);
  /** How values other than strings and bytes are encoded. Default: JSON. */
  codec?: Codec;
  /**
   * What happens to messages whose fate cannot be known, because the server lost the session
   * after they were transmitted. `"resend"` (default) sends them again, marked for the server's
   * handler as a possible duplicate; `"fail"` rejects their promises with
   * {@link OutcomeUnknownError}.
   */
  whenUncertain?: "resend" | "fail";
  /** Bounds of the outbox: messages accepted and not yet confirmed. */
  outbox?: {
    /** Largest number of messages. Default 65,536. */
    messages?: number;
    /** Largest sum of their sizes. Default 16 MiB. */
    bytes?: number;
    /** `"wait"` (default): `send` settles later; `"reject"`: {@link OutboxFullError} at once. */
    whenFull?: "wait" | "reject";
  };
  /** Delay before each reconnect: random between 0 and a bound that doubles up to a cap. */
  backoff?: {
    /** First bound, from 1. Default 500. */
    base?: number;
    /** Largest bound, not below `base`. Default 10,000. */
    cap?: number;
  };
  /** How long one attempt to connect may take before the next one starts. Default 10,000. */
  connectTimeout?: number;
  /** Ends the line at once when it aborts; unsettled promises reject with {@link ClosedError}. */
  signal?: AbortSignal;
}

/** Settings of one `send` or `publish`. */
export interface SendOptions {
  /**
   * Rejects the promise with the signal's reason. A message that has not been transmitted yet is
   * withdrawn; one that has may still be processed.
   */
  signal?: AbortSignal;
  /**
   * Transmit only if the line is open now; never queue, never retry, never confirm. The promise
   * settles at once: resolved when the message was handed to the socket, else rejected with
   * {@link NotLiveError}. For values that are stale in a second, such as a cursor's position.
   */
  volatile?: boolean;
}

/** Settings of one `request`. */
export interface RequestOptions {
  /** As for {@link SendOptions.signal}. */
  signal?: AbortSignal;
  /** Reject with {@link TimeoutError} after this many milliseconds. Default: wait for ever. */
  timeout?: number;
}

/** A position in a topic: where a reader can carry on. Plain data, to be kept as JSON. */
export interface Position {
  /** Names the incarnation of the topic's log; changes when the server lost it. */
  epoch: string;
  /** The last entry that was read; entries count from 1. */
  offset: number;
}

/** Settings of one `subscribe`. */
export interface SubscribeOptions {
  /** Start with up to this many of the newest entries. Default 0: only what comes from now on. */
  last?: number;
  /** Carry on behind this position instead; what is missing is reported as a gap. */
  after?: Position;
  /** Unsubscribes when it aborts. */
  signal?: AbortSignal;
}

/** A range of entries that can no longer be read. */
export interface Gap {
  /** The first missing offset. */
  from: number;
  /** The last missing offset. Below `from` when nothing of the new epoch is missing. */
  to: number;
  /** True if the log began anew: what followed the last entry seen in the old epoch is unknown. */
  reset: boolean;
}

/** One entry of a topic. */
export interface Entry<T = any> {
  /** The payload: a string, a `Uint8Array`, or what the codec decoded. */
  data: T;
  /** Its position in the topic, from 1. */
  offset: number;
  /** Present on the first entry behind missing ones. */
  gap?: Gap;
  /** Present if the codec could not decode the payload; `data` is undefined then. */
  error?: UnserializableError;
}

/** One message from the server to this session alone. */
export interface DirectMessage<T = any> {
  /** The payload: a string, a `Uint8Array`, or what the codec decoded. */
  data: T;
  /** Its position in the direct stream, from 1. */
  offset: number;
  /** Present if the codec could not decode the payload; `data` is undefined then. */
  error?: UnserializableError;
}

/**
 * `connecting`: an attempt is under way. `open`: messages flow. `waiting`: the next attempt
 * starts at `retryAt`. `closed`: ended for good.
 */
export type State = "connecting" | "open" | "waiting" | "closed";

/** The line's state changed. */
export interface StateChange {
  state: State;
  /** Why, in a few words for people. */
  reason: string;
  /** With `waiting`: when the next attempt starts, in milliseconds since 1970. */
  retryAt?: number;
  /** With `closed`: the error, if the line did not end on request. */
  error?: TautlineError;
}

/** The server has lost this session. Told before anything else of the new one. */
export interface Lost {
  /** True if the server still knew which messages it had accepted: no outcome is unknown. */
  outcomeKnown: boolean;
  /** True if direct messages may be missing that were not received before. */
  directMissing: boolean;
}

/** Events of a {@link Line}. Listeners get these plain objects. */
export interface LineEvents {
  /** A direct message. Until the first listener is added, up to 1,000 are kept for it. */
  message: DirectMessage;
  state: StateChange;
  lost: Lost;
  /** Direct messages were dropped by the server because this client read too slowly. */
  gap: Gap;
}

/** Events of a {@link Subscription}. */
export interface SubscriptionEvents<T = any> {
  message: Entry<T>;
  gap: Gap;
  /** The subscription ended: refused by the server (with the error), or by request (without). */
  end: { error?: TautlineError };
}

export interface ListenerOptions {
  once?: boolean;
  signal?: AbortSignal;
}

/** Counters of a line since it began. */
export interface Stats {
  /** Smoothed round trip in milliseconds, 0 before the first sample. */
  roundTrip: number;
  /** Messages in the outbox that were not transmitted yet. */
  queued: number;
  /** Messages transmitted and not yet confirmed. */
  unacknowledged: number;
  /** Bytes of payload in the outbox. */
  outboxBytes: number;
  /** Messages confirmed as processed. */
  acknowledged: number;
  /** Messages transmitted again after a cut. */
  retransmitted: number;
  /** Entries received, of all streams. */
  received: number;
  /** Entries received twice and dropped. */
  duplicates: number;
  /** Connections that reached `open`. */
  connections: number;
  /** Bytes handed to, and received from, the WebSocket. */
  bytesSent: number;
  bytesReceived: number;
}

/**
 * A topic being read: listen with `addEventListener`, or iterate with `for await`.
 *
 * Entries arrive once and in order. They are kept until something consumes them; a consumer that
 * is slow makes the server hold back, and one that is too slow for the topic's retention gets a
 * gap. With `for await`, an entry counts as handled when the next one is asked for.
 */
export interface Subscription<T = any> extends AsyncIterableIterator<Entry<T>> {
  readonly topic: string;
  /** Resolves when the server has confirmed, rejects with {@link RefusedError} if it refused. */
  readonly ready: Promise<Position>;
  /** Where the last handled entry stands; undefined before the server's confirmation. */
  readonly position: Position | undefined;
  addEventListener<K extends keyof SubscriptionEvents<T>>(
    type: K,
    listener: (event: SubscriptionEvents<T>[K]) => void,
    options?: ListenerOptions,
  ): void;
  removeEventListener<K extends keyof SubscriptionEvents<T>>(
    type: K,
    listener: (event: SubscriptionEvents<T>[K]) => void,
  ): void;
  /** Unsubscribes. A `for await` loop over it ends; leaving such a loop does the same. */
  return(): Promise<IteratorResult<Entry<T>>>;
}

/** A line to the server: see {@link connect}. */
export interface Line {
  readonly state: State;
  /** Settles when the server has processed the message, or rejects saying why it was not. */
  send(data: unknown, options?: SendOptions): Promise<void>;
  /** Settles with the reply of the server's handler. */
  request<T = any>(data: unknown, options?: RequestOptions): Promise<T>;
  /** Appends to a topic; settles when it is stored there. */
  publish(topic: string, data: unknown, options?: SendOptions): Promise<void>;
  /** Reads a topic. */
  subscribe<T = any>(topic: string, options?: SubscribeOptions): Subscription<T>;
  addEventListener<K extends keyof LineEvents>(
    type: K,
    listener: (event: LineEvents[K]) => void,
    options?: ListenerOptions,
  ): void;
  removeEventListener<K extends keyof LineEvents>(
    type: K,
    listener: (event: LineEvents[K]) => void,
  ): void;
  stats(): Stats;
  /**
   * Ends the line: takes nothing new, waits until everything accepted is confirmed, says goodbye.
   * After `timeout` milliseconds (default 10,000; 0 = at once) it ends anyway, and what is
   * unconfirmed rejects with {@link ClosedError} (never transmitted) or
   * {@link OutcomeUnknownError}. Always resolves.
   */
  close(options?: { timeout?: number }): Promise<void>;
}

/**
 * Opens a line. Returns at once: the WebAssembly loads behind it, and what is sent meanwhile
 * waits in order.
 *
 * @param url `ws://`, `wss://`, `http://`, `https://` or relative to the page.
 * @throws InvalidArgumentError if the URL or an option is not usable; the message says which.
 */
export function connect(url: string | URL, options?: ConnectOptions): Line;

/** What a {@link TautlineError} is about, for programs. */
export type ErrorCode =
  | "invalid-argument"
  | "unserializable"
  | "too-large"
  | "outbox-full"
  | "closed"
  | "not-live"
  | "refused"
  | "outcome-unknown"
  | "timeout"
  | "unauthorized"
  | "stopped"
  | "load-failed";

/** Every error of this package. */
export class TautlineError extends Error {
  readonly code: ErrorCode;
  /** True if the same call may succeed later without a change to it. */
  readonly retryable: boolean;
}
/** An argument or option is not usable; the message names it, its value and what is expected. */
export class InvalidArgumentError extends TautlineError {}
/** The codec could not encode the value; `cause` is its error. */
export class UnserializableError extends TautlineError {}
/** The message is over the limit; the message names both sizes. */
export class TooLargeError extends TautlineError {}
/** The outbox is full and `outbox.whenFull` is `"reject"`. */
export class OutboxFullError extends TautlineError {}
/** The line is closed, and the message was never transmitted. */
export class ClosedError extends TautlineError {}
/** A volatile message was not transmitted because the line is not open. */
export class NotLiveError extends TautlineError {}
/** The server's handler refused this message, request or subscription. */
export class RefusedError extends TautlineError {
  /** The handler's own code, such as `"forbidden"`. */
  readonly refusal: string;
}
/** The message was transmitted; whether it was processed cannot be known. */
export class OutcomeUnknownError extends TautlineError {}
/** A request's timeout passed; it may still be processed. */
export class TimeoutError extends TautlineError {}
/** The server does not accept the credentials. */
export class UnauthorizedError extends TautlineError {}
/** The server ended the line for good; `closeCode` says why (see PROTOCOL.md, "Close codes"). */
export class StoppedError extends TautlineError {
  readonly closeCode: number;
}
/** The WebAssembly could not be loaded; `cause` is the error. */
export class LoadError extends TautlineError {}
