// The package in Deno and in Bun, which have a WebSocket class of their own.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { Program } from "../package/program.mjs";
import { HERE, installHere } from "./installed.mjs";

const ENDS_WITHIN_MS = 5_000;

/** The native program of a runtime, which npm packs into a package for each system. */
async function native(scope, name) {
  const folder = join(HERE, "node_modules", scope);
  const [system] = await readdir(folder);
  return join(folder, system, name);
}

const RUNTIMES = {
  Deno: async () => [await native("@deno", "deno"), "run", "--no-prompt", "--allow-all"],
  Bun: async () => [await native("@oven", "bin/bun")],
};

before(installHere);

for (const [runtime, command] of Object.entries(RUNTIMES)) {
  const start = async (t, program) => {
    const server = new Server(setting("TAUTLINE_EXAMPLE"), []);
    await server.start();
    afterwards(t, () => server.kill());
    const [file, ...flags] = await command();
    const path = join("programs", `${program}.mjs`);
    const args = [...flags, path, `${server.origin}/line`];
    return { server, running: new Program(t, file, args, { cwd: HERE }) };
  };
  /** It ends by itself: nothing that is over keeps it. */
  const ends = async (running) => {
    const kept = pause(ENDS_WITHIN_MS, "something keeps the program from ending", { ref: false });
    assert.equal(await Promise.race([running.exit, kept]), 0, running.errors);
  };

  test(`${runtime}: a line that lives through a restart`, async (t) => {
    const { server, running } = await start(t, "line");
    assert.equal(await running.ask("first"), "first");
    assert.equal(await running.ask("bytes"), "7,7,7,7");
    await server.kill();
    assert.equal(await running.ask("refused"), "refused");
    await server.restart();
    assert.equal(await running.ask("after a restart"), "after a restart");
    assert.equal(await running.end(), "closed");
    await ends(running);
  });

  test(`${runtime}: a durable line says that nothing is stored, and works`, async (t) => {
    const { running } = await start(t, "durable");
    assert.equal(await running.next(), "stored: false, there is no IndexedDB here");
    assert.equal(await running.next(), "hello");
    await ends(running);
  });

  test(`${runtime}: ReliableWebSocket opens and closes`, async (t) => {
    const { running } = await start(t, "websocket");
    assert.equal(await running.next(), "3001 seen true");
    await ends(running);
  });
}
