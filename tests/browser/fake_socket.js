// A WebSocket whose network is the test: it opens, delivers and closes when it is told to.

let sockets = [];
let refusing = false;

class FakeWebSocket {
  binaryType = "blob";
  bufferedAmount = 0;
  onopen = null;
  onmessage = null;
  onclose = null;
  sent = [];
  closedWith = 0;

  constructor(url, protocol) {
    if (refusing) throw new DOMException("refused by policy", "SecurityError");
    this.url = url;
    this.protocol = protocol;
    sockets.push(this);
  }

  send(data) {
    this.sent.push(new Uint8Array(data).slice());
  }

  close(code) {
    this.closedWith ||= code ?? 1005;
  }
}

export function install() {
  sockets = [];
  refusing = false;
  globalThis.WebSocket = FakeWebSocket;
}

const drawn = [];

/** Remembers what is drawn from the secure source from now on. */
export function watchRandom() {
  const draw = Crypto.prototype.getRandomValues;
  crypto.getRandomValues = (bytes) => {
    draw.call(crypto, bytes);
    drawn.push(String(bytes));
    return bytes;
  };
}

export const hasDrawn = (bytes) => drawn.includes(String(bytes));

const uncaught = [];

globalThis.addEventListener("error", ({ message }) => uncaught.push(message));
globalThis.addEventListener("unhandledrejection", ({ reason }) => uncaught.push(String(reason)));

/** The errors since the last call that nothing in the page has caught. */
export const errors = () => uncaught.splice(0).join("; ");

export const url = (index) => sockets[index].url;
export const host = () => location.host;
export const refuse = (value) => void (refusing = value);
export const count = () => sockets.length;
export const protocol = (index) => sockets[index].protocol;
export const binaryType = (index) => sockets[index].binaryType;
export const closedWith = (index) => sockets[index].closedWith;
export const take = (index) => sockets[index].sent.shift();

export const listens = (index) => {
  const { onopen, onmessage, onclose } = sockets[index];
  return [onopen, onmessage, onclose].some((listener) => listener != null);
};

export const open = (index) => sockets[index].onopen?.(new Event("open"));

export const deliver = (index, bytes) =>
  sockets[index].onmessage?.(new MessageEvent("message", { data: bytes.slice().buffer }));

export const deliverText = (index, text) =>
  sockets[index].onmessage?.(new MessageEvent("message", { data: text }));

export const close = (index, code) =>
  sockets[index].onclose?.(new CloseEvent("close", { code, wasClean: code !== 1006 }));

export const dispatch = (type) => globalThis.dispatchEvent(new Event(type));

export const pageTransition = (type, persisted) =>
  globalThis.dispatchEvent(new PageTransitionEvent(type, { persisted }));

export const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
