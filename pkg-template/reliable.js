// A line with the interface of the browser's WebSocket. One socket is one session: it lives through
// cuts, and ends when either side closes it or when the line can no longer keep its promise.

import { parseClose, parseConstruction, parseMessage, required } from "./arguments.js";
import { RefusedError, StoppedError, TooLargeError, UnauthorizedError } from "./errors.js";
import { EventHandlers } from "./handlers.js";
import { Native } from "./native.js";
import { bytesOf } from "./payload.js";
import { queueTask } from "./tasks.js";

export const STATES = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
const { CONNECTING, OPEN, CLOSING, CLOSED } = STATES;

// Codes of RFC 6455, section 7.4.1.
const UNSUPPORTED = 1003;
const NO_CODE = 1005;
const ABNORMAL = 1006;
const POLICY = 1008;
const TOO_BIG = 1009;
/** Of PROTOCOL.md, section 14. */
const UNAUTHORIZED = 4200;

// Node has had one since version 23.
const CloseEvent =
  globalThis.CloseEvent ??
  class CloseEvent extends Event {
    constructor(type, { code, reason, wasClean }) {
      super(type);
      Object.assign(this, { code, reason, wasClean });
    }
  };

export class ReliableSocket extends EventTarget {
  #line;
  #url;
  #protocols;
  #protocol = "";
  #readyState = CONNECTING;
  #binaryType = "blob";
  #extensions = "";
  #bufferedAmount = 0;
  #handlers = new EventHandlers(this);
  /** Messages that came before the socket opened. */
  #early = [];
  /** Settles when the Blobs given so far are read and handed to the line. */
  #reading;
  #ended = false;

  constructor(connect, url, protocols, options) {
    super();
    const given = parseConstruction(url, protocols);
    this.#url = given.url;
    this.#protocols = given.protocols;
    const fixed = { codec: undefined, whenUncertain: "fail" };
    try {
      this.#line = connect(this.url, { WebSocket: Native, ...options, ...fixed });
    } catch (error) {
      // What the browser's class has thrown: a page with https: may not open every ws:.
      throw error.cause ?? error;
    }
    this.#line.addEventListener("state", (change) => this.#changed(change));
    this.#line.addEventListener("message", (message) => this.#received(message));
    const missing = () => this.#lose(ABNORMAL, "The server has lost messages of this session.");
    this.#line.addEventListener("lost", missing);
    this.#line.addEventListener("gap", missing);
    this.#sayHello();
  }

  get url() {
    return this.#url.href;
  }

  get readyState() {
    return this.#readyState;
  }

  get bufferedAmount() {
    return this.#bufferedAmount;
  }

  get extensions() {
    return this.#extensions;
  }

  get protocol() {
    return this.#protocol;
  }

  get binaryType() {
    return this.#binaryType;
  }

  set binaryType(value) {
    const type = `${value}`;
    if (type === "blob" || type === "arraybuffer") this.#binaryType = type;
  }

  get onopen() {
    return this.#handlers.get("open");
  }

  set onopen(handler) {
    this.#handlers.set("open", handler);
  }

  get onerror() {
    return this.#handlers.get("error");
  }

  set onerror(handler) {
    this.#handlers.set("error", handler);
  }

  get onclose() {
    return this.#handlers.get("close");
  }

  set onclose(handler) {
    this.#handlers.set("close", handler);
  }

  get onmessage() {
    return this.#handlers.get("message");
  }

  set onmessage(handler) {
    this.#handlers.set("message", handler);
  }

  send(data) {
    required("send", arguments.length);
    const message = parseMessage(data);
    if (this.#readyState === CONNECTING) {
      throw new DOMException("The socket is still connecting: wait for open.", "InvalidStateError");
    }
    const size = message.size ?? bytesOf(message).length;
    this.#bufferedAmount += size;
    if (this.#readyState === OPEN && !this.#ended) this.#hand(message, size);
  }

  // In Web IDL both arguments are optional, so that its `length` is 0.
  close(...[code, reason]) {
    const before = this.#readyState;
    const given = parseClose(code, reason);
    if (before >= CLOSING) return;
    this.#readyState = CLOSING;
    if (before === OPEN) this.#sayGoodbye(given);
    else this.#lose(ABNORMAL, "");
  }

  /** Hands a message to the line, behind the Blobs that are still being read. */
  #hand(message, size) {
    const isBlob = message.size !== undefined;
    if (!isBlob && this.#reading === undefined) {
      this.#transmit(message, size);
      return;
    }
    const content = isBlob ? message.arrayBuffer() : message.slice();
    const reading = Promise.all([content, this.#reading]).then(
      ([data]) => this.#transmit(isBlob ? new Uint8Array(data) : data, size),
      (error) => this.#fail(ABNORMAL, `A Blob could not be read: ${error}.`),
    );
    this.#reading = reading;
    reading.then(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
  }

  #transmit(data, size) {
    this.#line.send(data).then(
      () => (this.#bufferedAmount -= size),
      // The messages behind this one may be delivered: nobody must take that for all of them.
      (error) => this.#lose(codeOf(error), error.message),
    );
  }

  /** Opens when the server's application has agreed, or has no opinion. */
  #sayHello() {
    const protocols = this.#protocols;
    const [first = ""] = protocols;
    this.#line.request({ open: { url: this.url, protocols } }).then(
      (answer) => this.#opened(protocols.includes(answer) ? answer : first),
      (error) => {
        if (error.refusal === "no-handler") this.#opened(first);
        else this.#lose(error instanceof RefusedError ? ABNORMAL : codeOf(error), error.message);
      },
    );
  }

  /** Ends the line when the server has all messages, and knows that no more will come. */
  async #sayGoodbye(close) {
    await this.#reading;
    const answered = this.#line.request({ close });
    this.#line.close();
    try {
      await answered;
      this.#closedBy(close);
    } catch (error) {
      if (error instanceof RefusedError) this.#closedBy(close);
      else this.#lose(codeOf(error), error.message);
    }
  }

  #changed(change) {
    const { state, error } = change;
    if (state !== "closed") {
      this.#later(() => this.dispatchEvent(Object.assign(new Event("state"), change)));
    } else if (error instanceof StoppedError) {
      this.#closedBy({ code: error.closeCode, reason: error.message });
    } else if (error || this.#readyState !== CLOSING) {
      this.#lose(codeOf(error), error?.message ?? "");
    }
  }

  #opened(protocol) {
    const early = this.#early;
    this.#early = undefined;
    this.#later(() => {
      if (this.#readyState !== CONNECTING) return;
      this.#readyState = OPEN;
      this.#protocol = protocol;
      this.dispatchEvent(new Event("open"));
    });
    early?.forEach((message) => this.#received(message));
  }

  #received(message) {
    const { data } = message;
    if (this.#early && !data?.close) {
      this.#early.push(message);
    } else if (typeof data === "string" || data instanceof Uint8Array) {
      this.#later(() => this.#tell(data));
    } else if (data?.close) {
      this.#closedBy(data.close);
    } else {
      this.#fail(UNSUPPORTED, "The server has sent neither text nor bytes nor a close.");
    }
  }

  #tell(received) {
    if (this.#readyState !== OPEN) return;
    let data = received;
    if (typeof data !== "string") {
      data = this.#binaryType === "blob" ? new Blob([data]) : data.buffer;
    }
    this.dispatchEvent(new MessageEvent("message", { data, origin: this.#url.origin }));
  }

  /** Both sides know of the end, or the server has closed. */
  #closedBy({ code = NO_CODE, reason = "" }) {
    const isClean = this.#early === undefined && code !== ABNORMAL;
    this.#end({ code, reason, wasClean: isClean });
  }

  /** The socket ends without the server: its line, its session or a message is lost. */
  #lose(code, reason) {
    this.#end({ code, reason, wasClean: false });
  }

  /** The socket is given up for what this end was given: browsers call that an error. */
  #fail(code, reason) {
    this.#end({ code, reason, wasClean: false }, true);
  }

  /**
   * Tells of the end: by `close`, and before it by `error` if the socket has never been open. To
   * libraries an `error` of an open socket says that connecting anew is of no use.
   */
  #end(close, failed = this.#early !== undefined) {
    if (this.#ended) return;
    this.#later(() => {
      this.#readyState = CLOSED;
      if (failed) this.dispatchEvent(new Event("error"));
      this.dispatchEvent(new CloseEvent("close", close));
    });
    this.#ended = true;
    this.#early = undefined;
    this.#line.close({ timeout: 0 });
  }

  /** Runs a task, unless the socket has ended before it was asked to. */
  #later(task) {
    if (!this.#ended) queueTask(task);
  }
}

function codeOf(error) {
  if (error instanceof RefusedError) return POLICY;
  if (error instanceof TooLargeError) return TOO_BIG;
  if (error instanceof UnauthorizedError) return UNAUTHORIZED;
  return error instanceof StoppedError ? error.closeCode : ABNORMAL;
}
