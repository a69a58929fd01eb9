// `cargo xtask bench`: Tautline beside a bare WebSocket, in one Chromium, in alternating rounds.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { launchBrowser } from "../e2e/browser.mjs";
import { Proxy, Server, setting } from "../e2e/processes.mjs";
import { assembleSite } from "../e2e/site.mjs";
import { CALL_TIME_MAX, Contender, MESSAGE_BYTES } from "./contender.mjs";
import { median, printSummary, printWire, summarize } from "./report.mjs";

const ROUNDS = 5;
const SENDS = 20_000;
const PUSHES = 50_000;
const ROUND_TRIPS = { turns: 10, samples: 10, each: 5 };
const WIRE = { apart: 40, burst: 1_000 };
const NAMES = ["tautline", "bare"];
const SITE = new URL("site", import.meta.url);
const TARGET = fileURLToPath(new URL("../../target", import.meta.url));

/** Turns are short, so that what else the machine does meets all contenders alike. */
async function measureRoundTrips(contenders) {
  const { turns, samples, each } = ROUND_TRIPS;
  const taken = new Map(contenders.map((contender) => [contender, []]));
  for (let turn = 0; turn < turns; turn += 1) {
    for (const contender of contenders) {
      taken.get(contender).push(...(await contender.roundTrips(samples, each)));
    }
  }
  return taken;
}

async function measureRound(contenders) {
  const round = {};
  for (const contender of contenders) {
    const send = await contender.send(SENDS);
    const receive = await contender.receive(PUSHES);
    round[contender.name] = { send, receive };
  }
  for (const [{ name }, samples] of await measureRoundTrips(contenders)) {
    round[name].roundTripP50 = median(samples);
  }
  return round;
}

/** Each round measures all contenders, and the first one of a round is another each time. */
async function measureRounds(contenders) {
  const rounds = [];
  // The round before the first warms up and does not count.
  for (let number = 0; number <= ROUNDS; number += 1) {
    const round = await measureRound(number % 2 === 0 ? contenders : contenders.toReversed());
    if (number > 0) {
      rounds.push(round);
      console.log(describeRound(number, round));
    }
  }
  return rounds;
}

function describeRound(number, round) {
  const parts = NAMES.map((name) => {
    const { send, receive, roundTripP50 } = round[name];
    const [up, down] = [send, receive].map(({ perSecond }) => Math.round(perSecond));
    return `${name} ${up} sends/s, ${down} pushes/s, ${roundTripP50.toFixed(3)} ms`;
  });
  return `round ${number} of ${ROUNDS}: ${parts.join("; ")}`;
}

async function measureWire(browser, server) {
  const proxy = await Proxy.start(server.origin);
  const wire = {};
  for (const name of NAMES) {
    const contender = await Contender.open(browser, name, server.origin, proxy);
    wire[name] = await contender.wire(WIRE);
    await contender.close();
  }
  await proxy.stop();
  return wire;
}

async function measure(browser, server) {
  const contenders = [];
  for (const name of NAMES) {
    contenders.push(await Contender.open(browser, name, server.origin));
  }
  const rounds = await measureRounds(contenders);
  for (const contender of contenders) {
    await contender.close();
  }
  return { rounds, wire: await measureWire(browser, server) };
}

async function main() {
  const directory = await mkdtemp(join(tmpdir(), "tautline-bench-"));
  const site = await assembleSite(SITE, join(directory, "site"));
  const server = new Server(setting("TAUTLINE_BENCH_SERVER"), ["--static", site]);
  await server.start();
  const browser = await launchBrowser(join(directory, "profile"), {
    protocolTimeout: CALL_TIME_MAX,
  });
  try {
    const { rounds, wire } = await measure(browser, server);
    const summary = summarize(rounds);
    printSummary(summary);
    printWire(wire);
    const settings = { ROUNDS, SENDS, PUSHES, ROUND_TRIPS, MESSAGE_BYTES };
    await mkdir(TARGET, { recursive: true });
    const report = { browser: await browser.version(), settings, summary, wire, rounds };
    await writeFile(join(TARGET, "bench.json"), `${JSON.stringify(report, null, 2)}\n`);
    console.log("\nAll numbers are in target/bench.json.");
  } finally {
    await browser.close();
    await server.kill();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

await main();
