/**
 * What a payer may spend: on whom, in what, how much at once, on one host and in a day.
 *
 * What counts is what was **signed**, from the moment on at which it was written down, whether or not anybody was
 * heard to accept it: a mandate that left can be handed in until it expires. It counts for 24 hours, and counts less
 * once the processor's own signature says that less was captured.
 */

import type { Address } from "viem";

import { address } from "../wire.js";
import type { Line } from "./journal.js";

/** How long a payment counts, in seconds. */
const DAY_S = 86_400;

/** What may be spent in one token, in base units. */
export interface Allowance {
  /** In one payment. */
  readonly perCall: bigint;
  /** On one host, in 24 hours. */
  readonly perHost: bigint;
  /** In all, in 24 hours. */
  readonly perDay: bigint;
}

/** What a payer may spend. Nothing, unless it says so. */
export interface Limits {
  /** The tokens that may be paid in, by address. No other is. */
  readonly tokens: Readonly<Record<string, Allowance>>;
  /** The payees that may be paid; any, where this is left out. */
  readonly payees?: readonly string[];
  /** The hosts that may be paid, in lower case, with the port where it is not the scheme's own; any, if left out. */
  readonly hosts?: readonly string[];
}

/** The same bound for a call, a host and a day. */
export function atMost(amount: bigint): Allowance {
  return { perCall: amount, perHost: amount, perDay: amount };
}

/** A limit would be broken. Nothing was signed. */
export class LimitError extends Error {
  override readonly name = "LimitError";

  constructor(
    /** Which one. */
    readonly limit: "token" | "payee" | "host" | "perCall" | "perHost" | "perDay",
    message: string,
  ) {
    super(message);
  }
}

/** What is to be spent. */
interface Ask {
  readonly token: Address;
  readonly payee: Address;
  readonly amount: bigint;
  readonly host: string;
}

interface Spend {
  readonly at: number;
  readonly token: Address;
  readonly host: string;
  amount: bigint;
}

/** What the journal says: what was spent, and which nonce is next. */
export class Known {
  nextNonce: bigint | undefined;
  readonly #spends = new Map<string, Spend>();

  apply(line: Line): void {
    switch (line.kind) {
      case "opened":
        this.nextNonce = line.firstNonce;
        break;
      case "signed": {
        const { token, amount, nonce } = line.mandate.mandate;
        this.nextNonce = nonce + 1n;
        this.#spends.set(line.id, { at: line.at, token, host: line.host, amount });
        break;
      }
      case "withheld":
        this.#lower(line.id, 0n);
        break;
      case "captured":
        this.#lower(line.id, line.amount);
        break;
    }
  }

  /** What was spent in a token in the 24 hours before `now`, unix seconds: in all, or on one host. */
  spent(token: Address, now: number, host?: string): bigint {
    let sum = 0n;
    for (const [id, spend] of this.#spends) {
      if (spend.at + DAY_S <= now) this.#spends.delete(id);
      else if (spend.token === token && (host === undefined || spend.host === host)) sum += spend.amount;
    }
    return sum;
  }

  #lower(id: string, amount: bigint): void {
    const spend = this.#spends.get(id);
    if (spend !== undefined && amount < spend.amount) spend.amount = amount;
  }
}

/** Limits, ready to be checked. */
export class Bounds {
  readonly #tokens: Map<Address, Allowance>;
  readonly #payees: Set<Address> | undefined;
  readonly #hosts: Set<string> | undefined;

  /** @throws WireError when an address is none. */
  constructor(limits: Limits) {
    const { tokens, payees, hosts } = limits;
    this.#tokens = new Map(
      Object.entries(tokens).map(([token, allowance]) => [address(token, "limits.tokens"), allowance]),
    );
    this.#payees = payees && new Set(payees.map((payee) => address(payee, "limits.payees")));
    this.#hosts = hosts && new Set(hosts);
  }

  /** What may be spent at once, by token. */
  *perCall(): Iterable<[Address, bigint]> {
    for (const [token, { perCall }] of this.#tokens) yield [token, perCall];
  }

  /**
   * Checks whom and what may be paid, and how much at once.
   *
   * @throws LimitError with the first limit that would be broken.
   */
  checkCall({ token, payee, amount, host }: Ask): Allowance {
    const allowance = this.#tokens.get(token);
    if (allowance === undefined) throw new LimitError("token", `payments in the token ${token} are not allowed`);
    if (this.#payees?.has(payee) === false) {
      throw new LimitError("payee", `payments to ${payee} are not allowed`);
    }
    if (this.#hosts?.has(host) === false) {
      throw new LimitError("host", `payments to the host ${host} are not allowed`);
    }
    if (amount > allowance.perCall) {
      const limit = `one payment may be at most ${allowance.perCall}`;
      throw new LimitError("perCall", `${amount} is asked for, and ${limit}`);
    }
    return allowance;
  }

  /**
   * Checks everything: `checkCall`, then what was spent before.
   *
   * @throws LimitError
   */
  check(ask: Ask, known: Known, now: number): void {
    const { perHost, perDay } = this.checkCall(ask);
    const { token, amount, host } = ask;
    const asked = `${amount} is asked for`;
    const onHost = known.spent(token, now, host);
    if (onHost + amount > perHost) {
      throw new LimitError("perHost", `${asked}; ${onHost} of ${perHost} was spent on ${host} in 24 hours`);
    }
    const inAll = known.spent(token, now);
    if (inAll + amount > perDay) {
      throw new LimitError("perDay", `${asked}; ${inAll} of ${perDay} was spent in 24 hours`);
    }
  }
}
