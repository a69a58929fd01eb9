// The documents as a whole: no piece of code goes unrun, and no link leads nowhere.

import assert from "node:assert/strict";
import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { setting } from "../e2e/processes.mjs";
import { DOCUMENTS, blocks, gather, read } from "./snippets.mjs";

const LINK = /\]\(([^)\s]+)\)/g;

test("blocks are found, in lists too, under their headings", () => {
  const text = "# A\n```js\n1;\n```\n- b\n\n  ```ts\n  if (2)\n    3;\n  ```\n## C\n```\n# no heading\n```\n";
  const found = blocks(text).map(({ key, language, code, line }) => [key, language, code, line]);
  assert.deepEqual(found, [
    ["A", "js", "1;", 2], ["A 2", "ts", "if (2)\n  3;", 7], ["C", "", "# no heading", 12],
  ]);
});

test("every piece of code in the documents is known to a test", async () => {
  const { snippets, strangers } = await gather();
  assert.deepEqual(strangers, []);
  assert.ok(snippets.length > 30, `only ${snippets.length} pieces of code`);
});

/** The names that GitHub gives to the headings of a text. */
function anchors(text) {
  const headings = [...text.replaceAll(/^ *```.*?^ *```$/gms, "").matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, words]) =>
    words.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-"),
  );
}

for (const document of DOCUMENTS) {
  test(`the links of ${document.name} lead somewhere`, async () => {
    const root = document.path
      ? fileURLToPath(new URL("../..", import.meta.url))
      : setting("TAUTLINE_NPM");
    const folder = document.path ? root : join(root, dirname(document.name));
    for (const [, link] of (await read(document)).matchAll(LINK)) {
      if (/^https?:/.test(link)) continue;
      const [path, anchor] = link.split("#");
      const file = path ? join(folder, path) : join(root, document.path ? "README.md" : document.name);
      await access(file);
      if (anchor === undefined) continue;
      const headings = anchors(await readFile(file, "utf8"));
      assert.ok(headings.includes(anchor), `${link}: no such heading`);
    }
  });
}
