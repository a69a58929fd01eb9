// What judges a package's manifest finds nothing to say about the tarball.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { setting } from "../e2e/processes.mjs";

const PROGRAMS = fileURLToPath(new URL("node_modules/.bin", import.meta.url));
const JUDGES = {
  publint: ["--strict"],
  // The package is of ES modules alone, and WebAssembly has no types.
  attw: [
    "--profile=esm-only",
    "--exclude-entrypoints=tautline.wasm",
    "--exclude-entrypoints=tautline.durable.wasm",
    "--no-emoji",
  ],
};

for (const [judge, settings] of Object.entries(JUDGES)) {
  test(judge, () => {
    const given = [setting("TAUTLINE_TARBALL"), ...settings];
    const options = { encoding: "utf8" };
    const { status, stdout, stderr } = spawnSync(join(PROGRAMS, judge), given, options);
    assert.equal(status, 0, `${stdout}\n${stderr}`);
  });
}
