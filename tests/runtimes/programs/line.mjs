// Asks the line what it is told to on standard input, until that ends: the same in every runtime.

import { createInterface } from "node:readline";

import { connect } from "tautline";

// A server that is not there must be noticed soon, also where the runtime does not tell.
const line = connect(process.argv[2], { connectTimeout: 1_000 });
const states = [];
let tell;
line.addEventListener("state", ({ state }) => {
  states.push(state);
  if (states.slice(-3).join() === "waiting,connecting,waiting") tell?.();
});
const COMMANDS = {
  /** Resolves when an attempt to connect has failed. */
  refused: () => new Promise((resolve) => (tell = () => resolve("refused"))),
  /** Bytes are those of the call, whatever becomes of the buffer. */
  async bytes() {
    const buffer = new Uint8Array(16).fill(7).subarray(4, 8);
    const answer = line.request(buffer);
    buffer.fill(0);
    return (await answer).join();
  },
};
for await (const text of createInterface(process.stdin)) {
  console.log(await (COMMANDS[text]?.() ?? line.request(text)));
}
await line.close();
console.log(line.state);
