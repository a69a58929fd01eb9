// The types, under TypeScript's strictest options.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { install } from "./installed.mjs";

const OPTIONS = [
  "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess",
  "--noImplicitOverride", "--noImplicitReturns", "--noFallthroughCasesInSwitch",
  "--noPropertyAccessFromIndexSignature", "--noUnusedLocals", "--noUnusedParameters",
  "--allowUnreachableCode", "false", "--allowUnusedLabels", "false",
  "--verbatimModuleSyntax", "--isolatedModules", "--target", "es2022", "--lib", "es2022,dom",
];

/** Which came later than the oldest version that the types are for. */
const SINCE_5_8 = ["--noUncheckedSideEffectImports", "--erasableSyntaxOnly"];
/** The oldest version that knows `using`, one in between, and the newest: npm's names for them here. */
const COMPILERS = { "typescript-5.2": [], typescript: SINCE_5_8, "typescript-7": SINCE_5_8 };

for (const [compiler, more] of Object.entries(COMPILERS)) {
  for (const [module, resolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]]) {
    test(`usage compiles by ${compiler} with module resolution ${resolution}`, async (t) => {
      const folder = await install(t);
      await cp(fileURLToPath(new URL("declarations", import.meta.url)), folder, { recursive: true });
      const { resolve } = createRequire(import.meta.url);
      const program = join(dirname(resolve(`${compiler}/package.json`)), "bin/tsc");
      const settings = [...OPTIONS, ...more, "--module", module, "--moduleResolution", resolution];
      const command = [program, ...settings, join(folder, "usage.ts")];
      const { status, stdout } = spawnSync(process.execPath, command, { encoding: "utf8" });
      assert.equal(status, 0, stdout);
    });
  }
}
