/**
 * Disputes that a payee's terms agree to: `extra.disputes`. It is part of what a mandate's `ref` covers, so payer and
 * payee have both agreed to it, provably. Terms without it agree to none. `docs/disputes.md` says how a dispute goes.
 */

import { hashStruct, zeroAddress, zeroHash, type Address, type Hex } from "viem";

import { WireError, address, boolean, integer, object, oneOf, type Read, type Reader } from "./wire.js";

/** What a payer may dispute, in ascending order of the bytes, in which lists are written. */
export const readReason = oneOf(
  "duplicate_payment",
  "other",
  "overcharge",
  "service_defective",
  "service_not_delivered",
  "unauthorized",
);

/** What a payer may dispute. */
export type DisputeReason = Read<typeof readReason>;

/** Who decides about a payment that its payer disputes, when, and about what. */
export interface Disputes {
  /** The dispute processor: the key whose rulings count. */
  readonly arbiter: Address;
  /** Within how many seconds after acceptance a dispute is opened. */
  readonly windowSeconds: number;
  /** How many seconds the arbiter has then. */
  readonly rulingSeconds: number;
  /** In ascending order of the names, each once, at least one. */
  readonly reasons: readonly DisputeReason[];
  /** Whether a payee that does not answer a dispute gives the money back. */
  readonly silenceRefunds: boolean;
}

const arbiter: Reader<Address> = (value, path) => {
  const found = address(value, path);
  if (found === zeroAddress) throw new WireError(path, "is the zero address");
  return found;
};

const reasons: Reader<DisputeReason[]> = (value, path) => {
  if (!Array.isArray(value) || value.length === 0) throw new WireError(path, "is not a list of reasons");
  const read = value.map((item, index) => readReason(item, `${path}[${index}]`));
  if (read.some((item, index) => index > 0 && item <= read[index - 1]!)) {
    throw new WireError(path, "is not in ascending order, each reason once");
  }
  return read;
};

/**
 * Reads an agreement on disputes.
 *
 * @throws WireError
 */
export const readDisputes: Reader<Disputes> = object({
  arbiter,
  windowSeconds: integer(40, 1),
  rulingSeconds: integer(40, 1),
  reasons,
  silenceRefunds: boolean,
});

/**
 * By how many seconds more a mandate that can be disputed is settled: the two times, and a third of them for what is
 * let go late.
 */
export function longerSeconds(disputes: Disputes | undefined): number {
  return disputes === undefined ? 0 : Math.ceil(((disputes.windowSeconds + disputes.rulingSeconds) * 4) / 3);
}

const TYPES = {
  Disputes: [
    { name: "arbiter", type: "address" },
    { name: "windowSeconds", type: "uint40" },
    { name: "rulingSeconds", type: "uint40" },
    { name: "reasons", type: "string[]" },
    { name: "silenceRefunds", type: "bool" },
  ],
} as const;

/** What a `ref` covers of it: its EIP-712 struct hash; zero for none. */
export function disputesHash(disputes: Disputes | undefined): Hex {
  return disputes === undefined ? zeroHash : hashStruct({ types: TYPES, primaryType: "Disputes", data: disputes });
}
