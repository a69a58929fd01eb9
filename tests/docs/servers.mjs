// The servers that the documents speak of: each is started when the first piece of code wants it.

import { docs, setupWSConnection } from "@y/websocket-server/utils";
import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";

import { afterwards } from "../e2e/afterwards.mjs";
import { Server, setting } from "../e2e/processes.mjs";
import { listen, serveCases } from "../websocket/backend.mjs";

/** The token that `server --token` asks for, and that the site gives away at /token. */
export const TOKEN = "s3cret";

/** What stands behind the bridge. */
const BACKENDS = {
  echo: serveCases,
  async yjs(t) {
    const { server, host } = await listen(t);
    server.on("connection", setupWSConnection);
    // Else their timers would keep this process from ending.
    afterwards(t, () => docs.forEach((doc) => doc.destroy()));
    return host;
  },
  async graphql(t) {
    const { server, host } = await listen(t);
    const schema = buildSchema("type Query { hello: String! }");
    useServer({ schema, roots: { query: { hello: () => "world" } } }, server);
    return host;
  },
};

const PROGRAMS = {
  program: async () => ["TAUTLINE_SERVER"],
  token: async () => ["TAUTLINE_SERVER", "--token", TOKEN],
  example: async () => ["TAUTLINE_EXAMPLE"],
};
for (const [name, serve] of Object.entries(BACKENDS)) {
  PROGRAMS[name] = async (t) => ["TAUTLINE_BRIDGE", "--backend", await serve(t)];
}

/** Servers of one folder of files. */
export class Servers {
  #folder;
  #started = {};

  constructor(folder) {
    this.#folder = folder;
  }

  /** The origin of the server of this name; `t` is the test that all of them end with. */
  origin(t, name) {
    this.#started[name] ??= this.#start(t, name);
    return this.#started[name];
  }

  async #start(t, name) {
    const [program, ...options] = await PROGRAMS[name](t);
    const server = new Server(setting(program), [...options, "--static", this.#folder]);
    await server.start();
    afterwards(t, () => server.kill());
    return server.origin;
  }
}
