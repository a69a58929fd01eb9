// One item of the list of messages: a message, a day, or a line that nobody said.

const LONGEST_NAME = 40;
const clock = new Intl.DateTimeFormat("en", {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const fullTime = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "medium" });
const dayName = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });

export function messageItem({ id, name, text, at }, tone) {
  const date = dateOf(at);
  const item = document.createElement("li");
  item.dataset.id = id;
  item.dataset.name = name;
  item.dataset.day = date.toDateString();
  const author = part("strong", "author", name.slice(0, LONGEST_NAME));
  author.dataset.tone = tone;
  const time = part("time", "", clock.format(date));
  time.dateTime = date.toISOString();
  time.title = fullTime.format(date);
  const meta = part("span", "meta");
  meta.append(time, part("span", "state"));
  item.append(author, part("span", "words", text), meta);
  return item;
}

export function dayItem(at) {
  return part("li", "day", dayName.format(dateOf(at)));
}

export function noteItem(text) {
  return part("li", "note", text);
}

/** Another tab's clock may say anything; a date beyond what dates can hold becomes 1970. */
function dateOf(at) {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? new Date(0) : date;
}

function part(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}
