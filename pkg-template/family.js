// The other sessions of a line's name: those that lose their page are adopted, and all are cleared
// together.

import { orphaned } from "./ownership.js";
import { Store } from "./store.js";

const channelOf = (name) => new BroadcastChannel(`tautline ${name}`);

/** Deletes all sessions of a name; every line of it ends, in all pages. */
export async function clear(name) {
  const channel = channelOf(name);
  channel.postMessage({ cleared: true });
  channel.close();
  const store = await Store.open();
  const sessions = await store.sessions(name);
  await store.remove(...sessions.map(({ id }) => id));
  store.close();
}

export class Family {
  #line;
  #settings;
  #inside;
  #channel;
  #ending = new AbortController();
  #known = new Set();
  /** The lines that deliver what adopted sessions have left. */
  #adopted = new Set();

  constructor(line, settings, inside, { store, id, cleared }) {
    this.#line = line;
    this.#settings = settings;
    this.#inside = inside;
    this.#known.add(id);
    this.#channel = channelOf(settings.durable);
    this.#channel.onmessage = ({ data }) => {
      if (data.cleared) cleared();
      else this.#meet(data.id);
    };
    this.#channel.postMessage({ id });
    const meetAll = (sessions) => sessions.forEach(({ id, left }) => left || this.#meet(id));
    // What the store does not tell now, another page does.
    store.sessions(settings.durable).then(meetAll, () => {});
  }

  async #meet(id) {
    if (this.#known.has(id)) return;
    this.#known.add(id);
    try {
      const release = await orphaned(id, this.#ending.signal);
      if (release) await this.#adopt({ id, release });
      // It may be met again, with other messages.
      this.#known.delete(id);
    } catch {
      // This page has let go of its own session, and adopts no other.
    }
  }

  /** Runs a line of its own for what the session has left; resolves when that has ended. */
  #adopt(adopts) {
    const { load, deliver } = this.#inside;
    const settings = { ...this.#settings, adopts, signal: undefined };
    const adopted = new this.#line.constructor(settings, load);
    this.#adopted.add(adopted);
    adopted.addEventListener("message", (event) => deliver({ ...event, adopted: true }));
    for (const type of ["settled", "lost", "gap"]) {
      adopted.addEventListener(type, (event) => {
        this.#line._emit(type, { ...event, adopted: true });
      });
    }
    return new Promise((resolve) => {
      adopted.addEventListener("state", ({ state }) => {
        if (state !== "closed") return;
        this.#adopted.delete(adopted);
        resolve();
      });
    });
  }

  async pending() {
    const lists = await Promise.all([...this.#adopted].map((line) => line.pending()));
    return lists.flat().map((message) => ({ ...message, adopted: true }));
  }

  stop() {
    this.#channel.close();
    this.#ending.abort();
    for (const adopted of this.#adopted) adopted.close({ timeout: 0 });
  }
}
