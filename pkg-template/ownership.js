// Who works on a session: each has one page at a time, by the browser's locks, which end with their
// page. A session without a page is adopted by another page of the same name.

/** For so long a page that is loaded anew can take its session up again. */
const GRACE_MS = 5_000;

const nameOf = (id) => `tautline ${id}`;
/**
 * Held as long as the session is owned. It is this one that others wait for, so that nobody who only
 * waits is ever in the way of an owner.
 */
const lifeOf = (id) => `${nameOf(id)} lives`;

/**
 * Resolves with a function that lets the lock go, and resolves once it is gone; with undefined if it is
 * not to be had at once.
 */
function hold(name, options) {
  return new Promise((resolve, reject) => {
    const held = (lock) => lock && new Promise((letGo) => resolve(() => (letGo(), gone)));
    const gone = navigator.locks.request(name, options, held);
    gone.then(() => resolve(), reject);
  });
}

/** Makes a session this page's own; resolves with what lets it go, undefined if it has an owner. */
export async function own(id) {
  const release = await hold(nameOf(id), { ifAvailable: true });
  if (release === undefined) return undefined;
  const ending = new AbortController();
  const living = hold(lifeOf(id), { signal: ending.signal }).catch(() => {});
  return async () => {
    ending.abort();
    await Promise.all([living.then((release) => release?.()), release()]);
  };
}

/** Resolves once a session has no owner, and none takes it up again; owned then. */
export async function orphaned(id, signal) {
  for (;;) {
    (await hold(lifeOf(id), { mode: "shared", signal }))();
    await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
    const release = signal.aborted ? undefined : await own(id);
    if (release || signal.aborted) return release;
  }
}
