// The pieces of code in the documents, and what is known about each of them.

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

import { setting } from "../e2e/processes.mjs";
import { delivery } from "./known/delivery.mjs";
import { migrating } from "./known/migrating.mjs";
import { readme } from "./known/readme.mjs";
import { recipes } from "./known/recipes.mjs";
import { repository } from "./known/repository.mjs";
import { troubleshooting } from "./known/troubleshooting.mjs";
import { websocket } from "./known/websocket.mjs";

const FENCE = /^( *)```(.*)$/;
const HEADING = /^#+ (.*)$/;

/** The documents, and what is known of their code. */
const DOCUMENTS = [
  { name: "README.md of the repository", path: "../../README.md", known: repository },
  { name: "README.md", known: readme },
  { name: "docs/delivery.md", known: delivery },
  { name: "docs/migrating.md", known: migrating },
  { name: "docs/recipes.md", known: recipes },
  { name: "docs/troubleshooting.md", known: troubleshooting },
  { name: "docs/websocket.md", known: websocket },
];

/** The fenced blocks of a Markdown text, each under its heading and its number there. */
export function blocks(text) {
  const found = [];
  let heading = "";
  let open;
  for (const [index, line] of text.split("\n").entries()) {
    const [, indent, language] = FENCE.exec(line) ?? [];
    if (open && indent !== undefined) {
      found.push({ ...open, code: open.lines.join("\n") });
      open = undefined;
    } else if (open) {
      open.lines.push(line.slice(open.indent));
    } else if (indent !== undefined) {
      const earlier = found.filter((block) => block.heading === heading).length;
      const key = earlier === 0 ? heading : `${heading} ${earlier + 1}`;
      open = { key, heading, language, line: index + 1, indent: indent.length, lines: [] };
    } else {
      heading = HEADING.exec(line)?.[1] ?? heading;
    }
  }
  return found;
}

/** The text of a document of the package as it is packed, or of the repository. */
export function read({ name, path }) {
  const file = path ? fileURLToPath(new URL(path, import.meta.url)) : join(setting("TAUTLINE_NPM"), name);
  return readFile(file, "utf8");
}

export { DOCUMENTS };

/**
 * Every piece of code with what is known of it; one that nobody knows, and knowledge of one that is
 * not there, go into `strangers`.
 */
export async function gather() {
  const snippets = [];
  const strangers = [];
  for (const document of DOCUMENTS) {
    const expected = new Set(Object.keys(document.known));
    for (const block of blocks(await read(document))) {
      const { key, line } = block;
      const known = document.known[key];
      if (known) snippets.push({ ...block, ...known, document: document.name, id: nameOf(document, key) });
      else strangers.push(`${document.name}:${line}: no test knows the code under "${key}"`);
      expected.delete(key);
    }
    for (const key of expected) strangers.push(`${document.name} has no code under "${key}"`);
  }
  return { snippets, strangers };
}

/** A name for files. */
function nameOf({ name, path }, key) {
  const document = path ? "repository" : basename(name, ".md");
  return `${document}-${key}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}
