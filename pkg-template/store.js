// The database of lines that survive their pages: a record for each session, and its messages in the
// order of the outbox. What belongs together is one transaction.

const SESSIONS = "sessions";
const MESSAGES = "messages";
/** In the page's other storage: a database that is new in spite of it has been deleted. */
const MARK = "tautline";
/** Some browsers leave a request to open unanswered for ever. */
const OPEN_MS = 5_000;

/** A session's messages: keys are pairs of the session and a message's order. */
const messagesOf = (id) => IDBKeyRange.bound([id], [id, []]);

/** Another page has deleted the session. */
export class ClearedError extends Error {}

export class Store {
  /** The browser has deleted what was there. */
  lost = false;
  #database;
  /** What ends each transaction that is under way. */
  #underWay = new Set();

  static async open() {
    const store = new Store();
    const { database, creation } = await openDatabase();
    const isKnown = mark();
    store.#database = database;
    // Chromium alone says so, and only to whoever comes first, of all that the page has.
    store.lost = creation !== undefined && (isKnown || creation.dataLoss === "total");
    // The browser has deleted it, and may forget to say so to every transaction.
    store.#database.onclose = () => {
      for (const end of store.#underWay) end(new Error("the browser has closed it"));
    };
    return store;
  }

  /** The sessions of a name, the oldest first. */
  async sessions(name) {
    const all = await this.#transact("readonly", (sessions) => sessions.getAll());
    const own = all.filter((session) => session.name === name);
    return own.sort((one, other) => one.created - other.created);
  }

  add(session) {
    return this.#transact("readwrite", (sessions) => sessions.put(session));
  }

  /**
   * Begins another life of a session; undefined if it is gone. If a page adopts it that has another of
   * its own, its places in topics go to a new one, `heir`, for the next page of the name.
   */
  async take(id, heir) {
    let session;
    const orders = { result: [] };
    if (globalThis.localStorage?.getItem(abandonedKey(id))) {
      await this.remove(id);
      localStorage.removeItem(abandonedKey(id));
      return undefined;
    }
    const messages = await this.#transact("readwrite", (sessions, messages) => {
      sessions.get(id).onsuccess = ({ target }) => {
        session = target.result;
        if (session === undefined) return;
        if (heir) leave(sessions, session, heir);
        session.life += 1;
        session.left = false;
        sessions.put(session);
      };
      Object.assign(orders, { request: messages.getAllKeys(messagesOf(id)) });
      return messages.getAll(messagesOf(id));
    });
    if (session === undefined) return undefined;
    const keys = orders.request.result;
    return { ...session, messages: messages.map((record, at) => [keys[at][1], record]) };
  }

  /** Brings a session up to date; fails if another page has cleared it. */
  write(session, deleted, put) {
    return this.#transact("readwrite", (sessions, messages, transaction) => {
      sessions.get(session.id).onsuccess = ({ target }) => {
        if (target.result === undefined) transaction.abort();
      };
      sessions.put(session);
      for (const order of deleted) messages.delete([session.id, order]);
      for (const [order, record] of put) messages.put(record, [session.id, order]);
    });
  }

  remove(...ids) {
    return this.#transact("readwrite", (sessions, messages) => {
      for (const id of ids) {
        sessions.delete(id);
        messages.delete(messagesOf(id));
      }
    });
  }

  /**
   * Forgets a session whose line goes on from memory: what is here is older than what will be
   * transmitted. If the database does not do it, whoever takes the session up does.
   */
  async abandon(id) {
    try {
      await this.remove(id).catch(() => removeAnew(id));
    } catch {
      globalThis.localStorage?.setItem(abandonedKey(id), "abandoned");
    }
  }

  close() {
    this.#database.close();
  }

  /** Resolves with the result of the request that `work` returns, once all of it is committed. */
  #transact(mode, work) {
    let end;
    const ended = new Promise((resolve, reject) => {
      end = reject;
      // What is told to be stored has to survive the machine too, not only the browser.
      const options = { durability: "strict" };
      const transaction = this.#database.transaction([SESSIONS, MESSAGES], mode, options);
      let request;
      transaction.oncomplete = () => resolve(request?.result);
      // Without an error it was this page's own doing.
      transaction.onabort = () => reject(transaction.error ?? new ClearedError("it was cleared"));
      request = work(
        transaction.objectStore(SESSIONS),
        transaction.objectStore(MESSAGES),
        transaction,
      );
    });
    this.#underWay.add(end);
    return ended.finally(() => this.#underWay.delete(end));
  }
}

const abandonedKey = (id) => `tautline ${id}`;

/** This connection to the database may be dead. */
async function removeAnew(id) {
  const store = await Store.open();
  await store.remove(id).finally(() => store.close());
}

/** What was left before is older, and goes. */
function leave(sessions, session, heir) {
  const { name, positions } = session;
  if (positions.size === 0) return;
  sessions.getAll().onsuccess = ({ target }) => {
    const older = target.result.filter((other) => other.left && other.name === name);
    for (const { id } of older) sessions.delete(id);
  };
  sessions.put({ id: heir, name, created: Date.now(), life: 0, positions, left: true });
  session.positions = new Map();
}

/** Notes that there is a database; tells whether that was noted before. */
function mark() {
  try {
    const isNoted = localStorage.getItem(MARK) !== null;
    if (!isNoted) localStorage.setItem(MARK, "stored");
    return isNoted;
  } catch {
    // A worker has no such storage, and a page's may be forbidden or full.
    return false;
  }
}

/** Resolves with the database, and with the event of its creation if there was none. */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("tautline", 1);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(new Error("IndexedDB does not answer"));
    }, OPEN_MS);
    let creation;
    opening.onupgradeneeded = (event) => {
      creation = event;
      opening.result.createObjectStore(SESSIONS, { keyPath: "id" });
      opening.result.createObjectStore(MESSAGES);
    };
    opening.onsuccess = () => {
      clearTimeout(timer);
      const database = opening.result;
      // A later version of this package, in another page, needs the database for itself.
      database.onversionchange = () => database.close();
      if (late) database.close();
      else resolve({ database, creation });
    };
    opening.onerror = () => {
      clearTimeout(timer);
      reject(opening.error);
    };
  });
}
