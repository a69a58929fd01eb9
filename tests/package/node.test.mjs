// In Node: its own WebSocket or that of the package `ws`, and a word where there is none.

import assert from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { install } from "./installed.mjs";
import { Program } from "./program.mjs";

const [MAJOR] = process.versions.node.split(".").map(Number);
/** Node 20 has a WebSocket of its own behind a flag, and 22 can be told to do without. */
const OWN = MAJOR < 22 ? ["--experimental-websocket"] : [];
const NONE = MAJOR < 22 ? [] : ["--no-experimental-websocket"];

const ENTRIES = {
  "tautline": 'import { connect } from "tautline";',
  "tautline/inline": 'import { connect } from "tautline/inline";',
  "tautline/slim": `import { readFile } from "node:fs/promises";
    import { connect, provide } from "tautline/slim";
    provide(readFile(new URL(import.meta.resolve("tautline/tautline.wasm"))));`,
};
const BRING_WS = 'import { WebSocket } from "ws"; globalThis.WebSocket = WebSocket;';
const IMPORT_WS = 'import { WebSocket } from "ws"; const options = { WebSocket };';
const PROGRAM = `
  import { talk } from "${new URL("talk.mjs", import.meta.url)}";
  await talk(connect, typeof options === "undefined" ? {} : options);
`;

/** A folder where the package and `ws` are installed, and an application's server. */
async function prepare(t) {
  const folder = await install(t);
  const ws = dirname(createRequire(import.meta.url).resolve("ws/package.json"));
  await cp(ws, join(folder, "node_modules/ws"), { recursive: true });
  const server = new Server(setting("TAUTLINE_EXAMPLE"), []);
  await server.start();
  afterwards(t, () => server.kill());
  return { folder, server };
}

/** A program in Node, with the package installed. */
async function run(t, { folder, server }, source, flags) {
  const file = join(folder, "program.mjs");
  await writeFile(file, source);
  return new Program(t, process.execPath, [...flags, file, `${server.origin}/line`]);
}

for (const [entry, imports] of Object.entries(ENTRIES)) {
  const sockets = [
    ["ws", BRING_WS, NONE], ["ws, given as the option", IMPORT_WS, NONE], ["Node's own", "", OWN],
  ];
  for (const [socket, bring, flags] of sockets) {
    test(`${entry} with the WebSocket of ${socket}`, async (t) => {
      const world = await prepare(t);
      const program = await run(t, world, `${bring} ${imports} ${PROGRAM}`, flags);
      assert.equal(await program.ask("first"), "first");
      assert.equal(await program.ask("bytes"), "7,7,7,7");
      await world.server.kill();
      assert.equal(await program.ask("refused"), "refused");
      await world.server.restart();
      assert.equal(await program.ask("after a restart"), "after a restart");
      assert.equal(await program.end(), "closed");
      const closedAt = Date.now();
      assert.equal(await program.exit, 0, program.errors);
      assert.ok(Date.now() - closedAt < 5_000, "the line kept Node from ending");
    });
  }

  test(`${entry} without any WebSocket says what to do`, async (t) => {
    const world = await prepare(t);
    const program = await run(t, world, `${imports} ${PROGRAM}`, NONE);
    assert.equal(await program.exit, 1);
    assert.match(program.errors, /LoadError\]: There is no WebSocket here: use Node 22 or newer, or/);
  });
}

const OPENED = {
  "set before": [BRING_WS, "new ReliableWebSocket(process.argv[2])"],
  "given as the option": [
    IMPORT_WS, "(globalThis.WebSocket = ReliableWebSocket, new ReliableWebSocket(process.argv[2], [], options))",
  ],
};
for (const [how, [bring, made]] of Object.entries(OPENED)) {
  test(`tautline/websocket opens and closes, with the WebSocket of ws ${how}`, async (t) => {
    const world = await prepare(t);
    const source = `
      ${bring}
      import { ReliableWebSocket } from "tautline/websocket";
      const socket = ${made};
      socket.onopen = () => socket.close(3001, "seen");
      socket.onerror = () => console.log("error");
      socket.onclose = ({ code, reason, wasClean }) => console.log(code, reason, wasClean);
    `;
    const program = await run(t, world, source, NONE);
    assert.equal(await program.end(), "3001 seen true");
    assert.equal(await program.exit, 0, program.errors);
  });
}

test("where nothing can carry a line, the line says why", async (t) => {
  const world = await prepare(t);
  const source = `
    import { connect } from "tautline";
    import { ReliableWebSocket } from "tautline/websocket";
    globalThis.WebSocket = ReliableWebSocket;
    const line = connect(process.argv[2]);
    line.addEventListener("state", ({ state, reason }) => {
      if (state === "waiting") line.close({ timeout: 0 }).then(() => console.log(reason));
    });
  `;
  const program = await run(t, world, source, NONE);
  assert.match(await program.end(), /could not connect: There is no WebSocket to carry a line/);
  assert.equal(await program.exit, 0, program.errors);
});
