// The server program and the fault proxy as child processes.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const START_MS = 20_000;
const LOG_LINES = 50;

/** Reads a path or program that `cargo xtask test` hands over. */
export function setting(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set; run the tests with: cargo xtask test e2e`);
  return value;
}

/** This process's environment without what is there for tests: to the server it would be misspelt settings. */
export function environment() {
  const isOfTests = ([name]) => name.startsWith("TAUTLINE_");
  return Object.fromEntries(Object.entries(process.env).filter((entry) => !isOfTests(entry)));
}

/** A child process that prints where it listens. */
class Listener {
  #child;
  #exit;
  #log = [];
  #endWithParent = () => this.#child.kill("SIGKILL");

  constructor(program, args) {
    // In memory, unless a test says otherwise: a server that is killed has lost what it held.
    const env = { TAUTLINE_ENGINE: "memory", ...environment() };
    this.#child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#exit = once(this.#child, "exit").then(([code, signal]) => code ?? signal);
    // Without this, a test runner that is stopped half-way would leave the process behind.
    process.on("exit", this.#endWithParent);
  }

  /** Resolves with the origin once the process listens. */
  async origin() {
    const { stdout, stderr } = this.#child;
    createInterface(stderr).on("line", (line) => this.#keep(line));
    const lines = createInterface(stdout);
    const first = await Promise.race([
      once(lines, "line").then(([line]) => line),
      this.#exit.then((code) => `ended with ${code}`),
      once(AbortSignal.timeout(START_MS), "abort").then(() => `silent for ${START_MS} ms`),
    ]);
    const [, origin] = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(first) ?? [];
    assert.ok(origin, `${this.#child.spawnfile} did not listen: ${first}\n${this.log}`);
    return origin;
  }

  /** The last lines it wrote on standard error. */
  get log() {
    return this.#log.join("\n");
  }

  #keep(line) {
    this.#log.push(line);
    this.#log.splice(0, this.#log.length - LOG_LINES);
  }

  /** Sends a signal and resolves with the exit code, or with the signal that ended it. */
  async end(signal) {
    this.#child.kill(signal);
    const code = await this.#exit;
    process.off("exit", this.#endWithParent);
    return code;
  }
}

/** A server program. Restarted, it keeps its port. */
export class Server {
  #program;
  #args;
  #process;

  constructor(program, args) {
    this.#program = program;
    this.#args = args;
  }

  /** Starts it on a free port. */
  start() {
    return this.#listen("127.0.0.1:0");
  }

  /** Starts it again on the same port, with `more` settings; what it held in memory is gone. */
  restart(more = []) {
    this.#args = [...this.#args, ...more];
    return this.#listen(new URL(this.origin).host);
  }

  async #listen(address) {
    this.#process = new Listener(this.#program, ["--listen", address, ...this.#args]);
    this.origin = await this.#process.origin();
  }

  get log() {
    return this.#process.log;
  }

  /** Ends it as a crash would. */
  kill() {
    return this.#process.end("SIGKILL");
  }

  /** Asks it to end, and resolves with its exit code. */
  terminate() {
    return this.#process.end("SIGTERM");
  }
}

/** The fault proxy in front of a server. */
export class Proxy {
  #process;

  static async start(upstream) {
    const proxy = new Proxy();
    proxy.#process = new Listener(setting("TAUTLINE_PROXY"), [
      "proxy", "--listen", "127.0.0.1:0", "--upstream", new URL(upstream).host,
    ]);
    proxy.origin = await proxy.#process.origin();
    return proxy;
  }

  /** Puts a plan of faults in force: see xtask/src/proxy/plan.rs. */
  plan(faults) {
    return this.#ask("POST", "plan", JSON.stringify(faults));
  }

  /** Makes no more faults of its own. */
  heal() {
    return this.#ask("DELETE", "plan");
  }

  /** `cut`, `reset`, `stall`, `flow`, `offline` or `online` for the connections of one lab id. */
  act(lab, action) {
    return this.#ask("POST", `${lab}/${action}`);
  }

  state(lab) {
    return this.#ask("GET", lab);
  }

  counts() {
    return this.#ask("GET", "counts");
  }

  async #ask(method, path, body) {
    const answer = await fetch(`${this.origin}/lab/${path}`, { method, body });
    assert.ok(answer.ok, `the proxy answered ${answer.status}: ${method} /lab/${path}`);
    return answer.status === 204 ? undefined : answer.json();
  }

  stop() {
    return this.#process.end("SIGKILL");
  }
}
