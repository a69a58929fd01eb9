// Medians, ratios, and the table that is printed.

/** The middle value, or the mean of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Reads one number of each round, as `{ tautline, bare, ratio }`. */
function compare(rounds, read) {
  return rounds.map((round) => {
    const [tautline, bare] = [read(round.tautline), read(round.bare)];
    return { tautline, bare, ratio: tautline / bare };
  });
}

/** The table's rows: what, the unit's decimals, where to find it, and what is aimed at. */
const ROWS = [
  ["confirmed sends per second", 0, ({ send }) => send.perSecond, "at least 10, aim 20"],
  ["pushes per second", 0, ({ receive }) => receive.perSecond, "at least 10, aim 17"],
  ["main thread per send, us", 2, ({ send }) => send.mainThreadMicroseconds, "less"],
  ["main thread per push, us", 2, ({ receive }) => receive.mainThreadMicroseconds, "less"],
  ["round trip p50, ms", 3, ({ roundTripP50 }) => roundTripP50, "at most 1.1"],
];

/** Sums up all rounds: medians of both contenders, and the median of the rounds' ratios. */
export function summarize(rounds) {
  return ROWS.map(([what, decimals, read, aim]) => {
    const compared = compare(rounds, read);
    const [tautline, bare, ratio] = ["tautline", "bare", "ratio"].map((key) => {
      return median(compared.map((each) => each[key]));
    });
    const ratios = compared.map((each) => Number(each.ratio.toFixed(2)));
    return { what, decimals, aim, tautline, bare, ratio, ratios };
  });
}

function printRow(what, columns, note) {
  const cells = columns.map((cell) => cell.padStart(11)).join("");
  console.log(`${what.padEnd(28)}${cells}  (${note})`);
}

export function printSummary(rows) {
  console.log();
  printRow("median of the rounds", ["Tautline", "bare", "ratio"], "aim; ratio of each round");
  for (const { what, decimals, aim, tautline, bare, ratio, ratios } of rows) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    const medians = [tautline, bare].map((value) => value.toLocaleString("en", digits));
    const each = ratios.map((value) => value.toFixed(2)).join(" ");
    printRow(what, [...medians, ratio.toFixed(2)], `${aim}; ${each}`);
  }
}

const WIRE_ROWS = [
  ["send alone (its ack)", "sendAlone"],
  ["request alone (its reply)", "roundTripAlone"],
  ["send in a burst (acks)", "sendBurst"],
  ["push in a burst (acks)", "pushBurst"],
];

export function printWire(wire) {
  console.log("\nTCP bytes per message of 64, without its payload (the other way)");
  console.log(`${"".padEnd(28)}${"Tautline".padStart(18)}${"bare".padStart(18)}`);
  for (const [what, key] of WIRE_ROWS) {
    const cell = ([there, back]) => `${there.toFixed(2)} (${back.toFixed(2)})`.padStart(18);
    console.log(`${what.padEnd(28)}${cell(wire.tautline[key])}${cell(wire.bare[key])}`);
  }
}
