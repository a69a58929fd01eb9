// A WebSocket server that says what a test wants it to say, down to the bytes of its frames.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

import { afterwards } from "../e2e/afterwards.mjs";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
export const BINARY = 0x82;
export const TEXT = 0x81;

/** WELCOME to a new session, as in PROTOCOL.md. */
export const WELCOME = Buffer.from(
  "0217000123456789abcdef00009875808040808001" + "80808001",
  "hex",
);

/** Less than a page waits for any sign of life. */
const PING_MS = 500;

/** The bytes that are written like `"04 ac02"`. */
export const hex = (text) => Buffer.from(text.replaceAll(" ", ""), "hex");

/** A frame as servers send it. */
export function framed(head, payload) {
  const { length } = payload;
  const start = [head, length < 126 ? length : length < 65_536 ? 126 : 127];
  if (length >= 65_536) start.push(0, 0, 0, 0, length >>> 24, (length >>> 16) & 255);
  if (length >= 126) start.push((length >>> 8) & 255, length & 255);
  return Buffer.concat([Buffer.from(start), payload]);
}

/** One connection of a client. */
class Peer {
  /** The code that the client closed it with. */
  closedWith;
  /** How many bytes the client has sent. */
  received = 0;
  #socket;
  #unread = Buffer.alloc(0);
  #heard;

  constructor(socket) {
    this.#socket = socket;
    this.ended = new Promise((resolve) => socket.on("close", resolve));
    this.hello = new Promise((resolve) => (this.#heard = resolve));
    socket.on("error", () => {});
    socket.on("data", (bytes) => this.#read(bytes));
  }

  /** Writes bytes as they are; resolves when the system has taken them. */
  async write(bytes) {
    if (this.#socket.writable && !this.#socket.write(bytes)) {
      await Promise.race([once(this.#socket, "drain"), this.ended]);
    }
  }

  packet(...parts) {
    return this.write(framed(BINARY, Buffer.concat(parts)));
  }

  /** Waits for HELLO, and says WELCOME. */
  async welcome() {
    await this.hello;
    await this.packet(WELCOME);
  }

  /** Is alive, as long as the connection is. */
  async pingUntilEnd() {
    const timer = setInterval(() => this.packet(hex("0a01")), PING_MS);
    await this.ended;
    clearInterval(timer);
  }

  /** Closes with a code, or without one. */
  async close(code, reason = Buffer.alloc(0)) {
    const words = code === undefined ? [] : [Buffer.from([code >> 8, code & 255]), reason];
    await this.write(framed(0x88, Buffer.concat(words)));
    this.#socket.end();
  }

  destroy() {
    this.#socket.destroy();
  }

  #read(bytes) {
    this.received += bytes.length;
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const size = this.#unread[1] & 127;
      const at = size === 126 ? 4 : size === 127 ? 10 : 2;
      if (this.#unread.length < at + 4) return;
      const long = size === 126 ? this.#unread.readUInt16BE(2) : undefined;
      const length = size === 127 ? Number(this.#unread.readBigUInt64BE(2)) : (long ?? size);
      if (this.#unread.length < at + 4 + length) return;
      const mask = this.#unread.subarray(at, at + 4);
      const payload = Buffer.from(this.#unread.subarray(at + 4, at + 4 + length));
      payload.forEach((byte, index) => (payload[index] = byte ^ mask[index & 3]));
      this.#message(this.#unread[0], payload);
      this.#unread = this.#unread.subarray(at + 4 + length);
    }
  }

  #message(head, payload) {
    if (head === 0x88) {
      this.closedWith ??= payload.length > 1 ? payload.readUInt16BE(0) : 1005;
      this.#socket.end();
    } else {
      this.#heard(payload);
    }
  }
}

export class HostileServer {
  /** The connections there were, in order. */
  peers = [];
  /** Requests for an upgrade. */
  attempts = 0;
  /** Names the present treatment in the URL: a line of the one before may still be on its way. */
  #treatment = 0;
  #http = createServer((_, response) => response.writeHead(404).end());

  static async start(t) {
    const server = new HostileServer();
    server.#http.on("upgrade", (request, socket) => {
      socket.on("error", () => {});
      if (request.url !== server.#path) return socket.destroy();
      server.attempts += 1;
      server.answer(request, socket);
    });
    server.#http.listen(0, "127.0.0.1");
    await once(server.#http, "listening");
    afterwards(t, () => {
      for (const peer of server.peers) peer.destroy();
      server.#http.close();
      server.#http.closeAllConnections();
    });
    return server;
  }

  get #path() {
    return `/line/${this.#treatment}`;
  }

  get url() {
    return `ws://127.0.0.1:${this.#http.address().port}${this.#path}`;
  }

  /** From now on every connection is treated like this; those before are forgotten. */
  treat(behave) {
    this.respond((request, socket) => {
      accept(request, socket, "Sec-WebSocket-Protocol: tautline.1\r\n");
      const peer = new Peer(socket);
      this.peers.push(peer);
      behave(peer);
    });
  }

  /** From now on every request for an upgrade gets this. */
  respond(answer) {
    this.peers = [];
    this.attempts = 0;
    this.#treatment += 1;
    this.answer = answer;
  }
}

/** Accepts the upgrade, with more headers. */
export function accept(request, socket, headers, key = request.headers["sec-websocket-key"]) {
  const hash = createHash("sha1").update(key + GUID).digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${hash}\r\n${headers}\r\n`,
  );
}
