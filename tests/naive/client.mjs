// A naive client of the wire `tautline.1`, written from PROTOCOL.md alone: simple before fast.
// Credentials never change, entries are handled as they come, what is uncertain is sent again.
import { randomBytes } from "node:crypto";
import WebSocket from "ws";
const NAMES = ("HELLO WELCOME REFUSE ACK RECEIVED SUBSCRIBE SUBSCRIBED UNSUBSCRIBE GAP PING PONG "
  + "AUTH GOAWAY BYE").split(" "); // by their heads, from 0x01
const [KINDS, ENTRIES] = [["send", "request", "publish"], ["message", "reply", "refusal"]];
const FORMATS = ["text", "binary", "encoded text", "encoded binary"];
const [NO_EPOCH, TICK_MS] = ["0000000000000000", 20];
const LOST = { code: "lost", payload: "the answer" }; // C-7, R-12
const now = () => performance.now();
const cut = (ms, least = 0) => Math.min(Math.max(Number(ms), least), 600_000); // C-14, C-23
const check = (holds, fault, code = 4001) => { // section 13
  if (!holds) throw Object.assign(new Error(fault), { code });
};
// Fields are numbers, BigInts, but for those in WRITE or READ; `code:close` is read as a `close`.
const UP = { RECEIVED: "stream offset", SUBSCRIBE: "stream topic start", UNSUBSCRIBE: "stream",
  HELLO: "session epoch connection acknowledged restart received handled credentials more",
  PING: "nonce", PONG: "nonce", AUTH: "credentials", BYE: "", last: "count",
  after: "epoch received handled", send: "payload", request: "payload", publish: "topic payload" };
const DOWN = { REFUSE: "code:close after reason", ACK: "seq", SUBSCRIBED: "stream verdict",
  WELCOME: "resumption epoch accepted head heartbeat message_bytes window_messages window_bytes",
  GAP: "stream epoch offset", PING: "nonce", PONG: "nonce", AUTH: "", GOAWAY: "after spread reason",
  message: "payload", reply: "seq payload", refusal: "seq code payload" };
const raw = (value = "") => (Buffer.isBuffer(value) ? value : Buffer.from(value, "hex"));
const join = (head, ...bytes) => Buffer.concat([Buffer.from(head), ...bytes]);
const counted = (bytes) => join(number(bytes.length), bytes);
const number = (value, left = BigInt(value)) => (left < 128n ? Buffer.from([Number(left)])
  : join([Number(left & 127n) | 128], number(left >> 7n)));
const WRITE = { session: raw, epoch: raw, payload: raw, more: raw,
  start: (start) => Buffer.from([start === "after" ? 1 : 0]),
  credentials: (value) => counted(raw(value)), topic: (value) => counted(Buffer.from(value)) };
export function encode(frame) { // section 4
  const { frame: name, kind, format, last, duplicate, volatile, seq, start } = frame;
  const fields = `${UP[kind ?? name]} ${UP[start] ?? ""}`.match(/\w+/g) ?? [];
  const body = join([], ...fields.map((field) => (WRITE[field] ?? number)(frame[field])));
  const sized = name === "HELLO" || (kind && !last) ? counted(body) : body;
  if (!kind) return join([NAMES.indexOf(name) + 1], sized);
  const head = 0x80 | (last && 0x40) | KINDS.indexOf(kind) << 4 | FORMATS.indexOf(format) << 2
    | (duplicate && 2) | (volatile && 1);
  return join(volatile ? [head] : [head, Number(BigInt(seq) & 0xffn)], sized);
}
function bytesOf(from, count = from.bytes.length, { bytes } = from) {
  check(count <= bytes.length, "Truncated");
  from.bytes = bytes.subarray(Number(count));
  return bytes.subarray(0, Number(count));
}
function numberOf(from, bits = 64n, shift = 0n) { // F-3
  const byte = BigInt(bytesOf(from, 1)[0]);
  check((byte > 0n || shift === 0n) && (byte < 2n || shift < 63n), "Number");
  const value = byte < 128n ? byte : (byte & 127n) + (numberOf(from, 64n, shift + 7n) << 7n);
  check(value >> bits === 0n, "BadField");
  return value;
}
function countedOf(from, most, length = numberOf(from)) { // F-4: its limit before what is there
  check(length <= most, "TooLong", 4304);
  return bytesOf(from, length);
}
const READ = { stream: (from) => numberOf(from, 32n), close: (from) => numberOf(from, 16n),
  resumption: (from) => numberOf(from, 2n), verdict: (from) => numberOf(from, 1n),
  payload: (from) => bytesOf(from), epoch: (from, epoch = bytesOf(from, 8).toString("hex")) =>
    check(epoch !== NO_EPOCH, "BadField") ?? epoch,
  code: (from) => String(countedOf(from, 64)), reason: (from) => String(countedOf(from, 1024)) };
function fieldsOf(from, found, layout) {
  const types = [...layout.matchAll(/(\w+):?(\w+)?/g)];
  types.forEach(([, name, type = name]) => { found[name] = (READ[type] ?? numberOf)(from); });
  return found;
}
export function* decode(packet) { // section 5
  check(packet.length > 0, "Empty");
  for (let from = { bytes: packet }, entry; from.bytes.length > 0;) { // `entry` for F-9
    const [head] = bytesOf(from, 1);
    yield head >> 6 === 1 ? entry = entryOf(from, head, entry) : otherOf(from, NAMES[head - 1]);
  }
}
function otherOf(from, frame) {
  check(frame in DOWN, "UnknownFrame");
  const body = frame === "WELCOME" ? { bytes: countedOf(from, 1024) } : from; // the rest: F-7
  const found = fieldsOf(body, { frame }, DOWN[frame]);
  check(body === from || found.window_messages > 0n, "BadField");
  return fieldsOf(from, found, { 0: "epoch offset", 1: "code reason" }[found.verdict] ?? "");
}
function entryOf(from, head, before) {
  const [last, continued, kind] = [(head & 0x20) > 0, (head & 0x10) > 0, ENTRIES[head & 3]];
  check(!continued || before, "NoPrecedingEntry");
  const stream = continued ? before.stream : numberOf(from, 32n);
  const offset = continued ? before.offset + 1n : numberOf(from);
  check(offset >> 64n === 0n && kind && (kind === "message" || stream === 0n), "BadField");
  const found = { frame: "ENTRY", kind, format: FORMATS[head >> 2 & 3], continued, last, stream };
  const body = { bytes: last ? bytesOf(from) : countedOf(from, 16_778_320) };
  fieldsOf(body, Object.assign(found, { offset }), DOWN[kind]);
  check(found.payload.length <= (kind === "refusal" ? 1024 : 16_777_216), "TooLong", 4304);
  return found;
}
const fail = ({ reject }, error, unknown) => reject(Object.assign(new Error(error), { unknown }));
const subscription = ({ topic, epoch, received }, stream) => ({ frame: "SUBSCRIBE", stream, topic,
  start: epoch ? "after" : "last", epoch, received, handled: received, count: 0 });

export class NaiveClient {
  state = "waiting"; // then dialing, joining, live, waiting again; closed
  seen = { live: 0, retransmitted: 0, duplicates: 0, probes: 0, losses: [], gaps: [], direct: [] };
  flying = []; // the messages in flight, C-5
  outbox = []; // those that are not
  direct = { received: 0n, onEntry: (payload) => this.seen.direct.push(payload) };
  streams = [this.direct]; // by id, and none is used again, C-12; the first `asked` are asked for
  acknowledged = 0n; // every message up to this seq is settled
  accepted = 0n; // up to this seq they settle once the direct stream is received up to `head`, R-5
  last = 0n; // the last seq in flight
  constructor(url, credentials = "") {
    Object.assign(this, { url, credentials: Buffer.from(credentials), session: randomBytes(16),
      connection: 0, nonce: 0n, failures: 0, level: 0, notBefore: 0, dialAt: 0, tickedAt: now(),
      probe: {} });
    this.ticking = setInterval(() => this.tick(), TICK_MS);
    queueMicrotask(() => this.tick());
  }
  post(kind, text, name, topic = kind === "publish" ? name : undefined) {
    const [payload, size] = [Buffer.from(text), Buffer.byteLength(text + (topic ?? ""))];
    return this.queue(this.outbox, { kind, topic, format: "text", payload, size });
  }
  subscribe(topic, onEntry) { return this.queue(this.streams, { topic, onEntry }); }
  queue(list, item) {
    return new Promise((resolve, reject) => {
      check(this.state !== "closed", this.ending);
      check(item.topic !== "" && Buffer.byteLength(item.topic ?? "") < 256, "bad topic"); // F-3
      list.push({ ...item, resolve, reject });
      this.transmit();
    });
  }
  close(code = 1000) { // C-26, C-27
    if (this.state === "live" && code === 1000) this.send({ frame: "BYE" });
    clearInterval(this.ticking);
    this.leave(1000);
    Object.assign(this, { state: "closed", dialAt: Infinity, ending: `ended with ${code}` });
    [...this.flying, ...this.outbox, ...this.streams.slice(1)]
      .forEach((each) => fail(each, this.ending, each.transmitted));
  }
  dial() { // F-1, F-11
    const ws = new WebSocket(this.url, "tautline.1", { maxPayload: 0, closeTimeout: 1000 });
    Object.assign(this, { ws, state: "dialing", startedAt: now(), goAt: Infinity, half: [] });
    ws.on("open", () => ws === this.ws && this.join()); // C-17
    ws.on("message", (packet, binary) => ws === this.ws && this.packet(ws, packet, binary));
    ws.on("close", (code) => ws === this.ws && this.react(code));
    ws.on("error", () => {}); // "close" follows
  }
  join() { // C-1, C-2, R-12
    const { session, acknowledged, credentials, streams, direct: { epoch, received } } = this;
    const asked = Math.min(streams.length, 50); // so many fit, whatever they are
    Object.assign(this, { state: "joining", probe: { at: now() }, asked });
    this.send({ frame: "HELLO", session, epoch: epoch ?? NO_EPOCH, connection: ++this.connection,
      acknowledged, restart: acknowledged + 1n, received, handled: received, credentials },
    ...streams.slice(0, asked).map(subscription).filter((_, id) => id > 0 && !streams[id].ended));
  }
  send(...frames) { // F-14
    const [packet, { ws }] = [Buffer.concat(frames.map(encode)), this];
    this.sentAt = now();
    if (packet.length <= 16_384) return ws?.send(packet);
    for (let from = 0; from < packet.length; from += 16_384) {
      ws?.send(join([from + 16_384 < packet.length ? 15 : 16], packet.subarray(from, from + 16_384)));
    }
  }
  leave(code) { // C-17, C-23
    const { ws, state, failures, liveAt } = this;
    if (state === "live") this.failures = Math.min(failures, now() - liveAt < 5000 ? 1 : 0); // C-19
    Object.assign(this, { ws: undefined, state: "waiting", dialAt: this.notBefore });
    ws?.close(code);
  }
  retry(code, later = false) { // C-19, C-20
    this.leave(code);
    const most = this.failures === 0 ? 100 : Math.min(500 * 2 ** (this.failures - 1), 10_000);
    const wait = later ? 5000 + Math.random() * 5000 : Math.random() * most;
    this.dialAt = Math.max(now() + wait, this.notBefore);
    this.failures += 1;
  }
  react(code) { // C-30, to a code of the server's; fresh credentials there are none, C-22
    if (code >= 4200 && code < 4400) this.close(code);
    else this.retry(1000, code === 1013 || (code >= 4100 && code < 4200));
  }
  packet(ws, packet, binary) {
    this.heardAt = now();
    try {
      check(binary, "Text"); // F-2
      const part = this.state === "live" && (packet[0] === 15 || packet[0] === 16); // F-15
      const large = this.state === "live" && packet.length >= 1024;
      if (large && now() - this.sentAt >= 1000) this.sign();
      if (part) this.half.push(packet.subarray(1));
      if (part && packet[0] === 15) return;
      for (const frame of decode(part ? join([], ...this.half.splice(0)) : packet)) {
        const [name, stream, own] = [frame.frame, this.streams[frame.stream], !("stream" in frame)];
        const first = this.state === "joining" && name !== "REFUSE";
        check(first === (name === "WELCOME"), "State", 4002); // S-2
        check(own || stream || frame.verdict, "Stream", 4002); // C-12
        if (own || (stream && !stream.ended)) this[name](frame, stream);
        if (ws !== this.ws) return; // C-17, C-28
      }
    } catch (fault) {
      if (typeof fault.code !== "number") throw fault;
      this.seen.fault = fault.message;
      this.retry(fault.code); // F-12
    }
  }
  WELCOME({ resumption, epoch, accepted, head, ...limits }) {
    const { acknowledged, direct: { epoch: known, received } } = this;
    const [resumed, lost] = [resumption === 1n, resumption > 1n];
    check(accepted >= acknowledged && accepted <= this.last && (!resumed || head >= received)
      && (lost ? known && known !== epoch : !known || (resumed && known === epoch))
      && (resumption % 3n > 0n || accepted === acknowledged), "Welcome", 4002); // C-3
    const outbox = [...this.flying, ...this.outbox];
    if (lost) this.seen.losses.push(Number(resumption));
    for (const message of outbox.filter(({ transmitted }) => transmitted)) {
      if (resumption === 2n && received < head) message.answer = LOST;
      message.duplicate ||= resumption === 3n;
    }
    this.flying = outbox.splice(0, Number(accepted - acknowledged));
    Object.assign(this.direct, { epoch, received: resumed ? received : 0n, reading: this.ws });
    Object.assign(this, { state: "live", liveAt: now(), checkAt: now() + 5000, limits, accepted,
      last: accepted, head: resumed ? head : 0n, outbox });
    this.seen.live += 1;
    this.sample();
    this.settle();
  }
  later(after, spread = 0, wait = cut(after) + cut(spread) * Math.random()) { // C-23
    return this.notBefore = Math.max(this.notBefore, now() + wait);
  }
  GOAWAY({ after, spread }) { this.goAt = this.later(after, spread); } // C-24
  REFUSE({ code, after }) { this.react(Number(code), this.later(after)); } // C-28
  AUTH() { this.send({ frame: "AUTH", credentials: this.credentials }); } // S-16
  PING({ nonce }) { this.send({ frame: "PONG", nonce }); }
  sign() { this.send({ frame: "PONG", nonce: 0n }); }
  PONG({ nonce }) {
    if (nonce !== this.probe.nonce) return;
    if (now() - this.probe.at <= 1500) this.level = 0; // C-35
    this.checkAt = now() + 5000;
    this.sample();
  }
  ACK({ seq }) { // C-6
    check(seq <= this.last, "Ack", 4002);
    if (seq > this.accepted) this.accepted = seq;
    this.settle();
  }
  settle(upTo = this.direct.received >= this.head ? this.accepted : 0n) { // R-5, C-6
    while (this.flying[0]?.seq <= upTo) {
      const message = this.flying.shift();
      this.acknowledged = message.seq;
      const { code, payload } = message.answer ?? (message.kind === "request" ? LOST : {});
      if (code !== undefined) fail(message, `${code}: ${payload}`);
      else message.resolve(payload && String(payload));
    }
    this.transmit();
  }
  ENTRY({ kind, stream: id, offset, seq, code, payload }, stream) {
    check(stream.reading === this.ws && offset <= stream.received + 1n, "Hole", 4002); // S-10, C-10
    if (offset <= stream.received) return this.seen.duplicates += 1;
    stream.received = offset;
    const asked = this.flying.find((message) => message.seq === seq); // C-6
    if (kind === "message") stream.onEntry(String(payload));
    if (asked) this.settle(Object.assign(asked, { answer: { code, payload } }).seq);
    this.settle();
    this.send({ frame: "RECEIVED", stream: id, offset }); // C-13, without delay
  }
  SUBSCRIBED({ verdict, code, reason, ...place }, stream) {
    check(stream !== this.direct && stream.reading !== this.ws, "Subscribed", 4002); // C-12
    Object.assign(stream, { ended: verdict === 1n, reading: this.ws });
    if (stream.ended) return fail(stream, `${code}: ${reason}`);
    stream.resolve();
    this.GAP(place, stream);
  }
  GAP({ epoch, offset }, stream) { // C-11
    const { topic, epoch: known = epoch, received = offset } = stream; // without a cursor: as told
    const [anew, reading] = [known !== epoch || offset < received, stream.reading === this.ws];
    check(reading && !(anew && stream === this.direct), "Cursor", 4002); // S-11
    Object.assign(stream, { epoch, received: offset });
    if (!anew && offset === received) return;
    this.seen.gaps.push({ topic, anew, upTo: Number(offset) });
    if (stream === this.direct) this.flying.forEach((each) => { each.answer = LOST; }); // C-7
    this.settle();
  }
  transmit() {
    if (this.state !== "live") return;
    const { streams, limits: { message_bytes, window_messages, window_bytes } } = this;
    const most = Math.min(Number(message_bytes), 16_777_216); // C-45
    while (this.asked < streams.length) this.send(subscription(streams[this.asked], this.asked++));
    while (this.outbox.length > 0) { // C-4
      const { size, payload, transmitted, duplicate } = this.outbox[0];
      const full = this.bytes() + size > window_bytes || this.flying.length >= window_messages;
      if (full && this.flying.length > 0) return; // C-5
      const message = this.outbox.shift(); // C-8, R-8
      if (payload.length > most) { fail(message, "too large", duplicate); continue; }
      if (now() - this.heardAt > 5000 && this.probe.at < this.heardAt) this.ping(); // C-15
      this.seen.retransmitted += transmitted ? 1 : 0;
      const seq = this.last += 1n; // the same again, unless R-8 has made room
      Object.assign(message, { seq, leftAt: now(), transmitted: true, answer: undefined });
      this.flying.push(message);
      this.send({ frame: "MESSAGE", ...message });
    }
  }
  bytes() { return this.flying.reduce((sum, { size }) => sum + size, 0); }
  ping() {
    this.probe = { nonce: this.nonce += 1n, at: now() };
    this.seen.probes += 1;
    this.send({ frame: "PING", nonce: this.nonce });
  }
  sample(ms = now() - this.probe.at) { // section 10
    this.seen.roundTrip = (this.seen.roundTrip ?? ms) * 7 / 8 + ms / 8;
    this.probe.nonce = undefined;
  }
  patience(least, unseen = this.half.length > 0 ? 16_384 : this.bytes()) {
    return Math.max(4 * this.seen.roundTrip, least) + Math.min(unseen, 16_384) / 8;
  }
  doubt() { this.level = Math.min(this.level + 1, 7); } // C-35
  tick() {
    const [late, time] = [now() - this.tickedAt > TICK_MS + 1000, this.tickedAt = now()];
    const [live, { heardAt, probe: { at }, flying: [first] }] = [this.state === "live", this];
    const [asked, raised] = [live && at > heardAt, this.level > 0 && this.probe.nonce === undefined];
    const dead = asked && time - at > this.patience(1500) * 2 ** this.level; // C-16
    const joins = this.state === "joining";
    const timeout = 10_000 * (joins ? 2 ** Math.min(this.level, 2) : 1);
    if (!live && this.ws && time - this.startedAt > timeout) { // C-18
      if (joins) this.doubt();
      this.retry(4000);
    } else if (live && time >= this.goAt) this.leave(4005); // C-24
    else if (dead && late) this.ping();
    else if (dead) { this.doubt(); this.leave(4000); }
    else if (asked && time - this.sentAt >= cut(this.limits.heartbeat, 1000)) this.sign(); // C-35
    else if (live && at <= heardAt && (time - heardAt >= cut(this.limits.heartbeat, 1000) // C-14
      || time - Math.max(first?.leftAt ?? Infinity, heardAt) > this.patience(2000)
      || (raised && time >= this.checkAt))) this.ping(); // C-35
    if (!this.ws && time >= this.dialAt) this.dial();
  }
}
