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

/** What it answers to SEND and the like, below 0, that means more to the line than an error. */
export const OUTBOX_FULL = -2;
export const CLOSED = -4;
export const NOT_LIVE = -5;
