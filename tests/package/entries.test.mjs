// The three ways in, and a worker.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { install, openPage } from "./installed.mjs";

test("every entry point", async (t) => {
  const page = await openPage(t);

  await t.test("a file beside the module", async () => {
    const reply = await page.evaluate(async () => {
      const { connect } = await import("tautline");
      return connect("/line").request("plain");
    });
    assert.equal(reply, "plain");
  });

  await t.test("inside the module", async () => {
    const reply = await page.evaluate(async () => {
      const { connect } = await import("tautline/inline");
      return connect("/line").request("inline");
    });
    assert.equal(reply, "inline");
  });

  await t.test("brought by the caller, before or after connect", async () => {
    const reply = await page.evaluate(async () => {
      const { connect, provide } = await import("tautline/slim");
      const early = connect("/line").request("slim");
      await provide(fetch("/node_modules/tautline/wasm/tautline.wasm"));
      return [await early, await connect("/line").request("again")];
    });
    assert.deepEqual(reply, ["slim", "again"]);
  });

  await t.test("in a Web Worker", async () => {
    const reply = await page.evaluate(async () => {
      const worker = new Worker("/worker.js", { type: "module" });
      const answer = new Promise((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
      worker.postMessage("from a worker");
      return answer;
    });
    assert.equal(reply, "from a worker");
  });
});

test("a wasm that cannot be loaded is told, and every promise settles", async (t) => {
  const page = await openPage(t);
  await page.setRequestInterception(true);
  page.on("request", (request) =>
    request.url().endsWith(".wasm") ? request.abort() : request.continue(),
  );
  const told = await page.evaluate(async () => {
    const { connect } = await import("tautline");
    const line = connect("/line");
    const ended = new Promise((resolve) => line.addEventListener("state", resolve));
    const send = line.send("x").catch((error) => error.code);
    const subscription = line.subscribe("topic").ready.catch((error) => error.code);
    return [await send, await subscription, (await ended).error.code, line.state];
  });
  assert.deepEqual(told, ["load-failed", "load-failed", "load-failed", "closed"]);
});

test("every export of the manifest is in the tarball", async (t) => {
  const folder = join(await install(t), "node_modules/tautline");
  const { exports } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  for (const target of Object.values(exports).flatMap((entry) => Object.values(Object(entry)))) {
    if (typeof target === "string" && target.startsWith("./")) await readFile(join(folder, target));
  }
  const files = await readdir(folder);
  assert.ok(files.includes("README.md") && files.includes("PROTOCOL.md"), files.join(" "));
});
