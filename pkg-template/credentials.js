// Credentials, from a function of the application.

import { expect } from "./expect.js";
import { bytesOf, isBytes } from "./payload.js";

const BYTES_MAX = 16_384;

/** A copy of credentials as bytes. What they are is shown to nobody. */
export function credentialsOf(given) {
  const isUsable = typeof given === "string" || isBytes(given);
  const bytes = isUsable ? bytesOf(given).slice() : undefined;
  const got = isUsable ? bytes.length : given && typeof given;
  expect("credentials", got, bytes?.length <= BYTES_MAX, `a string or up to ${BYTES_MAX} bytes`);
  return bytes;
}

export class CredentialsSource {
  #give;
  /** What they are wanted for. */
  #wanted = { cause: "connect" };
  /** Ends the call that is under way. */
  #asking = new AbortController();

  constructor(give) {
    this.#give = give;
  }

  /** The line has changed its state. */
  changed({ state, code, reason }) {
    const isRefused = code >= 4200 && code < 4300;
    if (isRefused) this.#wanted = { cause: "refused", reason };
    else if (state === "open") this.#wanted = { cause: "refresh" };
    else if (this.#wanted.cause === "refresh") this.#wanted = { cause: "connect" };
    if (state === "closed") this.#asking.abort();
  }

  /** Resolves with bytes, with null if the application has none any more, with nothing if not now. */
  async ask() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    try {
      const given = await this.#give({ ...this.#wanted, signal });
      if (given === null) return null;
      return credentialsOf(given);
    } catch (error) {
      if (signal.aborted) return undefined;
      console.warn("tautline: the credentials function failed; the line tries again later:", error);
    }
    return undefined;
  }
}
