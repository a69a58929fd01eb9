// What the wasm says in numbers, as the errors that applications get.

import { EXPIRED, LINE_CLOSED, NOT_LIVE, OUTBOX_FULL } from "./border.js";
import {
  ClosedError,
  ExpiredError,
  InvalidArgumentError,
  NotLiveError,
  OutboxFullError,
  OutcomeUnknownError,
  RefusedError,
  StoppedError,
  TooLargeError,
  UnauthorizedError,
} from "./errors.js";

/** The error for what a closed line does not take. */
export const closedError = () =>
  new ClosedError("The line is closed, and this message was not transmitted; connect again.");

/** The error for a message or subscription that the server's handler refused. */
export const refusedError = (what, refusal, reason) =>
  new RefusedError(`The server refused this ${what} (${refusal}): ${reason}`, { refusal });

/** The error for what the wasm answers instead of a number, about a payload of `size` bytes. */
export function commandError(code, size) {
  switch (code) {
    case 0:
      return new InvalidArgumentError("There are too many subscriptions; end one first.");
    case OUTBOX_FULL:
      return new OutboxFullError("The outbox is full: wait for earlier messages to be confirmed.");
    case LINE_CLOSED:
      return closedError();
    case NOT_LIVE:
      return new NotLiveError("The line is not open or has much to send, and a volatile message is never queued.");
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
      return closedError();
    case EXPIRED:
      return new ExpiredError("The message was not transmitted before its ttl was over.");
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
