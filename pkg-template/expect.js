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

/** Throws unless `name` is one of the `known`, which are names of `what`. */
export function expectKnown(what, name, known) {
  if (known.includes(name)) return;
  const words = `There is no ${what} ${shown(name)} here, but these: ${known.join(", ")}.`;
  throw new InvalidArgumentError(words);
}
