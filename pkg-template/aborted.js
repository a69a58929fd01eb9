/** Calls `act` once `signal` has aborted, if there is one: now or later. */
export function whenAborted(signal, act) {
  if (signal?.aborted) act();
  else signal?.addEventListener("abort", act);
}
