// Installs the package under test into this folder's `node_modules`, from its tarball. The other packages there
// come from npm: `cargo xtask test` installs them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { setting } from "../e2e/processes.mjs";

export const HERE = fileURLToPath(new URL(".", import.meta.url));
const MODULES = join(HERE, "node_modules");

/** Puts the package where the programs, runners and frameworks of this folder find it. */
export async function installHere() {
  const folder = join(MODULES, "tautline");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  const unpack = ["-xzf", setting("TAUTLINE_TARBALL"), "-C", folder, "--strip-components=1"];
  const { status, stderr } = spawnSync("tar", unpack, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

/** The program that an installed package has under this name. */
export async function binary(name) {
  const { bin } = JSON.parse(await readFile(join(MODULES, name, "package.json"), "utf8"));
  return join(MODULES, name, typeof bin === "string" ? bin : bin[name]);
}
