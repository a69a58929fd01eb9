// What only some lines want, in files that are loaded for them alone.

/** What an entry brings along by itself, by name: for where `import()` is forbidden. */
export const brought = {};

/** Without it the line works as well. */
const optional = (loading, name) =>
  loading.catch((error) => console.warn(`tautline: \`${name}\` could not be loaded:`, error));

/** Resolves with what keeps the state of a durable line; with undefined if nothing can. */
export async function keeperFor(line, settings, inside) {
  try {
    return await (await (brought.durable ?? import("./durable.js"))).keep(line, settings, inside);
  } catch (error) {
    line._emit("durability", { stored: false, reason: error.message, error });
  }
}

/**
 * Resolves with the wasm, and, if there are any, with what is to see every WebSocket of the line
 * and with what keeps its state, as `keeping` does.
 */
export async function loadFor(line, { url, debug, warnBeforeUnload }, wasm, keeping) {
  if (warnBeforeUnload) {
    optional(import("./warn.js"), "warnBeforeUnload").then((warn) => warn?.warnBeforeUnload(line));
  }
  const debugging = debug
    ? (brought.debug ?? optional(import("./debug.js"), "debug"))
    : undefined;
  return [await wasm, (await debugging)?.watcher(line, url), await keeping];
}
