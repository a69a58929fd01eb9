/**
 * Tautline: messages that arrive once and in order over the browser's WebSocket, both ways,
 * whatever the network, the page or the server does.
 *
 * @module tautline
 */

/// <reference lib="esnext.disposable" />

/** What can be sent as it is; anything else goes through the {@link Codec}. */
export type Raw = string | ArrayBuffer | ArrayBufferView;

/**
 * Turns values that are not {@link Raw} into bytes or text and back.
 *
 * Both ends must use the same codec. The default is JSON.
 */
export interface Codec {
  /** Returns the encoded value, which is copied at once. A throw becomes an {@link UnserializableError}. */
  encode(value: unknown): Raw;
  /** The inverse of `encode`: gets a string if `encode` returned one, else bytes. */
  decode(encoded: string | Uint8Array): unknown;
}

/**
 * What travels on a line, for TypeScript alone: nothing is checked at run time.
 *
 * Give {@link connect} a type with those of these properties that you want to be held to:
 *
 * ```ts
 * interface Chat {
 *   request: { find: string };
 *   reply: { found: string[] };
 *   topics: { [room: `room:${string}`]: { from: string; text: string } };
 * }
 * const line = connect<Chat>("/line");
 * ```
 */
export interface Messages {
  /** What `send` takes. */
  send?: unknown;
  /** What `request` takes. */
  request?: unknown;
  /** What `request` settles with. */
  reply?: unknown;
  /** What the `data` of a direct message is. */
  direct?: unknown;
  /** What the entries of each topic are, by the topic's name or a template of it. */
  topics?: object;
}

/** The type that `M` has for `What`; `any` where it has none. */
export type Typed<M extends Messages, What extends keyof Messages> = What extends keyof M
  ? M[What]
  : any;

/** The names of the topics of `M`; any string where it has none. */
export type Topic<M extends Messages> = "topics" extends keyof M ? keyof M["topics"] & string : string;

/** What the entries of topic `Name` are. */
export type TopicData<M extends Messages, Name extends string> = "topics" extends keyof M
  ? Name extends keyof M["topics"]
    ? M["topics"][Name]
    : never
  : any;

/**
 * What a line needs of a WebSocket class: that of every browser has it, and that of the package `ws`.
 */
export type WebSocketClass = new (url: string, protocols: string) => {
  /** The line sets it to `"arraybuffer"`. */
  binaryType: string;
  /** 1 while the socket is open. */
  readonly readyState: number;
  /** How many bytes wait to be sent. */
  readonly bufferedAmount: number;
  /** Sends one binary message. */
  send(data: any): void;
  /** Starts the closing handshake. */
  close(code?: number): void;
};

/** Settings of a line. Every duration is in milliseconds, every size in bytes. */
export interface ConnectOptions {
  /**
   * What proves who this client is, up to 16,384 bytes, sent in the first frame and never in the URL. A
   * function is called anew before every connection attempt, and when the server asks for fresh credentials
   * on a live line: see {@link CredentialsFunction}.
   */
  credentials?: Raw | CredentialsFunction;
  /** How values other than strings and bytes are encoded. Default: JSON. */
  codec?: Codec;
  /**
   * What happens to messages whose fate cannot be known, because the server lost the session
   * after they were transmitted. `"resend"` (default) sends them again, marked for the server's
   * handler as a possible duplicate; `"fail"` rejects their promises with
   * {@link OutcomeUnknownError}.
   */
  whenUncertain?: "resend" | "fail";
  /**
   * Bounds of the outbox: messages accepted and not yet confirmed. Once it is full, as many messages
   * and as many bytes again wait their turn; what is over that rejects with {@link OutboxFullError},
   * whatever `whenFull` says.
   */
  outbox?: {
    /** Largest number of messages. Default 65,536. */
    messages?: number;
    /** Largest sum of their sizes. Default 16 MiB. */
    bytes?: number;
    /** `"wait"` (default): wait for room; `"reject"`: {@link OutboxFullError} at once. */
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
  /**
   * Keeps the line in the browser's IndexedDB, under this name: its session, the messages that are not
   * confirmed, and how far it has read. After a reload or a crash the next line of the name carries
   * on: what was stored is sent once and in order, and what was handled does not come again (but for
   * the last few entries if the page died before they were stored as handled).
   *
   * Nothing is transmitted before it is stored, which takes some milliseconds. Several tabs of one
   * name have a session each; what a closed tab leaves is sent by another one. Use another name for
   * each user and each server, and {@link Line.clear} when a user logs out. Where nothing can be stored the line works
   * from memory, and says so by {@link LineEvents.durability}. What it takes is loaded when it is asked
   * for, in a file of its own.
   */
  durable?: string;
  /**
   * The class whose sockets carry the line. Default: what `WebSocket` is whenever the line connects.
   * For Node below 22, headers in the handshake, a fake in tests:
   *
   * ```ts
   * import { WebSocket } from "ws";
   * const line = connect("ws://localhost:8080/line", { WebSocket });
   * ```
   */
  WebSocket?: WebSocketClass;
  /** Ends the line at once when it aborts; unsettled promises reject with {@link ClosedError}. */
  signal?: AbortSignal;
  /**
   * Has the browser ask whoever leaves the page while something is unconfirmed. Default false.
   *
   * It listens to `beforeunload` only while something is, because such a listener alone may keep a
   * page out of the back-forward cache. The few lines for it are loaded when they are asked for. Where
   * there is no page, as in a worker or in Node, it does nothing.
   */
  warnBeforeUnload?: boolean;
  /**
   * Tells the console what the line does: every packet with its frames, every state with its
   * reason, every WebSocket. Never shows credentials, and of payloads the first 40 characters.
   * Default false. What it takes is loaded when it is asked for, in a file of its own; a bundler
   * that writes a single file puts it in there (Rollup wants `inlineDynamicImports` for that).
   */
  debug?: boolean;
}

/** What credentials are wanted for. */
export interface CredentialsRequest {
  /**
   * `connect`: for a connection that is about to be opened. `refused`: the same, but the server has
   * refused the last ones, so bring others. `refresh`: for a line that is open, because the ones it
   * has are about to expire.
   */
  cause: "connect" | "refused" | "refresh";
  /** With `refused`: why, in the words of the server. */
  reason?: string;
  /** Aborts when the answer is not wanted any more: the line has ended, or asks anew. */
  signal: AbortSignal;
}

/**
 * Brings credentials. What it does decides how the line goes on:
 *
 * - It returns them: the line connects. If the server refuses them, the function is called again, with
 *   the server's reason; at the third refusal in a row the line ends with {@link UnauthorizedError}.
 * - It throws, rejects, or takes longer than `connectTimeout`: the line tries again later, as if the
 *   server could not be reached. (The console has the error.)
 * - It returns `null`: there are none any more, the user has logged out. The line ends with
 *   {@link UnauthorizedError}.
 *
 * ```ts
 * const credentials: CredentialsFunction = async ({ cause, signal }) => {
 *   const answer = await fetch("/token", { signal, cache: cause === "refused" ? "reload" : "default" });
 *   if (answer.status === 401) return null;
 *   if (!answer.ok) throw new Error(`/token answered ${answer.status}`);
 *   return answer.text();
 * };
 * ```
 */
export type CredentialsFunction = (
  request: CredentialsRequest,
) => Raw | null | Promise<Raw | null>;

/** Settings of one `send` or `publish`. */
export interface SendOptions {
  /**
   * When the promise settles: once the message is `"processed"` (default), or, on a durable line, once
   * it is `"stored"`, so that the page may go. How it ends is told by {@link LineEvents.settled} then.
   * Where nothing can be stored it settles when it is processed.
   */
  until?: "processed" | "stored";
  /**
   * Rejects the promise with the signal's reason. A message that has not been transmitted yet is
   * withdrawn; one that has may still be processed.
   */
  signal?: AbortSignal;
  /**
   * Transmit only if the line is open now; never queue, never retry, never confirm. The promise
   * settles at once: resolved when the message was handed to the socket, else rejected with
   * {@link NotLiveError}, also when much is waiting there already. That the line is not open needs no
   * `catch`. For values that are stale in a second, such as a cursor's position. Not together with `ttl`,
   * `key` or `until`.
   */
  volatile?: boolean;
  /**
   * Milliseconds from now, from 1 to 2,147,483,647. If the message has not been transmitted for
   * the first time when they are over, it is withdrawn, and its promise rejects with
   * {@link ExpiredError}: the server will never see it. One that has been transmitted is delivered
   * as any other.
   */
  ttl?: number;
  /**
   * Of messages with the same key (and, for `publish`, the same topic) only the latest counts: a
   * newer one takes the place of one that has not been transmitted yet, whose promise rejects with
   * {@link SupersededError}. That rejection counts as handled, so that
   * `line.publish("cursors", at, { key: "me" })` needs no `catch` for it. What has been transmitted
   * is delivered as any other.
   */
  key?: string;
}

/** Settings of one `request`. */
export interface RequestOptions {
  /** As for {@link SendOptions.signal}. */
  signal?: AbortSignal;
  /** As for {@link SendOptions.ttl}. */
  ttl?: number;
  /** Reject with {@link TimeoutError} after this many milliseconds, from 0. Default: Infinity. */
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
  /**
   * Start with up to this many of the newest entries. Default 0: only what comes from now on; on a
   * durable line, what comes behind the entry that was handled last in this topic.
   */
  last?: number;
  /**
   * Carry on behind this position instead; what is missing is reported as a gap. A position that the
   * topic does not have is as one of a topic that began anew: it is read from its oldest entry, with a
   * gap that says `reset`.
   */
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
  /** Present and true on a durable line if it is about another tab's session, which this one adopted. */
  adopted?: true;
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
  /** Present and true on a durable line if it was meant for another tab, which is gone. */
  adopted?: boolean;
}

/**
 * `connecting`: an attempt is under way. `open`: messages flow. `waiting`: the next attempt
 * starts at `retryAt`. `closed`: ended for good.
 */
export type State = "connecting" | "open" | "waiting" | "closed";

/** The line's state changed. */
export interface StateChange {
  /** The state from now on. */
  state: State;
  /** When, in milliseconds since 1970. */
  at: number;
  /**
   * Why, in a few words for people; behind a colon the server's own, if it gave any. "(offline)" says
   * that the browser took itself to be offline.
   */
  reason: string;
  /**
   * The code that ended the connection, if this is about one that ended: the server's, 1006 if the
   * connection broke, or the line's own (4000: nothing heard from the server, 4005: the server asked to
   * connect anew, 4007: the page was put aside; see PROTOCOL.md, "Close codes").
   */
  code?: number;
  /** With `open`, but the first time: for how many milliseconds it was not. */
  downtime?: number;
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
  /** Present and true on a durable line if it is about another tab's session, which this one adopted. */
  adopted?: true;
}

/** Events of a {@link Line}. Listeners get these plain objects. */
export interface LineEvents<M extends Messages = any> {
  /**
   * A direct message. While nobody listens they wait, and what is delivered to a listener is handled. Of
   * what is not, the server sends no more than a window (16,384 messages or 1 MiB): it holds back what comes
   * behind, answers too.
   */
  message: DirectMessage<Typed<M, "direct">>;
  /** The line's state has changed. */
  state: StateChange;
  /** The server has lost this session. */
  lost: Lost;
  /** Direct messages were dropped by the server because this client read too slowly. */
  gap: Gap;
  /** A durable line says whether it is stored: when it opens, and when that changes. */
  durability: Durability;
  /** A message of a durable line has ended that no promise waits for any more. */
  settled: Settled;
}

/** Whether a durable line is stored. */
export interface Durability {
  /** If not, the line works from memory: what is new does not survive the page. */
  stored: boolean;
  /** Why, in a few words for people. */
  reason: string;
  /**
   * Present and true if the browser has deleted what was stored before, and something may be lost: a
   * killed Chromium does that at times. Told once, to the first line that finds out.
   */
  lost?: boolean;
  /** What has failed, if something has. */
  error?: Error;
}

/** A message of a durable line, as it was sent. */
export interface StoredMessage {
  /** Which method has sent it. */
  kind: "send" | "request" | "publish";
  /** With `publish`: where to. */
  topic?: string;
  /** What was sent, as the codec decodes it. */
  data: any;
  /** Present and true if another tab had sent it, which is gone. */
  adopted?: boolean;
}

/** How a message ended whose promise is gone with its page, or has settled when it was stored. */
export interface Settled extends StoredMessage {
  /** With `request`: the reply. */
  reply?: any;
  /** Why it was not processed; if there is none, it was. */
  error?: Error;
}

/** A message that waits: see {@link Line.pending}. */
export interface PendingMessage extends StoredMessage {
  /** Takes it back if it is not transmitted yet, and returns whether it was not. */
  cancel(): boolean;
}

/** Events of a {@link Subscription}. */
export interface SubscriptionEvents<T = any> {
  /** An entry of the topic. */
  message: Entry<T>;
  /** Entries can no longer be read; the next one is behind them. */
  gap: Gap;
  /** The subscription ended: refused by the server, or by request. */
  end: SubscriptionEnd;
}

/** How a {@link Subscription} ended. */
export interface SubscriptionEnd {
  /** Why, unless it was ended on request. */
  error?: TautlineError;
}

/** Settings of a listener. */
export interface ListenerOptions {
  /** Call it once only. */
  once?: boolean;
  /** Call it no more once this has aborted. */
  signal?: AbortSignal;
}

/** Counters of a line since it began. */
export interface Stats {
  /** Smoothed round trip in milliseconds, 0 before the first sample. */
  roundTrip: number;
  /** Messages not transmitted on this connection yet, with those that wait for room. */
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
  /** Messages withdrawn because their {@link SendOptions.ttl} was over. */
  expired: number;
  /** Messages whose place a newer one with the same {@link SendOptions.key} has taken. */
  superseded: number;
  /** Connections that reached `open`. */
  connections: number;
  /** How often an open line had to connect again, by the `reason` of its {@link StateChange}. */
  reconnects: Record<string, number>;
  /** Bytes handed to the WebSocket. */
  bytesSent: number;
  /** Bytes received from the WebSocket. */
  bytesReceived: number;
  /**
   * Bytes that the WebSocket has taken and not sent yet (its `bufferedAmount`). From 256 KiB on it
   * gets no further messages, so that they can still be withdrawn or replaced.
   */
  buffered: number;
}

/**
 * A topic being read: listen with `addEventListener`, or iterate with `for await`.
 *
 * Entries arrive once and in order. They are kept until something consumes them; a consumer that
 * is slow makes the server hold back, and one that is too slow for the topic's retention gets a
 * gap. With `for await`, an entry counts as handled when the next one is asked for.
 */
export interface Subscription<T = any> extends AsyncIterableIterator<Entry<T>> {
  /** The topic's name. */
  readonly topic: string;
  /**
   * Resolves when the server has confirmed, rejects with {@link RefusedError} if it refused. A failure is an
   * unhandled rejection if nobody waits for this, iterates, or listens to `end`, nor to the line's `state`
   * if it is the line that has failed.
   */
  readonly ready: Promise<Position>;
  /** Where the last handled entry stands; undefined before the server's confirmation. */
  readonly position: Position | undefined;
  /** Has `listener` called with each event of this type. */
  addEventListener<K extends keyof SubscriptionEvents<T>>(
    type: K,
    listener: (event: SubscriptionEvents<T>[K]) => void,
    options?: ListenerOptions,
  ): void;
  /** Has `listener` called no more. */
  removeEventListener<K extends keyof SubscriptionEvents<T>>(
    type: K,
    listener: (event: SubscriptionEvents<T>[K]) => void,
  ): void;
  /** Unsubscribes. A `for await` loop over it ends; leaving such a loop does the same. */
  return(): Promise<IteratorResult<Entry<T>>>;
  /** `await using` unsubscribes at the end of its block. */
  [Symbol.asyncDispose](): Promise<void>;
  /** So does `using`. */
  [Symbol.dispose](): void;
}

/**
 * A line to the server: see {@link connect}. One with types of its own, such as `Line<Chat>`, can be given to
 * whatever takes a `Line`.
 */
export interface Line<M extends Messages = any> {
  /** The state now; the event `state` tells of changes. */
  readonly state: State;
  /** Settles when the server has processed the message, or rejects saying why it was not. */
  send(data: Typed<M, "send">, options?: SendOptions): Promise<void>;
  /** Settles with the reply of the server's handler. */
  request<T = Typed<M, "reply">>(data: Typed<M, "request">, options?: RequestOptions): Promise<T>;
  /** Appends to a topic; settles when it is stored there. */
  publish<Name extends Topic<M>>(
    topic: Name,
    data: TopicData<M, Name>,
    options?: SendOptions,
  ): Promise<void>;
  /** Reads a topic. `T` says what its entries are where {@link Messages} do not. */
  subscribe<T = never, Name extends Topic<M> = Topic<M>>(
    topic: Name,
    options?: SubscribeOptions,
  ): Subscription<[T] extends [never] ? TopicData<M, Name> : T>;
  /** Has `listener` called with each event of this type. */
  addEventListener<K extends keyof LineEvents>(
    type: K,
    listener: (event: LineEvents<M>[K]) => void,
    options?: ListenerOptions,
  ): void;
  /** Has `listener` called no more. */
  removeEventListener<K extends keyof LineEvents>(
    type: K,
    listener: (event: LineEvents<M>[K]) => void,
  ): void;
  /** Counters since the line began; once it is closed, the last ones. */
  stats(): Stats;
  /** The last 100 changes of the state, oldest first: when the line was cut, why, and for how long. */
  history(): StateChange[];
  /**
   * Ends the line: takes nothing new, waits until everything accepted is confirmed, says goodbye.
   * After `timeout` milliseconds (default 10,000; 0 = at once; Infinity = whenever that is) it ends anyway,
   * and what is unconfirmed rejects with {@link ClosedError} (never transmitted) or
   * {@link OutcomeUnknownError}. Resolves then, however the line has ended.
   *
   * A durable line says no goodbye: its session goes on with the next line of its name. What is
   * unconfirmed rejects with {@link ClosedError}, stays stored, and is sent by that one; what could not
   * be stored rejects as above. A line of its name that is opened in this page meanwhile waits for this one,
   * which ends as soon as it has no connection.
   *
   * A module that holds a line has to close it when it is replaced while you develop, or the line of
   * its old version stays open beside the new one:
   *
   * ```ts
   * if (import.meta.hot) import.meta.hot.dispose(() => line.close());
   * ```
   */
  close(options?: { timeout?: number }): Promise<void>;
  /** Of a durable line: the messages that wait to be transmitted or confirmed, in their order. */
  pending(): Promise<PendingMessage[]>;
  /**
   * For when a user logs out: ends the line at once and deletes all that is stored under its name. The
   * lines of this name in other tabs end too.
   */
  clear(): Promise<void>;
  /** `await using line = connect(...)` closes the line at the end of its block, and waits for that. */
  [Symbol.asyncDispose](): Promise<void>;
  /**
   * `using line = connect(...)` calls {@link close} at the end of its block and does not wait: what was
   * accepted is still delivered. To end a line at once, abort its `signal`.
   */
  [Symbol.dispose](): void;
}

/**
 * Opens a line. Returns at once: the WebAssembly loads behind it, and what is sent meanwhile
 * waits in order.
 *
 * @param url `ws://`, `wss://`, `http://`, `https://` or relative to the page.
 * @throws InvalidArgumentError if the URL or an option is not usable; the message says which. Also for
 *   a `ws://` that a page with `https://` may not open: `cause` is the browser's error then.
 * @throws LoadError in a Node without a WebSocket, which is any below 22, unless one was given.
 */
export function connect<M extends Messages = any>(
  url: string | URL,
  options?: ConnectOptions,
): Line<M>;

/** What a {@link TautlineError} is about, for programs. */
export type ErrorCode =
  | "invalid-argument"
  | "unserializable"
  | "too-large"
  | "outbox-full"
  | "expired"
  | "superseded"
  | "closed"
  | "not-live"
  | "refused"
  | "outcome-unknown"
  | "timeout"
  | "unauthorized"
  | "stopped"
  | "internal"
  | "load-failed";

/** What every error of this package has. */
export interface Failure<Code extends ErrorCode> extends Error {
  /** What it is about, for programs: of a {@link TautlineError} it tells which of them it is. */
  readonly code: Code;
  /** True if the same call may succeed later without a change to it. */
  readonly retryable: boolean;
}

/** What the classes of errors come from: not there at run time under this name, and so not exported. */
declare const FailureClass: new <Code extends ErrorCode>(message?: string) => Failure<Code>;

/** An argument or option is not usable; the message names it, its value and what is expected. */
export class InvalidArgumentError extends FailureClass<"invalid-argument"> {}
/** The codec could not encode the value; `cause` is its error. */
export class UnserializableError extends FailureClass<"unserializable"> {}
/** The message is over the limit; the message names both sizes. */
export class TooLargeError extends FailureClass<"too-large"> {}
/** The outbox is full, and so is the room in front of it, or `outbox.whenFull` is `"reject"`. */
export class OutboxFullError extends FailureClass<"outbox-full"> {}
/** The message was not transmitted before its {@link SendOptions.ttl} was over. */
export class ExpiredError extends FailureClass<"expired"> {}
/** A newer message with the same {@link SendOptions.key} has taken this one's place. */
export class SupersededError extends FailureClass<"superseded"> {}
/**
 * The line is closed, and the message was never transmitted. If the line was ended by an error, such as an
 * {@link UnauthorizedError}, calls reject with that error instead.
 */
export class ClosedError extends FailureClass<"closed"> {}
/** A volatile message was not transmitted: the line is not open, or has much to send already. */
export class NotLiveError extends FailureClass<"not-live"> {}
/** The server's handler refused this message, request or subscription. */
export class RefusedError extends FailureClass<"refused"> {
  /**
   * The handler's own code, such as `"forbidden"`; or a close code, such as `"4001"`, if every connection
   * that carried it ended with that, and it was given up. It was not processed then.
   */
  readonly refusal: string;
}
/** The message was transmitted; whether it was processed cannot be known. */
export class OutcomeUnknownError extends FailureClass<"outcome-unknown"> {}
/** A request's timeout passed; it may still be processed. */
export class TimeoutError extends FailureClass<"timeout"> {}
/** The server does not accept the credentials. */
export class UnauthorizedError extends FailureClass<"unauthorized"> {}
/** The server ended the line for good. */
export class StoppedError extends FailureClass<"stopped"> {
  /** Why: see "Close codes" in PROTOCOL.md. */
  readonly closeCode: number;
}
/**
 * The line has ended because something threw that it stands on: the WebAssembly, or a WebSocket. `cause` is
 * what was thrown. What it had not confirmed may be processed.
 */
export class InternalError extends FailureClass<"internal"> {}
/** The WebAssembly could not be loaded; `cause` is the error. */
export class LoadError extends FailureClass<"load-failed"> {}

/** Any error of this package: `error.code === "refused"`, for instance, makes a {@link RefusedError} of it. */
export type TautlineError =
  | InvalidArgumentError
  | UnserializableError
  | TooLargeError
  | OutboxFullError
  | ExpiredError
  | SupersededError
  | ClosedError
  | NotLiveError
  | RefusedError
  | OutcomeUnknownError
  | TimeoutError
  | UnauthorizedError
  | StoppedError
  | InternalError
  | LoadError;
/** The class that all of them come from, for `instanceof`. */
export const TautlineError: {
  /** What all of them share. */
  readonly prototype: TautlineError;
  /** Made by the package alone. */
  new (message?: string): TautlineError;
};

// Only what says so is exported.
export {};
