// A program that a test talks with, line by line.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { afterwards } from "../e2e/afterwards.mjs";

export class Program {
  /** What it has written on standard error. */
  errors = "";
  #child;
  #lines;

  /** Starts it; it ends with the test `t` at the latest. */
  constructor(t, file, args, options = {}) {
    this.#child = spawn(file, args, { ...options, stdio: ["pipe", "pipe", "pipe"] });
    afterwards(t, () => this.#child.kill("SIGKILL"));
    this.#child.stderr.on("data", (text) => (this.errors += text));
    /** Resolves with its exit code. */
    this.exit = once(this.#child, "exit").then(([code]) => code);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Writes it a line, and resolves with its next one; with its errors if there is none. */
  ask(text) {
    this.#child.stdin.write(`${text}\n`);
    return this.next();
  }

  /** Ends its input, and resolves with its next line. */
  end() {
    this.#child.stdin.end();
    return this.next();
  }

  /** Its next line, or its errors if there is none. */
  async next() {
    const { value, done } = await this.#lines.next();
    return done ? this.errors : value;
  }
}
