// Asks whoever leaves the page while something is unconfirmed. Loaded for `warnBeforeUnload` alone.

const LOOK_MS = 250;

/**
 * Returns what is to be called whenever `line` has taken a message. It listens to `beforeunload` while
 * something is unconfirmed, and not a moment longer than it takes to notice: a listener alone may keep
 * a page out of the back-forward cache.
 */
export function watcher(line) {
  let timer;
  const isBusy = () => {
    const { queued, unacknowledged } = line.stats();
    return queued + unacknowledged > 0;
  };
  const warn = (event) => {
    if (!isBusy()) return;
    event.preventDefault();
    event.returnValue = true; // For browsers of before 2023.
  };
  const look = () => {
    if (isBusy()) return;
    removeEventListener("beforeunload", warn);
    clearInterval(timer);
    timer = undefined;
  };
  const watch = () => {
    if (timer !== undefined || !isBusy()) return;
    addEventListener("beforeunload", warn);
    timer = setInterval(look, LOOK_MS);
  };
  watch();
  return watch;
}
