/**
 * `ReliableWebSocket`: the interface of the browser's WebSocket over a line, so that whatever takes
 * a WebSocket class gains delivery. The README's "In place of WebSocket" says what differs.
 *
 * @module tautline/websocket
 */

import type { connect, ConnectOptions, StateChange } from "./index.js";

/** Settings of a socket: those of its line, as far as they leave the interface alone. */
export type ReliableWebSocketOptions = Omit<ConnectOptions, "codec" | "whenUncertain">;

/** What the line below is doing: told at every change, while the socket stays open. */
export interface StateEvent extends Event, Omit<StateChange, "state" | "error"> {
  readonly state: "connecting" | "open" | "waiting";
}

/** Events of a {@link ReliableWebSocket}. */
export interface ReliableWebSocketEventMap extends WebSocketEventMap {
  state: StateEvent;
}

/**
 * A WebSocket that stays open through cuts. It closes when either side closes it, when the server
 * refuses a message (code 1008) or one is too large (1009), and when the server has lost the
 * session (1006). `bufferedAmount` counts what the server has not yet processed.
 */
export interface ReliableWebSocket extends WebSocket {
  addEventListener<K extends keyof ReliableWebSocketEventMap>(
    type: K,
    listener: (this: ReliableWebSocket, event: ReliableWebSocketEventMap[K]) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

/** The class of {@link ReliableWebSocket}: what takes `typeof WebSocket` takes this. */
export interface ReliableWebSocketConstructor {
  readonly prototype: ReliableWebSocket;
  /**
   * @param url `ws://`, `wss://`, `http://`, `https://` or relative to the page; no fragment.
   * @param protocols Told to the server's application, which may choose one; else it is the first.
   * @throws DOMException `SyntaxError` if the URL or a subprotocol is invalid.
   */
  new (
    url: string | URL,
    protocols?: string | string[],
    options?: ReliableWebSocketOptions,
  ): ReliableWebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
}

/** Over lines of the entry `tautline`. */
export const ReliableWebSocket: ReliableWebSocketConstructor;

/** The same class over lines of another entry: give it the `connect` of that. */
export function reliableWebSocket(connectLine: typeof connect): ReliableWebSocketConstructor;
