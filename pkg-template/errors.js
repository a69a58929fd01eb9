// Every error says what went wrong, with which value, and what to do; `code` is for programs.

export class TautlineError extends Error {
  constructor(code, message, { retryable = false, ...rest } = {}) {
    const { cause, ...fields } = rest;
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = retryable;
    Object.assign(this, fields);
  }
}

// `name` is given as text: bundlers rename classes.
const define = (name, code, retryable = false) =>
  class extends TautlineError {
    constructor(message, fields) {
      super(code, message, { retryable, ...fields });
      this.name = name;
    }
  };

export const InvalidArgumentError = define("InvalidArgumentError", "invalid-argument");
export const UnserializableError = define("UnserializableError", "unserializable");
export const TooLargeError = define("TooLargeError", "too-large");
export const OutboxFullError = define("OutboxFullError", "outbox-full", true);
export const ClosedError = define("ClosedError", "closed");
export const NotLiveError = define("NotLiveError", "not-live", true);
export const RefusedError = define("RefusedError", "refused");
export const OutcomeUnknownError = define("OutcomeUnknownError", "outcome-unknown");
export const TimeoutError = define("TimeoutError", "timeout");
export const UnauthorizedError = define("UnauthorizedError", "unauthorized");
export const StoppedError = define("StoppedError", "stopped");
export const LoadError = define("LoadError", "load-failed", true);

const closed = () =>
  new ClosedError("The line is closed, and this message was not transmitted; connect again.");

/** The error for a negative code of the wasm, about a payload of `size` bytes. */
export function commandError(code, size) {
  switch (code) {
    case -2:
      return new OutboxFullError("The outbox is full: wait for earlier messages to be confirmed.");
    case -3:
      return new InvalidArgumentError("Expected a topic of 1 to 255 bytes.");
    case -4:
      return closed();
    case -5:
      return new NotLiveError("The line is not open, and a volatile message is never queued.");
    default:
      return new TooLargeError(
        `The message has ${size} bytes, but at most ${-16 - code} are allowed.`,
      );
  }
}

/** The error for a message that will not be confirmed. */
export function failure(kind) {
  switch (kind) {
    case 0:
      return new OutcomeUnknownError(
        "The message was transmitted, but whether it was processed cannot be known.",
      );
    case 1:
      return new OutcomeUnknownError("The message was processed, but the server's answer is lost.");
    case 2:
      return closed();
    default:
      return new TooLargeError("The message is over the limit that the server has stated since.");
  }
}

/** The error that ended a line; undefined if it was closed on request. */
export function endError(end, closeCode, reason) {
  const words = reason || "no reason given";
  if (end === 1) {
    return new UnauthorizedError(`The server does not accept the credentials: ${words}.`);
  }
  if (end === 2) {
    const message = `The server has ended the line with code ${closeCode}: ${words}.`;
    return new StoppedError(message, { closeCode });
  }
  return undefined;
}
