// What happened to the line, newest first.

const MOST_LINES = 100;
const clock = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

export class EventLog {
  #list;

  constructor(list) {
    this.#list = list;
  }

  /** Adds a line. `kind` is one word that says what the line is about. */
  add(kind, text) {
    const now = new Date();
    const line = document.createElement("li");
    line.dataset.kind = kind;
    const time = document.createElement("time");
    time.dateTime = now.toISOString();
    time.textContent = clock.format(now);
    const what = document.createElement("b");
    what.textContent = kind;
    line.append(time, " ", what, " ", text);
    this.#list.prepend(line);
    while (this.#list.childElementCount > MOST_LINES) {
      this.#list.lastElementChild.remove();
    }
  }
}
