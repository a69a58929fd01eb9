// ReliableWebSocket as the page's `WebSocket`: so are libraries patched that take no class. Whatever
// stands there, a line is carried by the browser's own class.

import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { serveCases } from "./backend.mjs";
import { World } from "./world.mjs";

/** Puts something in the place of `WebSocket`; `Socket` is ReliableWebSocket. */
const PATCHES = {
  "the class itself": (Socket) => Socket,
  "a class of its own with options": (Socket) =>
    class extends Socket {
      constructor(url, protocols) {
        super(url, protocols, { credentials: "x" });
      }
    },
  "a function": (Socket) =>
    function (...given) {
      return new Socket(...given);
    },
  "a Proxy": (Socket) => new Proxy(Socket, {}),
  "a subclass that forgets the subprotocols": (Socket) =>
    class extends Socket {
      constructor(url) {
        super(url);
      }
    },
};

/** What a monitoring tool may put there: it passes the address on, and not the subprotocols. */
const FORGETFUL = {
  "a class": (make) =>
    class {
      constructor(url) {
        return make(url);
      }
    },
  "a function": (make) =>
    function (url) {
      return make(url);
    },
  "a Proxy": (make) => new Proxy(class {}, { construct: (_, [url]) => make(url) }),
};

test("ReliableWebSocket in the place of WebSocket", async (t) => {
  const world = await World.start(t, await serveCases(t));
  const folder = join(world.folder, "node_modules/tautline");
  await cp(folder, join(world.folder, "copy"), { recursive: true });
  const page = await world.page(t, world.bridge.origin);
  const url = `${world.bridge.origin.replace("http", "ws")}/line/`;
  await page.evaluate((url) => {
    window.Own = WebSocket;
    window.opened = [];
    // What carries the lines, whoever asks for it.
    window.WebSocket = class extends Own {
      constructor(...given) {
        super(...given);
        opened.push(this);
      }
    };
    window.echo = (text) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(url);
        socket.onopen = () => socket.send(text);
        socket.onmessage = ({ data }) => (resolve(data), socket.close());
        socket.onclose = ({ reason }) => reject(reason);
      });
  }, url);

  for (const [name, patch] of Object.entries(PATCHES)) {
    await t.test(`${name}: a socket, and a line`, async () => {
      const [told, count, state] = await page.evaluate(async (url, patch) => {
        const { ReliableWebSocket } = await import("tautline/websocket");
        const { connect } = await import("tautline");
        WebSocket = (0, eval)(patch)(ReliableWebSocket);
        opened.length = 0;
        const told = await echo("over a patched class");
        const count = opened.length;
        const line = connect(url);
        if (line.state !== "open") {
          await new Promise((resolve) => line.addEventListener("state", ({ state }) => state === "open" && resolve()));
        }
        const { state } = line;
        await line.close({ timeout: 0 });
        return [told, count, state];
      }, url, `(${patch})`);
      assert.deepEqual([told, count, state], ["over a patched class", 1, "open"]);
    });
  }

  await t.test("a class that takes no protocols", async () => {
    const told = await page.evaluate(async () => {
      const { ReliableWebSocket } = await import("tautline/websocket");
      WebSocket = class extends ReliableWebSocket {
        constructor(url) {
          super(url, ["mine"]);
        }
      };
      return echo("by a name of its own");
    });
    assert.equal(told, "by a name of its own");
  });

  await t.test("a second copy of the package, loaded when the first is in place", async () => {
    const told = await page.evaluate(async () => {
      const { ReliableWebSocket } = await import("tautline/websocket");
      WebSocket = ReliableWebSocket;
      const { ReliableWebSocket: Second } = await import("/copy/websocket.js");
      WebSocket = Second;
      return [Second === ReliableWebSocket, await echo("over two")];
    });
    assert.deepEqual(told, [false, "over two"]);
  });

  await t.test("the option WebSocket names the class that carries it", async () => {
    const count = await page.evaluate(async (url) => {
      const { ReliableWebSocket } = await import("tautline/websocket");
      const used = [];
      class Mine extends Own {
        constructor(...given) {
          super(...given);
          used.push(given[1]);
        }
      }
      const socket = new ReliableWebSocket(url, [], { WebSocket: Mine });
      await new Promise((resolve) => (socket.onopen = resolve));
      socket.close();
      return used;
    }, url);
    assert.deepEqual(count, ["tautline.1"]);
  });

  for (const [name, wrap] of Object.entries(FORGETFUL)) {
    await t.test(`${name} that forgets the subprotocols, put there after the package was loaded`, async () => {
      const outcome = await page.evaluate(async (url, wrap) => {
        const { ReliableWebSocket } = await import("tautline/websocket");
        const { connect } = await import("tautline");
        WebSocket = (0, eval)(wrap)((url) => new ReliableWebSocket(url));
        opened.length = 0;
        const line = connect(url);
        await new Promise((resolve) => line.addEventListener("state", ({ state }) => state === "open" && resolve()));
        line.close({ timeout: 0 });
        return [opened.map(({ protocol }) => protocol), await echo("as a socket")];
      }, url, `(${wrap})`);
      assert.deepEqual(outcome, [["tautline.1"], "as a socket"]);
    });

    for (const maker of ["/node_modules/tautline/websocket.js", "/copy/websocket.js"]) {
      await t.test(`${name} that forgets them, there before the package (${maker}) was loaded`, async (t) => {
        const early = await world.blank(t);
        await early.evaluateOnNewDocument((wrap) => {
          WebSocket = (0, eval)(wrap)((url) => new ReliableWebSocket(url));
        }, `(${wrap})`);
        await early.goto(`${world.bridge.origin}/`);
        const reasons = await early.evaluate(async (url, maker) => {
          ({ ReliableWebSocket } = await import(maker));
          const { connect } = await import("tautline");
          const socket = new WebSocket(url);
          const line = connect(url);
          const waits = (target) =>
            new Promise((resolve) => {
              target.addEventListener("state", ({ state, reason }) => state === "waiting" && resolve(reason));
            });
          const reasons = await Promise.all([line, socket].map(waits));
          line.close({ timeout: 0 });
          socket.close();
          return reasons;
        }, url, maker);
        for (const reason of reasons) {
          assert.match(reason, /no WebSocket to carry a line.*browser's class as the option `WebSocket`/);
        }
      });
    }
  }
});
