// The state of the line in words and numbers.

const REFRESH_MS = 200;
const WORDS = {
  connecting: "Connecting",
  open: "Open",
  waiting: "Waiting",
  closed: "Closed",
};

/** Shows the line's state, its reason, the countdown to the next attempt and the counters. */
export function openIndicator(line, log, rope) {
  const state = document.getElementById("state");
  const word = document.getElementById("state-word");
  const reason = document.getElementById("state-reason");
  const countdown = document.getElementById("countdown");
  const again = document.getElementById("again");
  let retryAt = 0;

  function show(change) {
    state.dataset.state = change.state;
    document.body.dataset.line = change.state;
    word.textContent = WORDS[change.state];
    reason.textContent = sentence(change.error?.message ?? change.reason);
    again.hidden = change.state !== "closed";
    retryAt = change.retryAt ?? 0;
    rope.pose(change.state);
    refresh();
  }

  function refresh() {
    write(countdown, describeWait(line.state, retryAt));
    const stats = line.stats();
    for (const number of document.querySelectorAll("[data-stat]")) {
      const value = stats[number.dataset.stat];
      write(number, number.dataset.stat === "roundTrip" ? describeRoundTrip(value) : count(value));
    }
  }

  again.addEventListener("click", () => location.reload());
  line.addEventListener("state", (change) => {
    log.add(change.state, sentence(change.error?.message ?? change.reason));
    show(change);
  });
  show({ state: line.state, reason: reason.textContent });
  setInterval(refresh, REFRESH_MS);
}

function describeWait(state, retryAt) {
  if (state !== "waiting" || retryAt === 0) {
    return "";
  }
  const left = Math.max(0, retryAt - Date.now()) / 1000;
  return `next attempt in ${left.toFixed(1)} s`;
}

function describeRoundTrip(milliseconds) {
  if (milliseconds === 0) {
    return "\u2013";
  }
  return milliseconds < 10 ? milliseconds.toFixed(1) : count(Math.round(milliseconds));
}

function count(number) {
  return number.toLocaleString("en");
}

function sentence(text) {
  const trimmed = text.trim();
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return trimmed === "" || /[.!?]$/.test(trimmed) ? capital : `${capital}.`;
}

/** Writes only what changed: the page is refreshed several times a second. */
function write(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}
