// Undoes what a test has set up.

const undoing = new WeakMap();

/**
 * Runs `undo` when the test `t` is over: what was set up last goes first, and all of it, also if
 * something fails on the way. Node runs its own hooks in the order in which they are given, so that a
 * folder would go before the browser that still writes in it, and none after one that fails.
 */
export function afterwards(t, undo) {
  const earlier = undoing.get(t);
  if (earlier) return void earlier.push(undo);
  const undos = [undo];
  undoing.set(t, undos);
  t.after(async () => {
    const errors = [];
    for (const undo of undos.reverse()) {
      try {
        await undo();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join("; "));
  });
}
