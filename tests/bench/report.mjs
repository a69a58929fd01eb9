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
    const of = (key) => median(compared.map((each) => each[key]));
    const ratios = compared.map(({ ratio }) => Number(ratio.toFixed(2)));
    return { what, decimals, aim, tautline: of("tautline"), bare: of("bare"), ratio: of("ratio"), ratios };
  });
}

export function printSummary(rows) {
  const number = (value, decimals) => {
    return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  };
  const line = (...cells) => {
    const [what, tautline, bare, ratio, ...rest] = cells;
    const columns = [tautline, bare, ratio].map((cell) => cell.padStart(11));
    console.log(`${what.padEnd(28)}${columns.join("")}  ${rest.join("  ")}`.trimEnd());
  };
  console.log();
  line("median of the rounds", "Tautline", "bare", "ratio", "(aim; ratio of each round)");
  for (const { what, decimals, aim, tautline, bare, ratio, ratios } of rows) {
    const each = ratios.map((value) => value.toFixed(2)).join(" ");
    line(what, number(tautline, decimals), number(bare, decimals), ratio.toFixed(2), `(${aim}; ${each})`);
  }
}

const WIRE_ROWS = [
  ["send alone", "sendApart", "sendApartAcks"],
  ["send in a burst", "sendBurst", "sendBurstAcks"],
  ["push alone, with its answer", "receiveApart", "receiveApartAsking"],
  ["push in a burst", "receiveBurst", "receiveBurstAcks"],
];

export function printWire(wire) {
  console.log("\nbytes on the wire per message of 64, beyond its payload (the other way)");
  console.log(`${"".padEnd(28)}${"Tautline".padStart(18)}${"bare".padStart(18)}`);
  for (const [what, there, back] of WIRE_ROWS) {
    const cell = (bytes) => `${bytes[there].toFixed(2)} (${bytes[back].toFixed(2)})`.padStart(18);
    console.log(`${what.padEnd(28)}${cell(wire.tautline)}${cell(wire.bare)}`);
  }
}
