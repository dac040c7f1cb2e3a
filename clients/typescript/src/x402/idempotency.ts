/**
 * The mandates that paid already. A payee that forgets one serves it twice, so it is kept for as long as it could pass
 * for a new one, and where there is no room, payments are turned away before they reach the processor.
 */

/** What is known about a mandate that comes in. */
export type Lookup = "new" | "in flight" | "served" | "full";

/** Mandates by their ids. */
export class IdempotencyCache {
  readonly #most: number;
  /** In the order of coming: old ones come first. */
  readonly #seen = new Map<string, { until: number; served: boolean }>();

  /** @param most How many are remembered at most. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a mandate, to be remembered until then. One that is "new" is to be `served` or `let go`. */
  begin(id: string, now: number, until: number): Lookup {
    const seen = this.#seen.get(id);
    if (seen !== undefined) return seen.served ? "served" : "in flight";
    for (const [old, entry] of this.#seen) {
      if (entry.until >= now || !entry.served) break;
      this.#seen.delete(old);
    }
    if (this.#seen.size >= this.#most) return "full";
    this.#seen.set(id, { until, served: false });
    return "new";
  }

  /** It paid. */
  served(id: string): void {
    const seen = this.#seen.get(id);
    if (seen !== undefined) seen.served = true;
  }

  /** It did not pay, for all that is known, and may be tried again. */
  letGo(id: string): void {
    this.#seen.delete(id);
  }
}
