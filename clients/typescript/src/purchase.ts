/**
 * What a mandate pays for, and how its `ref` says so: the EIP-712 struct hash of an order, which the payee
 * numbered, or of an intent, which the payer's account and nonce make one of a kind. A mandate for one order,
 * resource, method or price never pays for another. `docs/payments.md` has the rule.
 */

import { hashStruct, type Address, type Hex } from "viem";

import { disputesHash, type Disputes } from "./disputes.js";
import type { WalletId } from "./mandate.js";

/** Where a payment counts: a wallet, and the processor whose receipts are taken. */
export interface Venue extends WalletId {
  /** The address that signs the processor's receipts. */
  readonly processor: Address;
}

/** Who may answer for a receipt, where it counts. */
export interface Signatories extends Venue {
  /** Whose ruling may lower what the receipt says; nobody's if left out. */
  readonly arbiter?: Address | undefined;
}

/** What is bought, and on which terms. */
export interface Purchase {
  /** The HTTP method, as it is sent: in capitals. */
  readonly method: string;
  /** The URL as it is sent, without fragment and credentials. Compared byte by byte. */
  readonly resource: string;
  readonly venue: Venue;
  readonly token: Address;
  readonly payee: Address;
  /** The price in base units, or for metered calls the most that it can be. */
  readonly amount: bigint;
  /** Who decides about disputes; none where the terms agree to none. */
  readonly disputes?: Disputes | undefined;
}

/** What makes a purchase one of a kind. */
export type PaymentContext =
  /** The payee asked for it under this number: order mode. */
  | { readonly order: Hex }
  /** The payer came by itself, with this mandate: intent mode. */
  | { readonly account: number; readonly nonce: bigint };

const TERMS = [
  { name: "method", type: "string" },
  { name: "resource", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "wallet", type: "address" },
  { name: "processor", type: "address" },
  { name: "token", type: "address" },
  { name: "payee", type: "address" },
  { name: "amount", type: "uint96" },
] as const;

const TYPES = {
  Order: [...TERMS, { name: "order", type: "bytes32" }, { name: "disputes", type: "bytes32" }],
  Intent: [
    ...TERMS,
    { name: "account", type: "uint32" },
    { name: "nonce", type: "uint64" },
    { name: "disputes", type: "bytes32" },
  ],
} as const;

/** Who may answer for a receipt of a mandate that pays for this. */
export function signatories({ venue, disputes }: Pick<Purchase, "venue" | "disputes">): Signatories {
  return { ...venue, arbiter: disputes?.arbiter };
}

/** What `ref` covers beside what the mandate says itself: what a processor is told of terms that agree to disputes. */
export interface Preimage {
  readonly method: string;
  readonly resource: string;
  /** The payee's number of the order; none in intent mode. */
  readonly order?: Hex;
  readonly disputes: Disputes;
}

/** What a processor must be told of a purchase; nothing, where its terms agree to no disputes. */
export function preimage({ method, resource, disputes }: Purchase, order: Hex | undefined): Preimage | undefined {
  return disputes && { method, resource, ...(order !== undefined && { order }), disputes };
}

/** The `ref` of a mandate that pays for this. */
export function reference(purchase: Purchase, context: PaymentContext): Hex {
  const { venue, disputes, ...terms } = purchase;
  const { chainId, wallet, processor } = venue;
  const common = { ...terms, chainId: BigInt(chainId), wallet, processor, disputes: disputesHash(disputes) };
  if ("order" in context) {
    return hashStruct({ types: TYPES, primaryType: "Order", data: { ...common, order: context.order } });
  }
  return hashStruct({ types: TYPES, primaryType: "Intent", data: { ...common, ...context } });
}

/** A URL as `Purchase.resource` has it. */
export function resourceOf(url: string | URL): string {
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname}${search}`;
}
