/**
 * Signing mandates, and what they may follow.
 *
 * **`prev` is money.** A mandate's id covers its `prev`, so one signature speaks for every mandate before it
 * in its chain, unseen. A signer that follows an id it was handed signs whatever that id stands for: a mandate
 * that never existed, over the whole balance; one that the payer's limits refused; one signed with a stolen key.
 *
 * So a `Signer` takes no id. It follows only mandates that it signed itself, with the key that it has now,
 * in the same wallet, token and account, and only once somebody says that they left for their payee *and* were
 * accepted (`released`). It starts a new chain everywhere else, which costs nobody anything.
 */

import type { Address } from "viem";

import type { MandateKey } from "./key.js";
import { mandateId, type Mandate, type SignedMandate, type WalletId } from "./mandate.js";

/** What a payer decides about a payment. What it follows is the signer's to find out. */
export type MandateTerms = Omit<Mandate, "prev">;

/** A mandate that a signer has just signed. */
export interface Signed extends SignedMandate {
  readonly id: bigint;
}

/** A mandate that its signer may follow. Only `Signer.released` makes one. */
export class Released {
  readonly #signer: Signer;
  readonly signed: Signed;

  /** @internal */
  constructor(signer: Signer, signed: Signed) {
    this.#signer = signer;
    this.signed = signed;
  }

  /** @internal Whether that signer released it. */
  isOf(signer: Signer): boolean {
    return this.#signer === signer;
  }
}

/** Signs mandates with one key, for one wallet. */
export class Signer {
  readonly #key: MandateKey;
  readonly #own = new WeakSet<Signed>();

  constructor(
    key: MandateKey,
    /** The wallet that its mandates debit. */
    readonly at: WalletId,
  ) {
    this.#key = key;
  }

  /** Signs a mandate. It follows `previous` where it may, and starts a chain where it may not. */
  sign(terms: MandateTerms, previous?: Released): Signed {
    const prev = previous !== undefined && this.#mayFollow(previous, terms) ? previous.signed.id : 0n;
    const mandate: Mandate = Object.freeze({ ...terms, prev });
    const id = mandateId(this.at, mandate);
    const signed = Object.freeze({ id, mandate, key: this.#key.publicKey, signature: this.#key.sign(id) });
    this.#own.add(signed);
    return signed;
  }

  /**
   * States that a mandate left for its payee, and that its receipt came back. Nothing can check that here: say
   * it after the last rule that could still have stopped the payment.
   *
   * @throws when this signer did not sign it. A mandate from elsewhere is never followed.
   */
  released(signed: Signed): Released {
    if (!this.#own.has(signed)) throw new Error("the mandate was not signed by this signer");
    return new Released(this, signed);
  }

  #mayFollow(previous: Released, { account, token }: { account: number; token: Address }): boolean {
    const { mandate } = previous.signed;
    const own = previous.isOf(this) && this.#own.has(previous.signed);
    return own && mandate.account === account && mandate.token === token;
  }
}
