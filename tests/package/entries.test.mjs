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

  await t.test("two of them in one page, each with lines of its own", async () => {
    const told = await page.evaluate(async () => {
      const [plain, inline] = await Promise.all([import("tautline"), import("tautline/inline")]);
      const lines = [plain.connect("/line"), inline.connect("/line"), plain.connect("/line")];
      const ended = [];
      lines.forEach((line, at) => {
        line.addEventListener("state", ({ state }) => state === "closed" && ended.push(at));
      });
      const ask = (line, at) => line.request(`line ${at}`);
      const replies = await Promise.all(lines.map(ask));
      await lines[1].close();
      const others = await Promise.all([ask(lines[0], 0), ask(lines[2], 2)]);
      return [...replies, ...others, ...ended];
    });
    assert.deepEqual(told, ["line 0", "line 1", "line 2", "line 0", "line 2", 1]);
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

test("two pages share the line of a SharedWorker", async (t) => {
  const first = await openPage(t);
  const second = await first.browser().newPage();
  await second.goto(first.url());
  const ask = (page, question) => page.evaluate((question) => {
    const { port } = new SharedWorker("/shared-worker.js", { type: "module" });
    const answer = new Promise((resolve) => (port.onmessage = ({ data }) => resolve(data)));
    port.postMessage(question);
    return answer;
  }, question);
  const answers = [await ask(first, "first"), await ask(second, "second")];
  assert.deepEqual(answers, [
    { reply: "first", pages: 1, connections: 1 },
    { reply: "second", pages: 2, connections: 1 },
  ]);
});

for (const entry of ["index", "inline"]) {
  test(`a strict Content-Security-Policy, ${entry}.js`, async (t) => {
    const page = await openPage(t);
    const told = async (policy) => {
      await page.goto(new URL(`/policy-${policy}.html?${entry}`, page.url()).href);
      // Older Firefoxes hold puppeteer's own way of waiting to the page's policy.
      return page.evaluate(async () => {
        const { dataset } = document.body;
        while (!dataset.told) await new Promise((resolve) => setTimeout(resolve, 20));
        return dataset.told;
      });
    };
    assert.equal(await told("with-wasm"), "answered");
    assert.match(
      await told("without-wasm"),
      /^LoadError: The WebAssembly could not be loaded: .*(Content Security Policy|CSP)/,
    );
  });
}

/** A page whose requests fail if their path ends like one of these. */
async function openPageWithout(t, ...ends) {
  const page = await openPage(t);
  await page.setRequestInterception(true);
  page.on("request", (request) =>
    ends.some((end) => request.url().endsWith(end)) ? request.abort() : request.continue(),
  );
  return page;
}

test("where the wasm is missing, the copy in a module serves", async (t) => {
  const page = await openPageWithout(t, ".wasm");
  const told = await page.evaluate(async () => {
    const { connect } = await import("tautline");
    return connect("/line").request("answered");
  });
  assert.equal(told, "answered");
});

test("a wasm that cannot be loaded is told, and every promise settles", async (t) => {
  const page = await openPageWithout(t, ".wasm", "/tautline.inline.js");
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
