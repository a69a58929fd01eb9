// Lines of one name in one page take a session one after the other. One that is being closed, or was
// closed before it had begun (React's StrictMode does that), leaves its own to the next.

/** By name: the lines that have a session or will take one, the oldest first. */
const lines = new Map();

/** The turn of a line of `name`; `isLeaving` says whether the line is being closed. */
export class Turn {
  #before;
  /** Has the line end soon, for one that waits for it. */
  makeWay = () => {};

  constructor(name, isLeaving) {
    this.isLeaving = isLeaving;
    this.#before = lines.get(name) ?? [];
    lines.set(name, [...this.#before, this]);
    /** It has taken a session, or has none; and it has let it go. */
    this.over = new Promise((resolve) => (this.end = resolve));
    this.gone = new Promise((resolve) => (this.leave = resolve));
    this.gone.then(() => lines.set(name, lines.get(name).filter((other) => other !== this)));
  }

  /** Resolves when the line may take a session. */
  async come() {
    for (const other of this.#before) {
      await other.over;
      if (!other.isLeaving()) continue;
      other.makeWay();
      await other.gone;
    }
  }
}
