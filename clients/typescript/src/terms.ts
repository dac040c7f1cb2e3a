/**
 * A payee's terms: one entry of `accepts` in an answer 402, for the scheme `aep2`. Fields that are not read here
 * concern no money; they go back to the payee as they came.
 */

import type { PaymentRequirements } from "@x402/core/types";
import { zeroAddress, type Address, type Hex } from "viem";

import { readDisputes } from "./disputes.js";
import type { Purchase } from "./purchase.js";
import { WALLET_NAME, WALLET_VERSION } from "./receipt.js";
import { WireError, address, bytes, decimal, fieldsOf, integer, oneOf, optional, text, type Reader } from "./wire.js";

/** The scheme's name in x402. */
export const SCHEME = "aep2";

const chain: Reader<number> = (value, path) => {
  const digits = /^eip155:([1-9][0-9]{0,15})$/.exec(text(value, path))?.[1];
  const id = Number(digits);
  if (!Number.isSafeInteger(id)) throw new WireError(path, "is not an EVM chain in CAIP-2's form");
  return id;
};

const read = fieldsOf({
  scheme: oneOf(SCHEME),
  network: chain,
  amount: decimal(96, 1n),
  asset: address,
  payTo: address,
  maxTimeoutSeconds: integer(53),
  extra: fieldsOf({
    wallet: address,
    processor: address,
    settleWithinSeconds: integer(53),
    name: oneOf(WALLET_NAME),
    version: oneOf(WALLET_VERSION),
    capture: oneOf("full", "metered"),
    method: optional(text),
    order: optional(bytes(32)),
    disputes: optional(readDisputes),
  }),
});

/** Terms, understood. */
export interface Terms {
  /** What they sell, but for the request. */
  readonly offer: Omit<Purchase, "method" | "resource">;
  /** How long the order is good, in seconds. */
  readonly maxTimeoutSeconds: number;
  /** By when after acceptance the processor settles, in seconds. */
  readonly settleWithinSeconds: number;
  /** Whether the amount is the price, or the most that it can be. */
  readonly capture: "full" | "metered";
  /** The HTTP method that they are for, where they say it. */
  readonly method: string | undefined;
  /** The payee's number of the order; none in intent mode. */
  readonly order: Hex | undefined;
}

/**
 * Reads terms.
 *
 * @throws WireError
 */
export function readTerms(value: unknown, path = "accepts"): Terms {
  const { network: chainId, amount, asset: token, payTo: payee, maxTimeoutSeconds, extra } = read(value, path);
  const { wallet, processor, settleWithinSeconds, capture, method, order, disputes } = extra;
  requireTaker(payee, wallet, token, `${path}.payTo`);
  const offer = { venue: { chainId, wallet, processor }, token, payee, amount, ...(disputes && { disputes }) };
  return { offer, maxTimeoutSeconds, settleWithinSeconds, capture, method, order };
}

/** Refuses a payee from whose address nobody ever takes the money out: 0, the wallet, the token. */
function requireTaker(payee: Address, wallet: Address, token: Address, path: string): void {
  const own = payee.toLowerCase();
  const lost = [zeroAddress, wallet, token].some((address) => address.toLowerCase() === own);
  if (lost) throw new WireError(path, `${payee} is the address 0, the wallet or the token: what it is paid is lost`);
}

/** The same terms without the payee's order: what is accepted in intent mode. */
export function withoutOrder(written: PaymentRequirements): PaymentRequirements {
  const { order: _, ...extra } = written.extra;
  return { ...written, extra };
}
