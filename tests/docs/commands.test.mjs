// Every command in the documents: it is understood by the program that it names.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { afterwards } from "../e2e/afterwards.mjs";
import { Server, environment, setting } from "../e2e/processes.mjs";
import { DOCUMENTS, gather, read } from "./snippets.mjs";

/** A name in a manifest of the repository. */
const manifest = (path) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");

/** What is known of commands: each is tried on the words behind its beginning. */
const KNOWN = {
  "npm install": async (_, [name, ...more]) => {
    const { name: own } = JSON.parse(await manifest("pkg-template/package.json"));
    assert.deepEqual([name, ...more], [own]);
  },
  "cargo install": async (_, [name, ...more]) => {
    const text = await manifest("server/Cargo.toml");
    assert.equal(/^name = "(.*)"$/m.exec(text)[1], name);
    assert.match(text, new RegExp(`\\[\\[bin\\]\\]\\nname = "${name}"`));
    assert.deepEqual(more, []);
  },
  "cargo xtask": async (_, words) => {
    const command = words.includes("--help") ? words : [...words, "--help"];
    const { status, stderr } = spawnSync(setting("TAUTLINE_PROXY"), command, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
  },
  "cargo run --release -p tautline-server --": starts,
  "tautline-server": starts,
};

/** Starts the server with these options, on a free port and with a token that is there. */
async function starts(t, words) {
  const folder = await mkdtemp(join(tmpdir(), "tautline-docs-"));
  afterwards(t, () => rm(folder, { recursive: true, force: true }));
  const token = join(folder, "token");
  await writeFile(token, "s3cret\n");
  const options = [...words];
  const at = options.indexOf("--listen");
  if (at >= 0) {
    assert.match(options[at + 1], /^[\d.]+:\d+$/);
    options.splice(at, 2);
  }
  const file = options.indexOf("--token-file");
  if (file >= 0) options[file + 1] = token;
  const server = new Server(setting("TAUTLINE_SERVER"), options);
  await server.start();
  await server.kill();
}

test("the commands of the documents", async (t) => {
  const { snippets } = await gather();
  for (const { document, line, code, commands } of snippets) {
    if (!commands) continue;
    const { status, stderr } = spawnSync("bash", ["-n", "-c", code], { encoding: "utf8" });
    assert.equal(status, 0, `${document}:${line}: ${stderr}`);
    for (const text of code.split("\n")) {
      const command = text.replace(/\s*#.*$/, "");
      if (command === "") continue;
      await t.test(`${document}, ${command}`, async (t) => {
        const beginning = Object.keys(KNOWN).find((known) => command.startsWith(`${known} `));
        assert.ok(beginning, "no test knows this command");
        await KNOWN[beginning](t, command.slice(beginning.length + 1).split(/\s+/));
      });
    }
  }
});

test("what the README shows of a directory is what `inspect` shows", async (t) => {
  const { snippets } = await gather();
  const { code } = snippets.find(({ shows }) => shows === "inspect");
  assert.match(code, /^\$ tautline-server inspect tautline-data\n/);
  const folder = await mkdtemp(join(tmpdir(), "tautline-docs-"));
  afterwards(t, () => rm(folder, { recursive: true, force: true }));
  const server = new Server(setting("TAUTLINE_SERVER"), ["--engine", "disk", "--data", folder]);
  await server.start();
  await server.kill();
  const options = { encoding: "utf8", env: environment() };
  const inspect = spawnSync(setting("TAUTLINE_SERVER"), ["inspect", folder], options);
  assert.equal(inspect.status, 0, inspect.stderr);
  // The tables behind the empty line are only there if there is something in them.
  const labels = (text) => text.split("\n\n")[0].match(/^ {2}[a-z]+(?= {2})/gm);
  assert.ok(labels(code).length > 5, code);
  assert.deepEqual(labels(inspect.stdout), labels(code));
});

/** Options of esbuild that the documents name. */
const OF_OTHERS = ["--splitting"];

test("every option of the programs that the documents name in passing is there", async () => {
  const help = (...words) =>
    spawnSync(setting("TAUTLINE_SERVER"), [...words, "--help"], { encoding: "utf8" }).stdout;
  const known = help() + help("inspect");
  const named = new Set();
  for (const document of DOCUMENTS) {
    const text = await read(document);
    for (const [, option] of text.matchAll(/`(?:tautline-server )?(--[a-z-]+)[ A-Z]*`/g)) named.add(option);
  }
  assert.ok(named.size > 3, [...named].join(" "));
  for (const option of OF_OTHERS) assert.ok(named.delete(option), `${option} is not named`);
  for (const option of named) assert.match(known, new RegExp(`^ +(-\\w, )?${option}\\b`, "m"));
});
