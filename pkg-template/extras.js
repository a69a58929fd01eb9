// What only some lines want, in files that are loaded for them alone.

/** What an entry brings along by itself, by name: for where `import()` is forbidden. */
export const brought = {};

/** Without it the line works as well. */
const optional = (loading, name) =>
  loading.catch((error) => console.warn(`tautline: \`${name}\` could not be loaded:`, error));

/** One for all: imports that are under way at the same time end in any order, and lines have theirs. */
let durable;

/** Resolves with what keeps the state of a durable line; with undefined if nothing can. */
export async function keeperFor(line, settings, inside) {
  try {
    durable ??= brought.durable ?? import("./durable.js");
    return await (await durable).keep(line, settings, inside);
  } catch (error) {
    durable = undefined;
    line._emit("durability", { stored: false, reason: error.message, error });
  }
}

/**
 * Resolves with the wasm, and, if there are any, with what is to see every WebSocket of the line
 * and with what keeps its state, as `keeping` does.
 */
export async function loadFor(line, { url, debug, warnBeforeUnload }, wasm, outgoing, keeping) {
  // Only a page is left.
  if (warnBeforeUnload && globalThis.document) {
    const loading = optional(import("./warn.js"), "warnBeforeUnload");
    loading.then((warn) => (outgoing.taken = warn?.watcher(line)));
  }
  const debugging = debug
    ? (brought.debug ?? optional(import("./debug.js"), "debug"))
    : undefined;
  return [await wasm, (await debugging)?.watcher(line, url), await keeping];
}
