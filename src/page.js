// What the page learns about its network and its life, as codes of `Hint`.

const ONLINE = 1;
const OFFLINE = 2;
const AWAKE = 3;
const ASLEEP = 4;
const SUSPENDED = 5;

const HINTS = {
  online: ONLINE,
  offline: OFFLINE,
  pageshow: AWAKE,
  pagehide: SUSPENDED,
  visibilitychange: AWAKE,
  freeze: ASLEEP,
  resume: AWAKE,
};

/** Calls `listener` with each hint, in `code`, until the returned function is called. */
export function watch(listener) {
  const tell = ({ type, persisted }) => {
    // Only a page that goes into the back-forward cache lives on without its connection.
    if (type === "pagehide" && !persisted) return;
    const isHidden = type === "visibilitychange" && document.hidden;
    // What is no page event is a change of the network: a socket of the old one may be dead.
    listener({ code: isHidden ? ASLEEP : (HINTS[type] ?? ONLINE) });
  };
  const network = globalThis.navigator?.connection;
  const each = (action) => {
    // Capturing: events of the document pass here too. Node's global object takes no listeners.
    for (const type in HINTS) globalThis[action]?.(type, tell, true);
    network?.[action]?.("change", tell);
  };
  each("addEventListener");
  return () => each("removeEventListener");
}

/** The longest that browsers' timers take, in milliseconds. */
export const TIMEOUT_MAX = 2 ** 31 - 1;

const now = Promise.resolve();

/** Calls `listener` in a microtask; in browsers this is cheaper than `queueMicrotask`. */
export function soon(listener) {
  now.then(listener);
}
