// In Vitest and in Jest, in both of their environments, as docs/recipes.md says.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { before, test } from "node:test";

import { afterwards } from "../e2e/afterwards.mjs";
import { environment, Server, setting } from "../e2e/processes.mjs";
import { binary, HERE, installHere } from "./installed.mjs";

const VITEST = ["vitest", "run", "--globals"];
const JEST = ["jest", "--rootDir=.", "--testMatch=**/*.spec.mjs"];

/** Each with the origin that its pages have, where they have one. */
const RUNS = {
  "Vitest, node": { command: [...VITEST, "--environment=node"] },
  "Vitest, jsdom": { command: [...VITEST, "--environment=jsdom"] },
  "Jest, node": { command: [...JEST, "--testEnvironment=node"] },
  "Jest, jsdom": {
    command: [...JEST, "--testEnvironment=jsdom", "--setupFiles=./jsdom.setup.cjs"],
    entry: "tautline/inline",
    socket: "own",
    origin: "http://localhost",
  },
};

before(installHere);

for (const [name, { command, entry = "tautline", socket = "ws", origin }] of Object.entries(RUNS)) {
  test(name, async (t) => {
    const server = new Server(setting("TAUTLINE_SERVER"), origin ? ["--allow-origin", origin] : []);
    await server.start();
    afterwards(t, () => server.kill());
    const [runner, ...options] = command;
    const { status, stdout, stderr } = spawnSync(process.execPath, [await binary(runner), ...options], {
      cwd: join(HERE, "runners"),
      encoding: "utf8",
      env: {
        ...environment(),
        ENTRY: entry,
        LINE: `${server.origin}/line`,
        SOCKET: socket,
        NODE_OPTIONS: runner === "jest" ? "--experimental-vm-modules" : "",
        // Else Vitest and Jest take the test runner around them for their own.
        NODE_TEST_CONTEXT: undefined,
      },
    });
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    assert.match(`${stdout}${stderr}`, /2 passed/);
  });
}
