// The end of patience: a message's wait ends with a signal or a timeout.

import { TimeoutError } from "./errors.js";

/** Has `message` give up in time. `withdraw` takes it back then; `settled` is called in any case. */
export function bound(message, { signal, timeout }, withdraw, settled) {
  const giveUp = (error) => {
    // One whose promise settled when it was stored goes on, if it is transmitted already.
    if (withdraw() || !message.isStored) message.reject(error);
  };
  signal?.throwIfAborted();
  const abort = () => giveUp(signal.reason);
  signal?.addEventListener("abort", abort);
  const late = () =>
    giveUp(new TimeoutError(`No reply within ${timeout} ms; it may still be processed.`));
  const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
  const done = (settle) => (value) => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    settled();
    settle(value);
  };
  message.resolve = done(message.resolve);
  message.reject = done(message.reject);
}
