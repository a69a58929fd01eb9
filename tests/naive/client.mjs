// A client by the rules of PROTOCOL.md, without cleverness and without the code, to try the page.
// Policy *resend*, fixed credentials, text only; the application handles every entry at once.

import { randomBytes } from "node:crypto";
import WebSocket from "ws";
import { Fault, decode, encode } from "./codec.mjs";
import { Liveness } from "./liveness.mjs";
import { NO_EPOCH, Stream } from "./stream.mjs";

const PACKET_BYTES = 65_536;
const sizeOf = ({ payload, topic = "" }) => payload.length + Buffer.byteLength(topic);
const atMost = (millis) => Math.min(Number(millis), 600_000);
const later = (after, spread) => performance.now() + atMost(after) + Math.random() * atMost(spread);

export class NaiveClient {
  /** What tests look at: lost sessions by their resumption, gaps, direct messages, and counts. */
  seen = { live: 0, retransmitted: 0, duplicates: 0, probes: 0, losses: [], gaps: [], direct: [] };
  state = "waiting";
  #session = randomBytes(16);
  #connection = 0n;
  #credentials;
  #direct = Object.assign(new Stream(0n), { epoch: NO_EPOCH });
  #streams = new Map([[0n, this.#direct]]);
  #nextStream = 1n;
  /** Messages in the order of their seqs, from `acknowledged + 1` on; the first are in flight. */
  #outbox = [];
  #acknowledged = 0n;
  #inFlight = 0;
  #heldAck;
  #doubtfulTo = 0n;
  #control = [];
  #failures = 0;
  #dialAt = 0;
  #liveness = new Liveness();
  #limits;

  constructor(url, credentials = "") {
    this.url = url;
    this.#credentials = Buffer.from(credentials);
    this.timer = setInterval(() => this.#tick(performance.now()), 20);
  }

  /** Resolves when it is processed, with the reply to a request. */
  post(kind, payload, topic) {
    return new Promise((resolve, reject) => {
      payload = Buffer.from(payload);
      this.#outbox.push({ kind, format: "text", topic, payload, resolve, reject });
    });
  }

  /** Resolves when the server has confirmed. */
  subscribe(topic, onEntry) {
    return new Promise((resolve, reject) => {
      const stream = new Stream(this.#nextStream++, topic, onEntry, { resolve, reject });
      this.#streams.set(stream.stream, stream);
      if (this.state === "live") this.#control.push(stream.subscribes());
    });
  }

  close() {
    if (this.state === "live") this.#transmit([{ frame: "BYE" }]); // C-26
    this.#end(new Error("closed"));
  }

  #end(error) {
    this.#hangUp(1000);
    clearInterval(this.timer);
    this.state = "closed";
    this.#outbox.splice(0).forEach(({ reject }) => reject(error)); // C-27
  }

  #tick(now) {
    if (this.state === "waiting" && now >= this.#dialAt) this.#dial(now);
    else if (this.state === "joining" && now >= this.giveUpAt) this.#cut(4000); // C-18
    else if (this.state === "live") this.#watch(now);
    if (this.state === "live") this.#fill(now);
  }

  #dial(now) {
    this.#connection += 1n; // C-2
    this.state = "joining";
    this.giveUpAt = now + 10_000;
    this.notBefore = 0;
    this.socket = new WebSocket(this.url, ["tautline.1"]);
    this.socket.on("open", () => this.#hello());
    this.socket.on("message", (data, isBinary) => this.#packet(data, isBinary));
    this.socket.on("close", (code) => this.#wait(code));
    this.socket.on("error", () => {});
  }

  #hangUp(code) { // C-17
    this.socket?.removeAllListeners().on("error", () => {}).close(code);
    this.socket = undefined;
  }

  #cut(code) {
    this.#hangUp(code);
    this.#wait(1006);
  }

  #redial(code, now) { // C-17, C-24
    this.#hangUp(code);
    this.#ended(now);
    this.#dial(now);
  }

  #ended(now) { // C-19
    if (this.state !== "live") return;
    this.#failures = now - this.liveAt >= 5_000 ? 0 : Math.min(this.#failures, 1);
  }

  #wait(code) {
    const now = performance.now();
    if (code >= 4200 && code <= 4399) return this.#end(new Error(`ended with ${code}`)); // C-22
    this.#ended(now);
    const isFull = code === 1013 || (code >= 4100 && code <= 4199);
    const bound = this.#failures === 0 ? 100 : Math.min(500 * 2 ** (this.#failures - 1), 10_000);
    const delay = isFull ? 5_000 + Math.random() * 5_000 : Math.random() * bound; // C-20
    this.#failures += 1;
    this.#dialAt = Math.max(now + delay, this.notBefore); // C-23
    this.state = "waiting";
  }

  #transmit(frames) {
    this.socket.send(Buffer.concat(frames.map(encode)));
  }

  #hello() { // C-1
    const { epoch, received, handled } = this.#direct;
    const subscriptions = [...this.#streams.values()].map((stream) => stream.subscribes());
    this.#control = [];
    this.helloAt = performance.now();
    this.#transmit([{
      frame: "HELLO", session: this.#session, epoch, connection: this.#connection, received,
      handled, acknowledged: this.#acknowledged, restart: this.#acknowledged + 1n,
      credentials: this.#credentials,
    }, ...subscriptions.slice(1)]);
  }

  #packet(data, isBinary) {
    this.#liveness.heard(performance.now());
    try {
      if (!isBinary) throw new Fault("a text message");
      for (const frame of decode(data)) {
        if (this.socket) this.#take(frame);
      }
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      this.seen.fault = fault.message;
      this.#cut(fault.code); // section 13
    }
  }

  #take(frame) {
    const is = (name) => frame.frame === name;
    if (is("REFUSE")) { // C-28
      if (frame.after) this.notBefore = later(frame.after, 0n); // C-23
      this.#hangUp(1000);
      this.#wait(Number(frame.code));
    } else if (is("WELCOME") !== (this.state === "joining")) throw new Fault(frame.frame, 4002);
    else if (is("WELCOME")) this.#welcome(frame);
    else if (is("PING")) this.#control.push({ ...frame, frame: "PONG" });
    else if (is("PONG")) this.#liveness.answered(performance.now(), frame.nonce);
    else if (is("AUTH")) this.#control.push({ ...frame, credentials: this.#credentials });
    else if (is("GOAWAY")) this.notBefore = later(frame.after, frame.spread); // C-23, C-24
    else if (is("ACK")) this.#ack(frame.seq);
    else this.#read(frame);
  }

  #welcome({ resumption, epoch, accepted, head, ...limits }) {
    const direct = this.#direct;
    const beyond = Number(accepted - this.#acknowledged);
    const known = direct.epoch !== NO_EPOCH;
    const fits = { // C-3
      0: !known && beyond === 0,
      1: (!known || epoch === direct.epoch) && head >= direct.received,
      2: known && epoch !== direct.epoch,
      3: known && epoch !== direct.epoch && beyond === 0,
    }[resumption];
    const transmitted = this.#outbox.filter(({ sent }) => sent).length;
    if (!fits || beyond < 0 || beyond > transmitted) throw new Fault("WELCOME", 4002);
    this.state = "live";
    this.liveAt = performance.now();
    this.#liveness.begins(this.liveAt, this.helloAt, limits.heartbeat);
    this.seen.roundTrip = Math.round(this.#liveness.roundTrip);
    this.#limits = limits;
    this.seen.live += 1;
    this.#inFlight = beyond; // C-5
    this.#heldAck = resumption === 1n ? { seq: accepted, head } : undefined;
    if (resumption > 1n) this.seen.losses.push(Number(resumption));
    if (resumption === 2n) this.#settle(accepted, direct.received < head && "the answer is lost");
    if (resumption === 3n) for (const each of this.#outbox) each.duplicate ||= each.sent;
    if (resumption !== 1n) Object.assign(direct, { received: 0n, handled: 0n });
    direct.epoch = epoch;
    this.#settleHeld();
  }

  /** Settles every message up to `seq`, the last with `value` or `error` if there is one. */
  #settle(seq, error, value) {
    while (this.#acknowledged < seq) {
      const { resolve, reject } = this.#outbox.shift();
      this.#acknowledged += 1n;
      this.#inFlight -= 1;
      const lost = this.#acknowledged <= this.#doubtfulTo && value === undefined; // C-7
      if (error || lost) reject(new Error(error || "the answer may have been in a gap"));
      else resolve(value);
    }
  }

  #ack(seq) {
    if (seq > this.#acknowledged + BigInt(this.#inFlight)) throw new Fault("ACK", 4002); // C-6
    if (!this.#heldAck) this.#settle(seq);
    else if (seq > this.#heldAck.seq) this.#heldAck.seq = seq;
  }

  #settleHeld() {
    if (!this.#heldAck || this.#direct.received < this.#heldAck.head) return;
    const { seq } = this.#heldAck;
    this.#heldAck = undefined;
    this.#settle(seq);
  }

  /** ENTRY, SUBSCRIBED and GAP: what is of a stream. */
  #read(frame) {
    const stream = this.#streams.get(frame.stream);
    const forbidden = frame.stream === 0n
      && (frame.frame === "SUBSCRIBED" || (frame.frame === "GAP" && frame.epoch !== stream.epoch));
    if (frame.stream >= this.#nextStream || forbidden) throw new Fault(frame.frame, 4002); // C-12
    if (!stream) return;
    if (frame.frame === "ENTRY") this.#entry(stream, frame);
    else if (frame.verdict) {
      this.#streams.delete(frame.stream);
      stream.answers.reject(new Error(frame.code));
    } else this.#move(stream, frame);
    if (stream === this.#direct) this.#settleHeld();
  }

  #entry(stream, { offset, kind, seq, code, payload }) {
    if (!stream.arrives(offset, performance.now())) this.seen.duplicates += 1;
    else if (kind !== "message") {
      const isOpen = seq > this.#acknowledged && seq <= this.#acknowledged + BigInt(this.#inFlight);
      if (!isOpen) return;
      this.#settle(seq - 1n); // C-6
      this.#settle(seq, kind === "refusal" && `${code}: ${payload}`, payload.toString());
    } else if (stream.onEntry) stream.onEntry(payload.toString(), offset);
    else this.seen.direct.push(payload.toString());
  }

  #move(stream, { frame, epoch, offset }) {
    const missing = stream.moves(epoch, offset);
    if (missing) this.seen.gaps.push(missing); // C-11
    if (frame === "SUBSCRIBED") stream.answers.resolve();
    if (stream === this.#direct) this.#doubtfulTo = this.#acknowledged + BigInt(this.#inFlight);
  }

  #watch(now) {
    if (this.notBefore && now >= this.notBefore) return this.#redial(4005, now);
    const verdict = this.#liveness.look(now, this.#flying());
    if (verdict === "probe") this.#ping(now);
    else if (verdict === "dead" && this.notBefore) this.#cut(4000);
    else if (verdict === "dead") this.#redial(4000, now);
  }

  #ping(now) {
    this.seen.probes += 1;
    this.#control.push(this.#liveness.ping(now, this.#flying()));
  }

  /** The sizes of the messages in flight. */
  #flying = () => this.#outbox.slice(0, this.#inFlight).map(sizeOf);

  /** Transmits what is ready: what is not a message first, then packets up to their size. */
  #fill(now) {
    const { window_messages: most, window_bytes: bytes } = this.#limits;
    let flying = this.#flying().reduce((sum, size) => sum + size, 0);
    const hasRoom = (next) => next && this.#inFlight < most
      && (this.#inFlight === 0 || flying + sizeOf(next) <= bytes); // C-5
    const sends = hasRoom(this.#outbox[this.#inFlight]);
    if (sends && this.#liveness.isSilent(now)) this.#ping(now); // C-15
    const packet = this.#control.splice(0);
    for (const stream of this.#streams.values()) packet.push(...stream.reports(now)); // C-13
    for (let size = 0; hasRoom(this.#outbox[this.#inFlight]); size += 300) {
      const message = this.#outbox[this.#inFlight];
      if (size > 0 && size + sizeOf(message) > PACKET_BYTES) {
        this.#transmit(packet.splice(0));
        size = 0;
      }
      this.#inFlight += 1;
      flying += sizeOf(message);
      size += sizeOf(message);
      this.seen.retransmitted += message.sent ? 1 : 0;
      message.sent = true;
      const seq = this.#acknowledged + BigInt(this.#inFlight); // C-4
      packet.push({ ...message, frame: "MESSAGE", seq });
      this.#liveness.waits(now);
    }
    if (packet.length > 0) this.#transmit(packet);
  }
}
