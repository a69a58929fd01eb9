// The pump: what happens to the WebSocket, the timer and the page goes into the wasm, and what the
// wasm wants done is done. It decides nothing. src/driver.rs is the same for applications in Rust.

import * as border from "./border.js";
import { openCarrier } from "./carrier.js";
import { ABNORMAL, REPLACED, SUSPENDED } from "./close-codes.js";
import { soon, TIMEOUT_MAX, watch } from "./page.js";

/**
 * Opens a line in `wasm` and returns what gives it commands and what lets it go. `events` take note of
 * what happens on it, by kind, and must not give commands; what they return is called when that may be.
 * `broken` gets what was thrown where nothing is to throw, and `ended` is
 * called when nothing more comes of it. `history` gets the words of a server that closes the connection;
 * `keeper`, if there is one, what it has to keep whenever nothing is left to do; and `observe`, if
 * it is there, every WebSocket.
 */
export function drive(wasm, settings, events, { broken, ended, history, keeper, observe }) {
  const { url, WebSocket, credentials, numbers } = settings;
  /** What is to be done one after the other: inputs, and whatever has to wait for their end. */
  const later = [];
  let socket;
  let timer;
  let wakeAt = Infinity;
  // A drain is under way or scheduled; it is under way.
  let draining = false;
  let running = false;
  let again = false;
  let isBroken = false;

  /** Puts bytes where the wasm finds them. */
  function place(payload = [], topic = []) {
    const at = wasm.reserve(topic.length + payload.length);
    const bytes = new Uint8Array(wasm.memory.buffer);
    bytes.set(topic, at);
    bytes.set(payload, at + topic.length);
  }

  /** Tells the wasm of an input, when it is, and what the socket holds; undefined is 0 in there. */
  function tell(kind, about) {
    wasm.command(line, kind, 0, performance.now(), about, socket?.bufferedAmount);
  }

  /** The wasm may be in a state that it cannot get out of: the next line takes another. */
  function caught(error) {
    isBroken = true;
    broken(error);
    wasm.forget?.();
  }

  function attempt(act) {
    try {
      act();
    } catch (error) {
      caught(error);
    }
  }

  function command(kind, a, b, c, topic, payload) {
    const isFirst = !draining;
    if (isFirst) wakeSoon();
    again = true;
    try {
      // What the first one of a turn says of times counts from now, not from the last input.
      if (isFirst) tell(border.NOW);
      if (payload ?? topic) place(payload, topic);
      return wasm.command(line, kind, topic?.length, a, b, c);
    } catch (error) {
      caught(error);
      return border.LINE_CLOSED;
    }
  }

  function wakeSoon() {
    draining = true;
    soon(() => input(border.WOKE));
  }

  function input(kind, about, packet) {
    later.push(() => {
      if (packet) place(packet);
      tell(kind, about);
    });
    // A socket may tell of something while it is used.
    if (running) return;
    running = draining = true;
    do {
      again = false;
      for (const act of later) attempt(act);
      later.length = 0;
      if (again) later.push(() => tell(border.WOKE));
    } while (again);
    running = draining = false;
    if (isBroken) ended();
  }

  /** Closes the socket, which is silent from then on. */
  function hangUp(code) {
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close(code);
    socket = undefined;
  }

  function dial() {
    hangUp(REPLACED);
    try {
      socket = openCarrier(WebSocket ?? globalThis.WebSocket, url);
      // In Chromium, one that a policy forbids is closed from the beginning, and never says so.
      if (socket.readyState > 1) throw Error();
    } catch ({ message }) {
      socket = undefined;
      setTimeout(() => {
        // Firefox throws without a word.
        history.heard(message || "the page's Content-Security-Policy (connect-src) forbids it");
        input(border.CLOSED, ABNORMAL);
      });
      return;
    }
    observe?.(socket);
    // Blobs are read asynchronously, which would break the order of messages.
    socket.binaryType = "arraybuffer";
    socket.onopen = () => input(border.OPENED);
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") input(border.TEXT);
      else input(border.PACKET, 0, new Uint8Array(data));
    };
    socket.onclose = ({ code, reason }) => {
      history.heard(reason);
      input(border.CLOSED, code);
    };
    // A close event follows and tells all. But in Node the package `ws` ends the process for an
    // error that nobody listens to, also when the socket is left before it has opened.
    socket.onerror = () => {};
  }

  function transmit(_, packet) {
    // One that is closing says so with its close event. Some sockets read later what they are given.
    if (socket?.readyState === 1) socket.send(packet.slice());
    return socket?.bufferedAmount;
  }

  function idle(wakeIn, state) {
    keeper?.rested(state);
    const at = wakeIn < 0 ? Infinity : performance.now() + wakeIn;
    // Deadlines mostly move away, and waking once for nothing is cheaper than a new timeout with
    // every packet.
    if (wakeAt <= at) return;
    clearTimeout(timer);
    wakeAt = at;
    // One more millisecond: timeouts count whole ones and may fire a little early.
    timer = setTimeout(woken, Math.min(wakeIn + 1, TIMEOUT_MAX));
  }

  function woken() {
    wakeAt = Infinity;
    input(border.WOKE);
  }

  const unwatch = watch(({ code }) => input(border.HINT, code));
  const random = crypto.getRandomValues(new Uint8Array(24));
  const asks = typeof credentials === "function";
  place(random, asks ? undefined : credentials);
  const line = wasm.open(performance.now(), asks, ...numbers);
  const told = (event) => (a, b, c, d, e, f) => later.push(event(a, b, c, d, e, f));
  const notes = [...events.map(told), dial, transmit, hangUp, idle];
  wasm.lines[line] = Object.assign(notes, { caught });
  wakeSoon();

  /** The line has ended. */
  function free() {
    unwatch();
    clearTimeout(timer);
    attempt(() => hangUp(SUSPENDED));
    attempt(() => wasm.command(line, border.FREE));
    delete wasm.lines[line];
  }

  return { command, free };
}
