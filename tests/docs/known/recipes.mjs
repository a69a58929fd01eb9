// What the tests do with the code in docs/recipes.md.

const CONNECT = `import { connect } from "tautline";`;
const LINE = `${CONNECT} const line = connect("/line");`;
const LOG = `console.log = (...given) => told(...given);`;
const MOUNT = `
  import { createElement, StrictMode } from "react";
  import { createRoot } from "react-dom/client";
  const mount = (component: () => React.ReactNode) => {
    const strict = createElement(StrictMode, null, createElement(component));
    createRoot(document.body.appendChild(document.createElement("main"))).render(strict);
  };`;
/** What is in the page's elements called main, once it is as expected. */
const shows = (text) => (page) =>
  page.waitForFunction((text) => document.querySelector("main")?.innerText === text, {}, text);

export const recipes = {
  Credentials: {
    server: "token",
    // The first answer is the page of a proxy whose server is down.
    before: `
      import { connect, UnauthorizedError } from "tautline";
      const { fetch: asked } = window;
      let asking = 0;
      window.fetch = async (...given) => {
        if (given[0] !== "/token") return asked(...given);
        asking += 1;
        return asking < 5 ? new Response("<h1>Bad luck</h1>", { status: 503 }) : asked(...given);
      };`,
    after: `await line.publish("topic", "x"); told("let in"); told(asking);`,
    tells: ["let in", 5],
  },
  React: {
    server: "example",
    before: MOUNT,
    after: `
      mount(() => {
        const { line, state } = useLine("/line");
        const [answer, setAnswer] = useState("");
        useEffect(() => void line?.request("answered").then(setAnswer, () => {}), [line]);
        return \`\${state}: \${answer}\`;
      });`,
    act: shows("open: answered"),
    tells: [],
  },
  "React 2": {
    server: "program",
    before: `
      import { useEffect, useState } from "react"; import { connect, type Line } from "tautline";
      ${MOUNT}`,
    after: `
      const line = connect("/line");
      await line.publish("react", { text: "one" });
      mount(() => <Room key="react" line={line} topic="react" />);
      await line.publish("react", { text: "two" });`,
    act: shows("one\ntwo"),
    tells: [],
  },
  "A worker": { file: "worker.js" },
  "A worker 2": { server: "example", before: LOG, tells: ["from the page"] },
  "One line for all tabs": { file: "shared-worker.js" },
  "One line for all tabs 2": {
    server: "program",
    before: LOG,
    tells: ["to all tabs"],
  },
  "Service workers": { file: "service-worker.js" },
  "Service workers 2": {
    server: "program",
    before: `
      ${LINE}
      const notes = line.subscribe("notes");
      notes.addEventListener("message", ({ data }) => told(data));
      await notes.ready;`,
    tells: [{ text: "to be sent some time" }],
  },
  "Yjs and graphql-ws": {
    server: "yjs",
    after: `
      await new Promise<void>((resolve) => provider.once("sync", () => resolve()));
      doc.getArray("notes").push(["typed"]);
      told(doc.getArray("notes").toArray());
      provider.destroy();`,
    tells: [["typed"]],
  },
  "Yjs and graphql-ws 2": {
    server: "graphql",
    after: `
      client.subscribe({ query: "{ hello }" }, {
        next: ({ data }) => told(data), error: told, complete: () => told("complete"),
      });`,
    tells: [{ hello: "world" }, "complete"],
  },
  "A form that works offline": {
    server: "example",
    before: `
      import { connect, TautlineError } from "tautline";
      const line = connect("/line");
      document.body.innerHTML = '<form><input name="note"><button>Save</button></form>';
      localStorage.setItem("entry:1", '{ "note": "of the page before" }');
      const send = line.send.bind(line);
      line.send = async (data) => (await send(data), told(data));`,
    act: async (page) => {
      await page.waitForSelector("form");
      await page.setOfflineMode(true);
      await page.type("input", "typed offline");
      await page.click("button");
      await page.setOfflineMode(false);
      await page.waitForFunction(() => window.outcome.length === 2 && localStorage.length === 0);
    },
    tells: [
      { id: "1", entry: { note: "of the page before" } },
      (told) => /^[0-9a-f-]{36}$/.test(told.id) && told.entry.note === "typed offline",
    ],
  },
  "A live cursor": {
    server: "program",
    before: LINE,
    after: `
      const cursors = line.subscribe("cursors");
      cursors.addEventListener("message", ({ data }) => told(data));
      await cursors.ready;
      for (const clientX of [1, 2, 3]) {
        document.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY: 4 }));
      }
      await line.publish("cursors", "last");`,
    // Those before the last one never went out.
    tells: [{ x: 3, y: 4 }, "last"],
  },
  "A command that must not come late": {
    server: "program",
    // Where nobody answers.
    before: `import { connect, ExpiredError } from "tautline"; const line = connect("/nowhere"); ${LOG}`,
    tells: ["The lamp is out of reach."],
  },
  "Reading on after a reload": {
    server: "program",
    before: `
      ${LINE} ${LOG}
      const before = sessionStorage.getItem("news") === null;
      await line.publish("news", before ? "first" : "second");`,
    act: async (page) => {
      await page.waitForFunction(() => sessionStorage.getItem("news")?.includes('"offset":1'));
      await page.reload();
    },
    tells: ["second"],
  },
  "Another encoding": {
    server: "example",
    before: CONNECT,
    after: `told(await line.request({ when: new Date(0) }).then(({ when }) => when.toISOString()));`,
    tells: ["1970-01-01T00:00:00.000Z"],
  },
  "Types for your messages": {
    server: "example",
    before: CONNECT,
    after: `
      // The example answers with the question.
      told(found); told(await line.request({ find: "Bob" }));
      // @ts-expect-error a request has no such property
      if (false) line.request({ fnid: "Bob" });`,
    tells: [undefined, { find: "Bob" }],
  },
  "Ending things": {
    server: "example",
    before: `${CONNECT} const page = new AbortController();`,
    after: `
      const ended = new Promise((resolve) => line.addEventListener("state", resolve));
      told(await answer); page.abort(); await ended; told(line.state);`,
    tells: ["are you there?", "closed"],
  },
  "Seeing what happens": {
    server: "example",
    before: `${CONNECT}
      const { log } = console;
      // What debug says is only counted.
      let lines = 0;
      console.log = (...given) => void (typeof given[0] === "string" ? (lines += 1) : told(given[0].connections));
      console.table = (rows) => told(Array.isArray(rows));`,
    after: `
      await line.request("answered");
      told(line.history().at(-1)?.state); told(lines > 2); log("as before");`,
    tells: [true, 0, "open", true],
  },
  Node: { node: true, server: "program", tells: "" },
  "Small bundles with esbuild": {
    server: "example",
    after: `told(await connect("/line").request("answered"));`,
    tells: ["answered"],
  },
  "No bundler": {
    html: true,
    server: "program",
    act: (page) => page.waitForFunction(() => document.title === "open"),
  },
};
