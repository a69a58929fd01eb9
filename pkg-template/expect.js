// What is said to an application that gives something else than what is meant.

import { InvalidArgumentError } from "./errors.js";

/** Of a value, in an error. */
const SHOWN = 99;

/** A value as errors show it. Some objects cannot be put into words. */
export function shown(value) {
  try {
    let words = String(value);
    const isPlain = typeof value === "string" || Array.isArray(value) || words === String({});
    if (isPlain) words = JSON.stringify(value);
    return words.slice(0, SHOWN) + (typeof value === "bigint" ? "n" : "");
  } catch {
    return typeof value;
  }
}

/** Throws unless `holds`: the option or argument `name` is to be `what`, and got `value`. */
export function expect(name, value, holds, what) {
  if (holds) return;
  throw new InvalidArgumentError(`Expected \`${name}\` to be ${what}, got ${shown(value)}.`);
}

/** How many characters have to be changed, left out or put in to make `one` of `other`. */
function distance(one, other) {
  let row = Array.from(`${one} `, (_, at) => at);
  for (const character of other) {
    const above = row;
    row = [above[0] + 1];
    for (let at = 0; at < one.length; at += 1) {
      const changed = above[at] + (one[at] !== character);
      row.push(Math.min(changed, above[at + 1] + 1, row[at] + 1));
    }
  }
  return row.at(-1);
}

/** Throws unless `name` is one of the `known`, which are names of `what`. */
export function expectKnown(what, name, known) {
  if (known.includes(name)) return;
  const away = (other) => distance(other, shown(name));
  const [nearest] = [...known].sort((one, other) => away(one) - away(other));
  throw new InvalidArgumentError(
    `There is no ${what} ${shown(name)} here: did you mean "${nearest}"? (${known.join(", ")})`,
  );
}
