// Both doors of the wasm, by number, as in src/exports.rs.

/** What `command` is asked to do. */
export const SEND = 0;
export const REQUEST = 1;
export const PUBLISH = 2;
export const VOLATILE = 3;
export const CANCEL = 4;
export const LAST = 5;
export const AFTER = 6;
export const UNSUBSCRIBE = 7;
export const HANDLED = 8;
export const CREDENTIALS = 9;
export const NO_CREDENTIALS = 10;
export const CLOSE = 11;
export const STAT = 12;
export const FREE = 13;

/** What happens to a line, as another kind of command. */
export const OPENED = 14;
export const PACKET = 15;
export const TEXT = 16;
export const CLOSED = 17;
export const HINT = 18;
export const WOKE = 19;
/** Only what time it is, and what the socket holds. */
export const NOW = 20;

/** What it answers to SEND and the like, below 0, that means more to the line than an error. */
export const OUTBOX_FULL = -2;
export const LINE_CLOSED = -4;
export const NOT_LIVE = -5;

/** Why a message failed: the line has ended before it was transmitted, or its time has. */
export const UNSENT = 2;
export const EXPIRED = 4;

/**
 * Makes an instance of the wasm, from its bytes or a compiled module. Returns its exports and `lines`:
 * what each of its lines does with its notes, by the line's number and their kind. What that throws goes
 * to the line's `caught`: the wasm is in the middle of something.
 */
export async function instantiate(wasm) {
  const lines = [];
  let exports;
  const none = new Uint8Array();
  const bytes = (at, length) =>
    length > 0 ? new Uint8Array(exports.memory.buffer, at, length) : none;
  const note = (line, kind, a, at, length, reasonAt, reasonLength, b, c, d) => {
    const notes = lines[line];
    try {
      return notes[kind](a, bytes(at, length), bytes(reasonAt, reasonLength), b, c, d);
    } catch (error) {
      notes.caught(error);
    }
  };
  const made = await WebAssembly.instantiate(wasm, { border: { note } });
  exports = (made.instance ?? made).exports;
  return { ...exports, lines, module: made.module ?? wasm };
}
