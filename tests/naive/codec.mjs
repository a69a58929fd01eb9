// Frames and bytes, as a client needs them: sections 3 to 6 and 13 of PROTOCOL.md, read literally.
// Numbers are BigInts, epochs and ids hex, payloads buffers.

const FORMATS = ["text", "binary", "encoded text", "encoded binary"];
const MESSAGES = ["send", "request", "publish"];
const ENTRIES = ["message", "reply", "refusal"];
/** Fields in their order, with the type if it is not a number. */
const HELLO = "session:raw epoch:raw connection acknowledged restart received handled "
  + "credentials:sized more:raw";
const UPLINK = {
  RECEIVED: [5, "stream offset"], UNSUBSCRIBE: [8, "stream"], PING: [10, "nonce"],
  PONG: [11, "nonce"], AUTH: [12, "credentials:sized"], BYE: [14, ""],
};
/** Fields with the type if it is not a number, and its limit: in bits, bytes or as a value. */
const WELCOME = "resumption:byte:3 epoch:epoch accepted head heartbeat message_bytes "
  + "window_messages window_bytes";
const DOWNLINK = {
  3: ["REFUSE", "code:number:16 after reason:text:1024"], 4: ["ACK", "seq"],
  9: ["GAP", "stream:number:32 epoch:epoch offset"], 10: ["PING", "nonce"], 11: ["PONG", "nonce"],
  12: ["AUTH", ""], 13: ["GOAWAY", "after spread reason:text:1024"],
};
const VERDICTS = ["epoch:epoch offset", "code:text:64 reason:text:1024"];

/** What is wrong with what came: for bytes the name of section 13, else what broke the rules. */
export class Fault extends Error {
  constructor(what, code = what === "TooLong" ? 4304 : 4001) {
    super(what);
    this.code = code;
  }
}

function number(value) {
  const bytes = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}
const raw = (value = "") => (Buffer.isBuffer(value) ? value : Buffer.from(value, "hex"));
const sized = (value) => Buffer.concat([number(raw(value).length), raw(value)]);
const text = (value) => sized(Buffer.from(value));
const WRITE = { number, raw, sized, text };
const write = (head, layout, frame) => Buffer.concat([Buffer.from([head]),
  ...(layout.match(/\S+/g) ?? []).map((field) => {
    const [name, type = "number"] = field.split(":");
    return WRITE[type](frame[name]);
  })]);

/** The bytes of one frame from the client. */
export function encode(frame) {
  if (frame.frame === "HELLO") {
    return write(1, "fields:sized", { fields: write(0, HELLO, frame).subarray(1) });
  }
  if (frame.frame === "SUBSCRIBE") {
    const [start, rest] = frame.start === "last"
      ? ["00", "count"] : ["01", "epoch:raw received handled"];
    return write(6, `stream topic:text start:raw ${rest}`, { ...frame, start });
  }
  if (frame.frame !== "MESSAGE") return write(...UPLINK[frame.frame], frame);
  const head = 128 | (frame.last && 64) | (MESSAGES.indexOf(frame.kind) << 4)
    | (FORMATS.indexOf(frame.format) << 2) | (frame.duplicate && 2) | (frame.volatile && 1);
  const seq = Buffer.from(frame.volatile ? [] : [Number(BigInt.asUintN(8, BigInt(frame.seq)))]);
  const topic = frame.kind === "publish" ? text(frame.topic) : raw();
  const body = Buffer.concat([topic, raw(frame.payload)]);
  return write(head, frame.last ? "seq:raw body:raw" : "seq:raw body:sized", { seq, body });
}

class Reader {
  constructor(bytes) {
    this.left = bytes;
  }
  take(length) {
    if (length > this.left.length) throw new Fault("Truncated");
    const taken = this.left.subarray(0, Number(length));
    this.left = this.left.subarray(Number(length));
    return taken;
  }
  byte(most) {
    const [byte] = this.take(1);
    if (byte > most) throw new Fault("BadField");
    return BigInt(byte);
  }
  number(bits = 64) {
    let value = 0n;
    for (let shift = 0n, byte = 128n; byte > 127n; shift += 7n) {
      byte = this.byte(255);
      value |= (byte & 127n) << shift;
      if (value >> 64n || shift > 63n || (shift && !byte)) throw new Fault("Number");
    }
    if (value >> BigInt(bits)) throw new Fault("BadField");
    return value;
  }
  sized(most) {
    const length = this.number();
    if (length > BigInt(most)) throw new Fault("TooLong");
    return this.take(length);
  }
  text = (most) => this.sized(most).toString();
  epoch = () => this.take(8).toString("hex");
  fields(frame, layout) {
    for (const field of layout.match(/\S+/g) ?? []) {
      const [name, type = "number", limit] = field.split(":");
      frame[name] = this[type](limit);
    }
    return frame;
  }
}

function entry(reader, head, previous) {
  const frame = {
    frame: "ENTRY", kind: ENTRIES[head & 3], format: FORMATS[(head >> 2) & 3],
    continued: (head & 16) > 0, last: (head & 32) > 0,
  };
  if (frame.continued && !previous) throw new Fault("NoPrecedingEntry");
  if (!frame.continued) reader.fields(frame, "stream:number:32 offset");
  else Object.assign(frame, { stream: previous.stream, offset: previous.offset + 1n });
  const answers = frame.kind !== "message";
  if (!frame.kind || frame.offset >> 64n || (answers && frame.stream)) throw new Fault("BadField");
  const body = new Reader(frame.last ? reader.take(reader.left.length) : reader.sized(16_778_320));
  if (answers) body.fields(frame, frame.kind === "reply" ? "seq" : "seq code:text:64");
  if (frame.kind === "refusal" && body.left.length > 1024) throw new Fault("TooLong");
  return { ...frame, payload: body.left };
}

function welcome(reader) {
  const frame = new Reader(reader.sized(1024)).fields({ frame: "WELCOME" }, WELCOME);
  if (!BigInt(`0x${frame.epoch}`) || !frame.window_messages) throw new Fault("BadField");
  return frame;
}

/** The frames of a packet from the server, one by one; throws a Fault where it cannot be read. */
export function* decode(packet) {
  if (packet.length === 0) throw new Fault("Empty");
  const reader = new Reader(packet);
  for (let previous; reader.left.length > 0;) {
    const head = Number(reader.byte(255));
    if (head >> 6 === 1) yield (previous = entry(reader, head, previous));
    else if (head === 2) yield welcome(reader);
    else if (head === 7) {
      const frame = reader.fields({ frame: "SUBSCRIBED" }, "stream:number:32 verdict:byte:1");
      yield reader.fields(frame, VERDICTS[frame.verdict]);
    } else if (!DOWNLINK[head]) throw new Fault("UnknownFrame");
    else yield reader.fields({ frame: DOWNLINK[head][0] }, DOWNLINK[head][1]);
  }
}
