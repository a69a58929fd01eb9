// What is said to an application that gives something else than what is meant.

import { InvalidArgumentError } from "./errors.js";

/** Throws unless `holds`: the option or argument `name` is to be `what`, and got `value`. */
export function expect(name, value, holds, what) {
  if (holds) return;
  throw new InvalidArgumentError(`Expected \`${name}\` to be ${what}, got ${String(value)}.`);
}
