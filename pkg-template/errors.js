// Every error says what went wrong, with which value, and what to do; `code` is for programs.

export class TautlineError extends Error {
  constructor(message, fields) {
    super(message);
    Object.assign(this, fields);
  }
}

// `name` is given as text: bundlers rename classes.
const define = (name, code, retryable = false) =>
  class extends TautlineError {
    name = name;
    code = code;
    retryable = retryable;
  };

export const InvalidArgumentError = define("InvalidArgumentError", "invalid-argument");
export const UnserializableError = define("UnserializableError", "unserializable");
export const TooLargeError = define("TooLargeError", "too-large");
export const OutboxFullError = define("OutboxFullError", "outbox-full", true);
export const ExpiredError = define("ExpiredError", "expired");
export const SupersededError = define("SupersededError", "superseded");
export const ClosedError = define("ClosedError", "closed");
export const NotLiveError = define("NotLiveError", "not-live", true);
export const RefusedError = define("RefusedError", "refused");
export const OutcomeUnknownError = define("OutcomeUnknownError", "outcome-unknown");
export const TimeoutError = define("TimeoutError", "timeout");
export const UnauthorizedError = define("UnauthorizedError", "unauthorized");
export const StoppedError = define("StoppedError", "stopped");
export const InternalError = define("InternalError", "internal");
export const LoadError = define("LoadError", "load-failed", true);
