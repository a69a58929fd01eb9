/**
 * What is to be called for each signal. It has one listener for all of that: a signal looks through
 * those that it has whenever it gets one more, and one may be for many messages.
 */
const calls = new WeakMap();

/**
 * Calls `act` once `signal` has aborted, if there is one: now or later. Returns a function that takes
 * that back: signals outlive lines.
 */
export function whenAborted(signal, act) {
  if (signal?.aborted) act();
  if (signal?.aborted ?? true) return () => {};
  if (!calls.has(signal)) {
    const acts = new Set();
    calls.set(signal, { acts, tell: () => acts.forEach((call) => call()) });
  }
  const { acts, tell } = calls.get(signal);
  if (acts.size === 0) signal.addEventListener("abort", tell);
  acts.add(act);
  return () => {
    acts.delete(act);
    if (acts.size === 0) signal.removeEventListener("abort", tell);
  };
}
