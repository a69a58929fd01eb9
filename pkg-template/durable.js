// What `connect(url, { durable })` loads: a line that survives its page.

import { Keeper } from "./keeper.js";
import { own } from "./ownership.js";
import { Store } from "./store.js";
import { Turn } from "./turns.js";

const NO_STORE = "this WebAssembly is not the one of durable lines, tautline/tautline.durable.wasm";
const STORED = { stored: true, reason: "stored in IndexedDB" };
const LOST = { stored: true, lost: true, reason: "the browser has lost what was stored before" };

/** Sessions are named by the server's session ids, in hexadecimal. */
const newId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

/**
 * Resolves with what keeps the state of `line`; with undefined if it was closed before it had begun
 * or, after telling why, if that cannot be. `inside` is what the line lets nobody else do.
 */
export async function keep(line, settings, inside) {
  const { adopts, durable } = settings;
  const turn = adopts ? undefined : new Turn(durable, () => inside.outgoing.closing);
  let store;
  let owned = adopts;
  let keeper;
  try {
    if (!globalThis.indexedDB) throw new Error("there is no IndexedDB here");
    if (!globalThis.navigator?.locks) throw new Error("there are no Web Locks here");
    if (!(await inside.wasm).stores) throw new Error(NO_STORE);
    store = await Store.open();
    await turn?.come();
    if (line.state !== "closed") {
      owned = await take(store, settings);
      keeper = new Keeper(line, settings, inside, store, owned, turn);
      line._emit("durability", { ...(store.lost ? LOST : STORED) });
    }
  } catch (error) {
    if (adopts) line.close({ timeout: 0 });
    line._emit("durability", { stored: false, reason: error.message, error });
  }
  turn?.end();
  if (keeper) return keeper;
  store?.close();
  owned?.release();
  turn?.leave();
}

/** The oldest session of the name that no page works on, or a new one. */
async function take(store, { durable: name, adopts }) {
  if (adopts) {
    const session = await store.take(adopts.id, newId());
    if (session) return { ...adopts, session };
    throw new Error("it was cleared");
  }
  for (const { id } of await store.sessions(name)) {
    const release = await own(id);
    try {
      const session = release && (await store.take(id));
      if (session) return { release, session };
    } catch (error) {
      release();
      throw error;
    }
    release?.();
  }
  const id = newId();
  const release = await own(id);
  const session = { id, name, created: Date.now(), life: 1, positions: new Map() };
  await store.add(session);
  return { release, session: { ...session, messages: [] }, isNew: true };
}
