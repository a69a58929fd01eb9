// docs/troubleshooting.md starts from symptoms: each is what a developer really sees.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { build } from "esbuild";

import { afterwards } from "../e2e/afterwards.mjs";
import { launchBrowser } from "../e2e/browser.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { install } from "../package/installed.mjs";
import { read } from "./snippets.mjs";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const WITHIN = { timeout: 20_000, polling: 20 };
const page = (more) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${more}
<script type="importmap">{ "imports": { "tautline": "/node_modules/tautline/index.js" } }</script>`;
const ONLY_SELF = page(
  `<meta http-equiv="Content-Security-Policy" content="connect-src 'self'">`,
);

/** A browser and two servers of one folder, so of two origins. */
async function prepare(t) {
  const folder = await install(t);
  await writeFile(join(folder, "index.html"), page(""));
  await writeFile(join(folder, "only-self.html"), ONLY_SELF);
  const servers = [1, 2].map(() => new Server(setting("TAUTLINE_SERVER"), ["--static", folder]));
  for (const server of servers) {
    await server.start();
    afterwards(t, () => server.kill());
  }
  const browser = await launchBrowser(join(folder, "profile"));
  afterwards(t, () => browser.close());
  const [own, other] = servers;
  const open = async (path) => {
    const tab = await browser.newPage();
    await tab.goto(`${own.origin}/${path}`);
    return tab;
  };
  return { browser, folder, open, own, other };
}

/** Opens a line in the page, and notes the states that it tells. */
const connectTo = (tab, url) => tab.evaluate(async (url) => {
  const { connect } = await import("tautline");
  window.states = [];
  window.line = connect(url);
  line.addEventListener("state", ({ state, reason }) => states.push(`${state}: ${reason}`));
}, url);

test("the symptoms of docs/troubleshooting.md", async (t) => {
  const text = await read({ name: "docs/troubleshooting.md" });
  const { browser, folder, open, own, other } = await prepare(t);
  /** The document has these words, and so has what is seen. */
  const both = (words, seen) => {
    assert.ok(text.includes(words), `the document does not say ${words}`);
    assert.ok(seen.includes(words), `seen was: ${seen}`);
  };
  const failure = (tab, url) => tab.evaluate(async (url) => {
    const { connect } = await import("tautline");
    return connect(url).send("x").then(() => "sent", String);
  }, url);

  await t.test("a page of HTML in place of the wasm", async () => {
    const tab = await open("");
    await tab.setRequestInterception(true);
    tab.on("request", (request) =>
      /\/wasm\/tautline\.(wasm|inline\.js)$/.test(request.url())
        ? request.respond({ contentType: "text/html", body: "<!doctype html>" })
        : request.continue(),
    );
    both("expected magic word 00 61 73 6d, found 3c 21", await failure(tab, "/line"));
  });

  await t.test("the program has no handler for sends", async () => {
    both("RefusedError", await failure(await open(""), "/line"));
    both("no-handler", await failure(await open(""), "/line"));
  });

  await t.test("more subscriptions than a line may have", async () => {
    const tab = await open("");
    const [count, error] = await tab.evaluate(async () => {
      const { connect } = await import("tautline");
      const line = connect("/line");
      for (let count = 0; ; count += 1) {
        try {
          await line.subscribe(`topic ${count}`).ready;
        } catch ({ name, refusal }) {
          return [count, `${name}: ${refusal}`];
        }
      }
    });
    both("RefusedError: too-many", error);
    both(`${count} subscriptions`, `${count} subscriptions`);
  });

  await t.test("a proxy that takes the subprotocol out of the answer", async () => {
    const tab = await open("");
    const proxy = createServer();
    proxy.on("upgrade", ({ headers }, socket) => {
      const key = createHash("sha1").update(`${headers["sec-websocket-key"]}${GUID}`);
      const lines = [
        "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
        `Sec-WebSocket-Accept: ${key.digest("base64")}`,
      ];
      socket.on("error", () => {}).write(`${lines.join("\r\n")}\r\n\r\n`);
    });
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    afterwards(t, () => (proxy.closeAllConnections(), proxy.close()));
    const told = [];
    tab.on("console", (message) => told.push(message.text()));
    await connectTo(tab, `http://127.0.0.1:${proxy.address().port}/line`);
    await tab.waitForFunction(() => states.some((told) => told.startsWith("waiting")), WITHIN);
    both("Sec-WebSocket-Protocol", told.join("\n"));
  });

  await t.test("another origin", async () => {
    const tab = await open("");
    await connectTo(tab, `${other.origin}/line`);
    await tab.waitForFunction(() => states.some((told) => told.startsWith("waiting")), WITHIN);
    both("refused the origin", other.log);
    assert.equal(own.log.includes("refused the origin"), false);
  });

  await t.test("pages of origin null: a file, and one in a sandboxed frame", async () => {
    await build({
      stdin: { contents: 'export { connect } from "tautline/inline";', resolveDir: folder },
      bundle: true, format: "iife", globalName: "tautline", outfile: join(folder, "bundle.js"),
    });
    await writeFile(join(folder, "null.html"), page('<script src="bundle.js"></script>'));
    const frame = '<iframe src="null.html" sandbox="allow-scripts"></iframe>';
    await writeFile(join(folder, "frame.html"), page(frame));
    const [, option] = /`(--allow-origin null)`/.exec(text);
    const allowing = new Server(setting("TAUTLINE_SERVER"), option.split(" "));
    await allowing.start();
    afterwards(t, () => allowing.kill());
    const tryBoth = async (url) => {
      const tab = await browser.newPage();
      await tab.goto(url);
      const where = tab.frames().at(-1);
      const publish = (origin) => where.evaluate((url) => {
        const line = tautline.connect(url);
        const refused = new Promise((tell) => line.addEventListener("state", ({ state }) => {
          if (state === "waiting") tell("refused");
        }));
        return Promise.race([line.publish("room", 1).then(() => "published"), refused]);
      }, `${origin}/line`);
      return [await publish(own.origin), await publish(allowing.origin)];
    };
    for (const url of [pathToFileURL(join(folder, "null.html")).href, `${own.origin}/frame.html`]) {
      assert.deepEqual(await tryBoth(url), ["refused", "published"], url);
    }
    assert.match(own.log, /refused the origin .*null/);
  });

  await t.test("a policy that does not name the server", async () => {
    const tab = await open("only-self.html");
    const told = [];
    tab.on("console", (message) => told.push(message.text()));
    await connectTo(tab, `${other.origin}/line`);
    await tab.waitForFunction(() => states.some((told) => told.startsWith("waiting")), WITHIN);
    const states = await tab.evaluate(() => window.states.join("\n"));
    both("could not connect: the page's Content-Security-Policy (connect-src) forbids it", states);
    assert.match(told.join("\n"), /connect-src/);
  });

  await t.test("a relative address in Node", async () => {
    const program = join(folder, "relative.mjs");
    const source = 'import { connect } from "tautline"; globalThis.WebSocket ??= class {}; connect("/line");';
    await writeFile(program, source);
    both("to be a URL", spawnSync(process.execPath, [program], { encoding: "utf8" }).stderr);
  });
});
