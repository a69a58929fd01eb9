// A folder of files for the server: a page's own beside the package, as npm would install it.

import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { setting } from "./processes.mjs";

/** Copies the files at the URL `source`, and the package, into `target`. */
export async function assembleSite(source, target) {
  await cp(fileURLToPath(source), target, { recursive: true });
  const installed = join(target, "node_modules/tautline");
  await cp(setting("TAUTLINE_NPM"), installed, { recursive: true });
  return target;
}
