/**
 * Telling the processor that less is taken, until it has heard. A capture that does not get through in time leaves the
 * payer charged in full. So it is tried again in the background, for as long as the mandate may still wait for it; the
 * answer to the payer does not wait that long.
 */

import { setTimeout as sleep } from "node:timers/promises";

import type { Hex, LocalAccount } from "viem";

import type { Mandate } from "../mandate.js";
import type { Signatories } from "../purchase.js";
import { ReceiptError, checkStatement, signCapture, type CaptureStatement } from "../receipt.js";

/** How many captures may be on their way. */
const PENDING_MAX = 4_096;
/** How long the processor is asked, how long one question may take, and how long an answer waits for it. */
const EFFORT_MS = 60_000;
const QUESTION_MS = 5_000;
const WAIT_MS = 2_000;
const PAUSE_MS = 200;
const PAUSE_MS_MAX = 5_000;

/** Takes captures to the processor. */
export class Captures {
  readonly #processor: string;
  readonly #payee: LocalAccount;
  readonly #skew: number;
  readonly #now: () => number;
  readonly #pending = new Set<Promise<unknown>>();

  /**
   * @param processor The processor's URL.
   * @param payee The key of the address that is paid.
   * @param skew By how many seconds the processor's clock may differ.
   * @param now The time in unix seconds.
   */
  constructor(processor: string, payee: LocalAccount, skew: number, now: () => number) {
    this.#skew = skew;
    this.#now = now;
    this.#processor = processor.replace(/\/+$/, "");
    this.#payee = payee;
  }

  /** Captures `amount` of a mandate. Gives the processor's statement, where it comes soon. */
  async capture(id: Hex, mandate: Mandate, by: Signatories, amount: bigint): Promise<CaptureStatement | undefined> {
    if (this.#pending.size >= PENDING_MAX) {
      console.error(`aep2: too many captures wait for the processor; ${id} is charged in full`);
      return undefined;
    }
    const asking = this.#ask(id, mandate, by, amount).catch((error: unknown) => {
      console.error(`aep2: the capture of ${amount} of ${id} failed:`, error);
      return undefined;
    });
    this.#pending.add(asking);
    void asking.finally(() => this.#pending.delete(asking));
    const waited = new AbortController();
    const soon = sleep(WAIT_MS, undefined, { signal: waited.signal }).catch(() => undefined);
    return Promise.race([asking, soon]).finally(() => waited.abort());
  }

  /** Resolves when no capture is on its way. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
  }

  async #ask(id: Hex, mandate: Mandate, by: Signatories, amount: bigint): Promise<CaptureStatement> {
    const body = JSON.stringify(await signCapture(this.#payee, by, id, amount));
    const until = performance.now() + EFFORT_MS;
    const from = this.#now();
    for (let pause = PAUSE_MS; ; pause = Math.min(2 * pause, PAUSE_MS_MAX)) {
      try {
        const statement = await this.#post(`${this.#processor}/v1/mandates/${id}/capture`, body);
        const checked = await checkStatement(statement, mandate, by, { from, now: this.#now(), skew: this.#skew });
        if (checked.receipt.amount !== amount) throw new ReceiptError("the statement says another amount");
        return checked;
      } catch (error) {
        if (error instanceof Refused || error instanceof ReceiptError || performance.now() > until) throw error;
      }
      await sleep(pause);
    }
  }

  async #post(url: string, body: string): Promise<unknown> {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(QUESTION_MS) });
    const text = await response.text();
    if (response.ok) return (JSON.parse(text) as { receipt?: unknown }).receipt;
    const again = response.status === 429 || response.status >= 500;
    throw new (again ? Error : Refused)(`the processor answered ${response.status}: ${text.slice(0, 300)}`);
  }
}

/** The processor said no. */
class Refused extends Error {}
