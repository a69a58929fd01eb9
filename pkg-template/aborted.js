/**
 * Calls `act` once `signal` has aborted, if there is one: now or later. Returns a function that takes
 * that back: signals outlive lines.
 */
export function whenAborted(signal, act) {
  if (signal?.aborted) act();
  else signal?.addEventListener("abort", act);
  return () => signal?.removeEventListener("abort", act);
}
