// The types, under TypeScript's strictest options.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { install } from "./installed.mjs";

const OPTIONS = [
  "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess",
  "--noImplicitOverride", "--noImplicitReturns", "--noFallthroughCasesInSwitch",
  "--noPropertyAccessFromIndexSignature", "--noUnusedLocals", "--noUnusedParameters",
  "--allowUnreachableCode", "false", "--allowUnusedLabels", "false",
  "--noUncheckedSideEffectImports", "--erasableSyntaxOnly", "--verbatimModuleSyntax",
  "--isolatedModules", "--target", "es2022", "--lib", "es2022,dom",
];

for (const [module, resolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]]) {
  test(`usage compiles with module resolution ${resolution}`, async (t) => {
    const folder = await install(t);
    await cp(fileURLToPath(new URL("declarations", import.meta.url)), folder, { recursive: true });
    const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
    const settings = [...OPTIONS, "--module", module, "--moduleResolution", resolution];
    const command = [compiler, ...settings, join(folder, "usage.ts")];
    const { status, stdout } = spawnSync(process.execPath, command, { encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });
}
