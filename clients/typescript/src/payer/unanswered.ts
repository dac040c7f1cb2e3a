/**
 * Payments that have no final answer yet, out of the journal. A mandate that left may have been taken, whatever came
 * back or did not: so it waits here for the same request to be asked for again, and is sent again then. What one call
 * is sending is not given to another one. After its deadline a mandate is worth nothing to a payee that does not have
 * it, and waits no longer.
 */

import type { Line } from "./journal.js";

type Signed = Extract<Line, { kind: "signed" }>;

/** A payment without a final answer. */
export type Unanswered = Signed & { readonly request: NonNullable<Signed["request"]> };

/** At how many payments the expired ones are looked for. */
const PRUNE_AT = 1_024;

/** All that wait. */
export class Waiting {
  readonly #payments = new Map<string, Unanswered>();
  readonly #byRequest = new Map<string, string[]>();
  /** Those that a call of this process is sending. */
  readonly #taken = new Set<string>();
  #pruneAt = PRUNE_AT;

  /** What a line of the journal says. */
  apply(line: Line): void {
    if (line.kind === "signed" && line.request !== undefined) this.#add({ ...line, request: line.request });
    if (line.kind === "withheld" || line.kind === "refused" || line.kind === "answered") this.#remove(line.id);
  }

  /** A call of this process sends it. */
  take(id: string): void {
    this.#taken.add(id);
  }

  /** Nobody waits for its answer any more. */
  letGo(id: string): void {
    this.#taken.delete(id);
  }

  /** The newest one for a request, if there is any. It is the caller's until it is let go. */
  find(key: string, now: number): Unanswered | undefined {
    const ids = [...(this.#byRequest.get(key) ?? [])].reverse();
    for (const id of ids) {
      const payment = this.#payments.get(id);
      if (payment === undefined || this.#taken.has(id) || payment.mandate.mandate.deadline < now) continue;
      this.take(id);
      return payment;
    }
    return undefined;
  }

  #add(payment: Unanswered): void {
    if (this.#payments.size >= this.#pruneAt) {
      for (const [id, { mandate }] of this.#payments) {
        if (mandate.mandate.deadline < payment.at && !this.#taken.has(id)) this.#remove(id);
      }
      this.#pruneAt = Math.max(PRUNE_AT, 2 * this.#payments.size);
    }
    this.#payments.set(payment.id, payment);
    const { key } = payment.request;
    this.#byRequest.set(key, [...(this.#byRequest.get(key) ?? []), payment.id]);
  }

  #remove(id: string): void {
    this.#taken.delete(id);
    const payment = this.#payments.get(id);
    if (payment === undefined) return;
    this.#payments.delete(id);
    const { key } = payment.request;
    const ids = (this.#byRequest.get(key) ?? []).filter((other) => other !== id);
    if (ids.length > 0) this.#byRequest.set(key, ids);
    else this.#byRequest.delete(key);
  }
}
