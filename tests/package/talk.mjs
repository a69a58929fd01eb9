// What a program outside of browsers does with a line: it asks what it reads on standard input, until that ends.

import { createInterface } from "node:readline";

export async function talk(connect, options) {
  // Some WebSockets do not tell that a connection was refused: then the attempt ends after this time.
  const line = connect(process.argv[2], { connectTimeout: 1_000, ...options });
  const states = [];
  let tell;
  line.addEventListener("state", ({ state }) => {
    states.push(state);
    if (states.slice(-3).join() === "waiting,connecting,waiting") tell?.();
  });
  const COMMANDS = {
    /** Answers when an attempt to connect has failed. */
    refused: () => new Promise((resolve) => (tell = () => resolve("refused"))),
    /** The bytes that leave are those of the call, even if the buffer changes right after it. */
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
}
