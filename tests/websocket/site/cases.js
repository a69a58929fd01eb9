// Runs cases against a class, and returns what came of each as plain data.

import attributes from "./cases/attributes.js";
import closing from "./cases/closing.js";
import construction from "./cases/construction.js";
import events from "./cases/events.js";
import messages from "./cases/messages.js";
import shape from "./cases/shape.js";
import { describe } from "./describe.js";

const CASE_MS = 3000;
const groups = { shape, construction, attributes, messages, events, closing };

/** Returns the outcome of each case of a group by its name. */
export async function runGroup(group, Socket, base) {
  const outcomes = {};
  for (const [name, run] of Object.entries(groups[group])) {
    outcomes[name] = await outcome(() => run(Socket, base));
  }
  return outcomes;
}

async function outcome(run) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(`nothing after ${CASE_MS} ms`), CASE_MS);
  });
  try {
    return describe(await Promise.race([run(), late]));
  } catch (error) {
    return describe(error);
  } finally {
    clearTimeout(timer);
  }
}
