// The end of patience: a message's wait ends with a signal or a timeout.

import { whenAborted } from "./aborted.js";
import { TimeoutError } from "./errors.js";
import { TIMEOUT_MAX } from "./page.js";

/** Has `message` give up in time. `withdraw` takes it back then; `settled` is called in any case. */
export function bound(message, { signal, timeout }, withdraw, settled) {
  const giveUp = (error) => {
    // One whose promise settled when it was stored goes on, if it is transmitted already.
    if (withdraw() || !message.isStored) message.reject(error);
  };
  if (signal?.aborted) throw signal.reason;
  const forget = whenAborted(signal, () => giveUp(signal.reason));
  const late = () =>
    giveUp(new TimeoutError(`No reply within ${timeout} ms; it may still be processed.`));
  const timer = timeout <= TIMEOUT_MAX ? setTimeout(late, timeout) : undefined;
  const done = (settle) => (value) => {
    clearTimeout(timer);
    forget();
    settled();
    settle(value);
  };
  message.resolve = done(message.resolve);
  message.reject = done(message.reject);
}
