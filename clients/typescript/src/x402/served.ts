/**
 * The mandates that paid already. A payee that forgets one serves it twice, so it is kept for as long as it could pass
 * for a new one, and where there is no room, payments are turned away before they reach the processor.
 */

/** How a mandate stands with the payee. */
export type Claim = "new" | "settling" | "used" | "full";

/** Remembers mandates by their ids. */
export class Served {
  readonly #most: number;
  /** In the order of claiming: old ones come first. */
  readonly #seen = new Map<string, { until: number; used: boolean }>();

  /** @param most How many are remembered at most. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Claims a mandate, to be remembered until then. One that is "new" is to be `used` or `let go`. */
  claim(id: string, now: number, until: number): Claim {
    const seen = this.#seen.get(id);
    if (seen !== undefined) return seen.used ? "used" : "settling";
    for (const [old, entry] of this.#seen) {
      if (entry.until >= now || !entry.used) break;
      this.#seen.delete(old);
    }
    if (this.#seen.size >= this.#most) return "full";
    this.#seen.set(id, { until, used: false });
    return "new";
  }

  /** It paid. */
  used(id: string): void {
    const seen = this.#seen.get(id);
    if (seen !== undefined) seen.used = true;
  }

  /** It did not pay, for all that is known, and may be tried again. */
  letGo(id: string): void {
    this.#seen.delete(id);
  }
}
