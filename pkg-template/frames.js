// Frames in words, for `debug`: PROTOCOL.md, sections 3 to 5. Credentials show their length alone.

const NAMES =
  "HELLO WELCOME REFUSE ACK RECEIVED SUBSCRIBE SUBSCRIBED UNSUBSCRIBE GAP PING PONG AUTH GOAWAY BYE";
const HEADS = NAMES.split(" ");
const [FRAGMENT, LAST_FRAGMENT] = [0x0f, 0x10];
const KINDS = ["send", "request", "publish"];
const RESUMPTIONS = ["new", "resumed", "lost, accepted known", "lost"];
/** Of a payload, or of an id that is a secret. */
const PREVIEW = { characters: 40, bytes: 12, id: 4 };
/** Of one packet. */
const FRAMES_SHOWN = 6;

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const seconds = (millis) => `${millis / 1000} s`;

/** Reads fields from the front of bytes. */
class Fields {
  constructor(bytes) {
    this.bytes = bytes;
  }

  get isEmpty() {
    return this.bytes.length === 0;
  }

  take(count) {
    if (!(count <= this.bytes.length)) throw new RangeError("the packet ends within a frame");
    const taken = this.bytes.subarray(0, count);
    this.bytes = this.bytes.subarray(count);
    return taken;
  }

  byte() {
    return this.take(1)[0];
  }

  number() {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = this.byte();
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  }

  counted() {
    return this.take(this.number());
  }

  text() {
    return new TextDecoder().decode(this.counted());
  }
}

function preview(format, bytes) {
  const { length } = bytes;
  if (format & 1) {
    const start = hex(bytes.subarray(0, PREVIEW.bytes)).replace(/..(?=.)/g, "$& ");
    return `<${start}${length > PREVIEW.bytes ? " ..." : ""}> ${length} B`;
  }
  // A character may be cut in two at the end; that is past what is shown.
  const text = new TextDecoder().decode(bytes.subarray(0, PREVIEW.characters * 4));
  const start = text.slice(0, PREVIEW.characters);
  const shown = format === 0 ? JSON.stringify(start) : start;
  return `${shown}${text.length > start.length ? "..." : ""} ${length} B`;
}

/** Tells one line's packets; remembers what later frames only hint at. */
export class Teller {
  #topics = new Map([[0, "direct"]]);
  #nextSeq = 1;
  /** The entry before, in the packet being told: a continued one has neither stream nor offset. */
  #entry;

  /** What has come of a packet in fragments, from the server and from here. */
  #halves = [[], []];

  /** The frames of a packet, in words, or what a fragment of one is. PROTOCOL.md F-14. */
  tell(message, isUp) {
    const [head] = message;
    if (head !== FRAGMENT && head !== LAST_FRAGMENT) {
      // HELLO begins a connection; the end of the one before has dropped what it had begun.
      if (isUp && head === 1) this.#halves = [[], []];
      return this.#packet(message, isUp);
    }
    const half = this.#halves[Number(isUp)];
    half.push(message.slice(1));
    const size = `${message.length - 1} B`;
    if (head === FRAGMENT) return `FRAGMENT ${size}`;
    const packet = new Uint8Array(half.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of half.splice(0)) {
      packet.set(part, at);
      at += part.length;
    }
    return `LAST FRAGMENT ${size} | ${this.#packet(packet, isUp)}`;
  }

  #packet(packet, isUp) {
    const fields = new Fields(packet);
    const told = [];
    try {
      while (!fields.isEmpty) told.push(this.#frame(fields, isUp));
    } catch (error) {
      told.push(`not understood (${error.message}): ${preview(1, packet)}`);
    }
    const rest = told.length - FRAMES_SHOWN;
    if (rest > 1) told.splice(FRAMES_SHOWN, rest, `and ${rest} more frames`);
    return told.join(" | ");
  }

  #frame(fields, isUp) {
    const head = fields.byte();
    if (head >= 0x80) return this.#message(head, fields);
    if (head >= 0x40) return this.#tellEntry(head, fields);
    const name = HEADS[head - 1];
    if (name === undefined) throw new RangeError(`there is no frame 0x${hex([head])}`);
    const told = this[name](fields, isUp);
    return told ? `${name} ${told}` : name;
  }

  #topic(stream) {
    return this.#topics.get(stream) ?? `stream ${stream}`;
  }

  #message(head, fields) {
    const kind = KINDS[(head >> 4) & 3];
    const isVolatile = head & 1;
    const seq = isVolatile ? "volatile" : `#${this.#seq(fields.byte())}`;
    const body = new Fields(head & 0x40 ? fields.take(fields.bytes.length) : fields.counted());
    const topic = kind === "publish" ? ` to ${body.text()}` : "";
    const again = head & 2 ? ", possible duplicate" : "";
    return `MESSAGE ${seq} ${kind}${topic} ${preview((head >> 2) & 3, body.bytes)}${again}`;
  }

  /** The number with this low byte that is nearest to the next. PROTOCOL.md F-8. */
  #seq(low) {
    const ahead = ((low - this.#nextSeq) << 24) >> 24;
    const seq = this.#nextSeq + ahead;
    this.#nextSeq = seq + 1;
    return seq;
  }

  #tellEntry(head, fields) {
    const isContinued = head & 0x10;
    const stream = isContinued ? this.#entry.stream : fields.number();
    const offset = isContinued ? this.#entry.offset + 1 : fields.number();
    this.#entry = { stream, offset };
    const body = new Fields(head & 0x20 ? fields.take(fields.bytes.length) : fields.counted());
    const start = `ENTRY ${this.#topic(stream)} @${offset}`;
    const payload = () => preview((head >> 2) & 3, body.bytes);
    switch (head & 3) {
      case 0:
        return `${start} ${payload()}`;
      case 1:
        return `${start} reply to #${body.number()} ${payload()}`;
      default:
        return `${start} refusal of #${body.number()} (${body.text()}): ${preview(0, body.bytes)}`;
    }
  }

  HELLO(fields) {
    const body = new Fields(fields.counted());
    const session = `session ${hex(body.take(16).subarray(0, PREVIEW.id))}...`;
    const isFirst = body.take(8).every((byte) => byte === 0);
    const connection = `connection ${body.number()}`;
    const acknowledged = `acknowledged #${body.number()}`;
    body.number();
    const received = `received direct @${body.number()}`;
    body.number();
    const credentials = `credentials of ${body.counted().length} B`;
    const resuming = isFirst ? [] : [acknowledged, received];
    return [session, connection, ...resuming, credentials].join(", ");
  }

  WELCOME(fields) {
    const body = new Fields(fields.counted());
    const resumption = RESUMPTIONS[body.byte()];
    body.take(8);
    const accepted = body.number();
    this.#nextSeq = accepted + 1;
    const head = `direct stream up to @${body.number()}`;
    const heartbeat = `heartbeat ${seconds(body.number())}`;
    return [resumption, `accepted #${accepted}`, head, heartbeat].join(", ");
  }

  REFUSE(fields) {
    const [code, after] = [fields.number(), fields.number()];
    return `${code}${after ? `, not before ${seconds(after)}` : ""}: ${fields.text()}`;
  }

  ACK(fields) {
    return `#${fields.number()}`;
  }

  RECEIVED(fields) {
    return `${this.#topic(fields.number())} @${fields.number()}`;
  }

  SUBSCRIBE(fields) {
    const [stream, topic] = [fields.number(), fields.text()];
    this.#topics.set(stream, topic);
    if (fields.byte() === 0) return `${topic}, last ${fields.number()}`;
    fields.take(8);
    const received = fields.number();
    fields.number();
    return `${topic}, behind @${received}`;
  }

  SUBSCRIBED(fields) {
    const topic = this.#topic(fields.number());
    if (fields.byte() === 1) return `${topic}, refused (${fields.text()}): ${fields.text()}`;
    fields.take(8);
    return `${topic}, behind @${fields.number()}`;
  }

  UNSUBSCRIBE(fields) {
    return this.#topic(fields.number());
  }

  GAP(fields) {
    const topic = this.#topic(fields.number());
    fields.take(8);
    return `${topic}, up to @${fields.number()}`;
  }

  PING(fields) {
    return `${fields.number()}`;
  }

  PONG(fields) {
    return `${fields.number()}`;
  }

  AUTH(fields, isUp) {
    return isUp ? `credentials of ${fields.counted().length} B` : "fresh credentials, please";
  }

  GOAWAY(fields) {
    const [after, spread] = [fields.number(), fields.number()];
    const when = `not before ${seconds(after)}, spread over ${seconds(spread)}`;
    return `${when}: ${fields.text()}`;
  }

  BYE() {
    return "";
  }
}
