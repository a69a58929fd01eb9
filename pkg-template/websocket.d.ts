/**
 * `ReliableWebSocket`: the interface of the browser's WebSocket over a line, so that whatever takes
 * a WebSocket class gains delivery. The package's `docs/websocket.md` says what differs.
 *
 * @module tautline/websocket
 */

import type { connect, ConnectOptions, StateChange } from "./index.js";

/**
 * Settings of a socket: those of its line, as far as they leave the interface alone. `WebSocket` is by
 * default what it was when this module was loaded, so that `ReliableWebSocket` can take its place.
 */
export type ReliableWebSocketOptions = Omit<ConnectOptions, "codec" | "durable" | "whenUncertain">;

/** What the line below is doing: told at every change, while the socket stays open. */
export interface StateEvent extends Event, Omit<StateChange, "state" | "error"> {
  /** The line's state from now on. */
  readonly state: "connecting" | "open" | "waiting";
}

/** Events of a {@link ReliableWebSocket}. */
export interface ReliableWebSocketEventMap extends WebSocketEventMap {
  /** The state of the line below has changed. */
  state: StateEvent;
}

/**
 * A WebSocket that stays open through cuts. It closes when either side closes it, when the server
 * refuses a message (code 1008) or one is too large (1009), and when the server has lost the
 * session (1006). `bufferedAmount` counts what the server has not yet processed.
 */
export interface ReliableWebSocket extends WebSocket {
  /** As of any `WebSocket`, and with the event `state`. */
  addEventListener<K extends keyof ReliableWebSocketEventMap>(
    type: K,
    listener: (this: ReliableWebSocket, event: ReliableWebSocketEventMap[K]) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** As of any `EventTarget`. */
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

/** The class of {@link ReliableWebSocket}: what takes `typeof WebSocket` takes this. */
export interface ReliableWebSocketConstructor {
  /** What all sockets of the class share. */
  readonly prototype: ReliableWebSocket;
  /**
   * @param url `ws://`, `wss://`, `http://`, `https://` or relative to the page; no fragment.
   * @param protocols Told to the server's application, which may choose one; else it is the first.
   * @throws DOMException `SyntaxError` if the URL or a subprotocol is invalid; `SecurityError` for a
   *   `ws://` that a page with `https://` may not open.
   */
  new (
    url: string | URL,
    protocols?: string | string[],
    options?: ReliableWebSocketOptions,
  ): ReliableWebSocket;
  /** The socket is not open yet. */
  readonly CONNECTING: 0;
  /** Messages can be sent, also while the line below is cut. */
  readonly OPEN: 1;
  /** The socket was told to close, and waits for the server. */
  readonly CLOSING: 2;
  /** The socket is closed. */
  readonly CLOSED: 3;
}

/** Over lines of the entry `tautline`. */
export const ReliableWebSocket: ReliableWebSocketConstructor;

/** The same class over lines of another entry: give it the `connect` of that. */
export function reliableWebSocket(connectLine: typeof connect): ReliableWebSocketConstructor;
