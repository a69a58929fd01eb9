// The chat room: what this tab says, what the topic holds, and how the two become one list.

import { randomId } from "./identity.js";

const TOPIC = "room:lobby";
const HISTORY = 50;
const QUIET_AFTER_JOINING_MS = 1000;
const LONGEST_NAME = 24;

/**
 * Own messages show at once, behind everything the topic holds. When one arrives from the topic it
 * takes its place there, so that the order every tab ends with is the topic's.
 */
export class Room {
  #line;
  #transcript;
  #log;
  #rope;
  /** Own messages that are not both confirmed and seen in the topic, by id. */
  #own = new Map();

  constructor(line, transcript, log, rope) {
    this.#line = line;
    this.#transcript = transcript;
    this.#log = log;
    this.#rope = rope;
    line.addEventListener("state", ({ state }) => state === "open" && this.#release());
    line.addEventListener("lost", (lost) => transcript.note(describeLoss(lost)));
    this.#read();
  }

  /** Publishes a message and shows it at once. */
  say(name, text) {
    const message = { id: randomId(), name: name.slice(0, LONGEST_NAME), text, at: Date.now() };
    const own = { message, state: "queued", landed: false };
    this.#own.set(message.id, own);
    this.#transcript.addOwn(message);
    this.#deliver(own);
  }

  async #deliver(own) {
    const open = this.#line.state === "open";
    this.#mark(own, open ? "sent" : "queued");
    if (open) {
      this.#rope.carry("up");
    }
    try {
      await this.#line.publish(TOPIC, own.message);
      this.#mark(own, "confirmed");
    } catch (error) {
      if (own.landed) {
        // It stands in the topic, so whatever the error is in doubt about is settled.
        this.#mark(own, "confirmed");
      } else {
        this.#fail(own, error);
      }
    }
  }

  #mark(own, state) {
    own.state = state;
    this.#transcript.mark(own.message.id, state);
    if (state === "confirmed" && own.landed) {
      this.#own.delete(own.message.id);
    }
  }

  #fail(own, error) {
    own.state = "failed";
    const { id } = own.message;
    this.#transcript.fail(id, error.message, {
      retry: () => {
        this.#transcript.addOwn(own.message);
        this.#deliver(own);
      },
      discard: () => {
        this.#own.delete(id);
        this.#transcript.remove(id);
      },
    });
  }

  /** The line is open: what was queued is on its way. */
  #release() {
    for (const own of this.#own.values()) {
      if (own.state === "queued") {
        this.#mark(own, "sent");
      }
    }
  }

  async #read() {
    const entries = this.#line.subscribe(TOPIC, { last: HISTORY });
    entries.ready.then(
      // History is not news: it is not read out.
      () => setTimeout(() => this.#transcript.announce(), QUIET_AFTER_JOINING_MS),
      () => {}, // The loop below meets the same error.
    );
    try {
      for await (const entry of entries) {
        this.#arrive(entry);
      }
      this.#transcript.note("The room has ended: nothing more will arrive.");
    } catch (error) {
      this.#transcript.note(`The room can no longer be read. ${error.message}`);
    }
  }

  #arrive({ data, offset, gap }) {
    if (gap) {
      this.#transcript.note(describeGap(gap));
    }
    if (!isMessage(data)) {
      this.#transcript.note(`Entry ${offset} is not a chat message and is not shown.`);
      return;
    }
    const own = this.#own.get(data.id);
    if (own?.landed || (!own && this.#transcript.shows(data.id))) {
      // Only after a lost session, when a message had to be sent again. The id tells.
      this.#log.add("repeat", `Entry ${offset} repeats a message and is not shown twice.`);
      return;
    }
    this.#rope.carry("down");
    this.#transcript.land(data);
    if (own) {
      own.landed = true;
      const settled = own.state === "confirmed" || own.state === "failed";
      this.#mark(own, settled ? "confirmed" : own.state);
    }
  }
}

function isMessage(data) {
  return (
    typeof data === "object" &&
    data !== null &&
    typeof data.id === "string" &&
    typeof data.name === "string" &&
    typeof data.text === "string" &&
    Number.isFinite(data.at)
  );
}

function describeGap({ from, to, reset }) {
  const missing = to - from + 1;
  if (reset) {
    return missing > 0
      ? `The room began anew, and its first ${count(missing)} no longer kept.`
      : "The room began anew: what followed the last message above is not known.";
  }
  return `${count(missing)} no longer kept.`;
}

function count(messages) {
  return messages === 1 ? "1 message is" : `${messages.toLocaleString("en")} messages are`;
}

function describeLoss({ outcomeKnown }) {
  return outcomeKnown
    ? "The server lost this session, but knew which messages it had accepted."
    : "The server lost this session. What it had not confirmed is sent again.";
}
