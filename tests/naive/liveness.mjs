// Is the connection alive? Section 10 of PROTOCOL.md, for the naive client.

export class Liveness {
  /** Smoothed, in milliseconds. */
  roundTrip;
  #heartbeat;
  #heardAt;
  #waitsSince;
  #probe;
  #nonce = 0n;
  #pingedAt;

  begins(now, helloAt, heartbeat) {
    this.#heartbeat = Math.min(Math.max(Number(heartbeat), 1_000), 600_000); // C-14
    this.#sample(now - helloAt);
    this.#waitsSince = this.#pingedAt = undefined;
    this.heard(now);
  }

  heard(now) {
    this.#heardAt = now;
    this.#probe = undefined;
  }

  /** A message leaves. */
  waits(now) {
    this.#waitsSince ??= now;
  }

  ping(now, flying) {
    const again = Boolean(this.#probe);
    this.#probe = { by: now + this.#patience(1_500, flying), again }; // C-16
    this.#pingedAt = now;
    return { frame: "PING", nonce: (this.#nonce += 1n) };
  }

  answered(now, nonce) {
    if (nonce !== this.#nonce || this.#pingedAt === undefined) return;
    this.#sample(now - this.#pingedAt);
    this.#pingedAt = undefined;
  }

  #sample(sample) {
    this.roundTrip = this.roundTrip === undefined ? sample : (this.roundTrip * 7 + sample) / 8;
  }

  #patience(least, flying) {
    const bytes = flying.reduce((sum, size) => sum + size, 0);
    const travel = Math.min(bytes, Math.max(flying[0] ?? 0, 65_536)) / 32;
    return Math.max(least, 4 * this.roundTrip) + travel;
  }

  isSilent = (now) => !this.#probe && now - this.#heardAt > 5_000;

  /** `probe`, `dead` or nothing to do; `flying` are the sizes of the messages in flight. */
  look(now, flying) {
    if (flying.length === 0) this.#waitsSince = undefined;
    if (this.#probe) {
      if (now < this.#probe.by) return undefined;
      return now - this.#probe.by > 1_000 && !this.#probe.again ? "probe" : "dead"; // C-16
    }
    const since = Math.max(this.#waitsSince ?? Infinity, this.#heardAt);
    const isDue = now >= this.#heardAt + this.#heartbeat
      || now >= since + this.#patience(2_000, flying); // C-14
    return isDue ? "probe" : undefined;
  }
}
