/**
 * What is said about a mandate after it was accepted, as EIP-712 typed data in the wallet's domain: outcomes, rulings,
 * refunds, and owners' approvals. `docs/protocol.md` has who signs what, and what it is worth.
 *
 * A message travels as `{ [kind]: message, "signature": "0x…" }`.
 */

import { hashTypedData, zeroHash, type Address, type Hex, type LocalAccount } from "viem";

import type { WalletId } from "./mandate.js";
import { domain, signedBy } from "./receipt.js";
import { WireError, address, boolean, bytes, decimal, integer, object, type Read } from "./wire.js";

/** What became of a mandate, as an outcome's `status` has it. */
export const OutcomeStatus = { settled: 1, failed: 2, expired: 3 } as const;

const TYPES = {
  Outcome: [
    { name: "mandateId", type: "bytes32" },
    { name: "status", type: "uint8" },
    { name: "settled", type: "uint96" },
    { name: "batchId", type: "bytes32" },
    { name: "at", type: "uint40" },
  ],
  Ruling: [
    { name: "mandateId", type: "bytes32" },
    { name: "captured", type: "uint96" },
    { name: "evidence", type: "bytes32" },
    { name: "at", type: "uint40" },
  ],
  Refund: [
    { name: "mandateId", type: "bytes32" },
    { name: "token", type: "address" },
    { name: "amount", type: "uint96" },
    { name: "refundId", type: "bytes32" },
    { name: "at", type: "uint40" },
  ],
  Approval: [
    { name: "card", type: "bytes32" },
    { name: "request", type: "bytes32" },
    { name: "approved", type: "bool" },
    { name: "at", type: "uint40" },
  ],
} as const;

const status = (value: unknown, path: string): 1 | 2 | 3 => {
  if (value !== 1 && value !== 2 && value !== 3) throw new WireError(path, "is not 1, 2 or 3");
  return value;
};

const outcomeFields = object({
  mandateId: bytes(32),
  status,
  settled: decimal(96),
  batchId: bytes(32),
  at: integer(40),
});

const MESSAGES = {
  outcome: (value: unknown, path: string) => {
    const read = outcomeFields(value, path);
    if (read.status !== OutcomeStatus.settled && (read.settled !== 0n || read.batchId !== zeroHash)) {
      throw new WireError(path, "says that nothing was settled, and an amount or a batch");
    }
    return read;
  },
  ruling: object({ mandateId: bytes(32), captured: decimal(96), evidence: bytes(32), at: integer(40) }),
  refund: object({
    mandateId: bytes(32),
    token: address,
    amount: decimal(96, 1n),
    refundId: bytes(32),
    at: integer(40),
  }),
  approval: object({ card: bytes(32), request: bytes(32), approved: boolean, at: integer(40) }),
};

const PRIMARY = { outcome: "Outcome", ruling: "Ruling", refund: "Refund", approval: "Approval" } as const;

/** Which message: its name on the wire. */
export type MessageKind = keyof typeof MESSAGES;

/** The messages, by kind. Amounts are in base units, times in unix seconds. */
export type Messages = { [K in MessageKind]: Read<(typeof MESSAGES)[K]> };

/** A message with its signature. */
export interface SignedMessage<K extends MessageKind> {
  readonly message: Messages[K];
  readonly signature: Hex;
}

/** What is signed. */
export function messageDigest<K extends MessageKind>(kind: K, at: WalletId, message: Messages[K]): Hex {
  const typed = { domain: domain(at), types: TYPES, primaryType: PRIMARY[kind], message };
  return hashTypedData(typed as Parameters<typeof hashTypedData>[0]);
}

/** Signs a message. Whether the signer is who should sign it is not looked at. */
export async function signMessage<K extends MessageKind>(
  kind: K,
  signer: LocalAccount,
  at: WalletId,
  message: Messages[K],
): Promise<SignedMessage<K>> {
  if (signer.sign === undefined) throw new TypeError("the signer cannot sign hashes");
  return { message, signature: await signer.sign({ hash: messageDigest(kind, at, message) }) };
}

const SIGNATURE = bytes(65);

/**
 * Reads a message. Its signature is not looked at: `checkMessage` does.
 *
 * @throws WireError
 */
export function readMessage<K extends MessageKind>(kind: K, value: unknown, path: string = kind): SignedMessage<K> {
  const reader = object({ [kind]: MESSAGES[kind], signature: SIGNATURE });
  const read = reader(value, path) as Record<string, unknown>;
  return { message: read[kind] as Messages[K], signature: read["signature"] as Hex };
}

/** A message as it travels. */
export function writeMessage<K extends MessageKind>(kind: K, { message, signature }: SignedMessage<K>) {
  const written = Object.entries(message).map(([name, value]) => [
    name,
    typeof value === "bigint" ? value.toString() : value,
  ]);
  return { [kind]: Object.fromEntries(written), signature };
}

/**
 * Reads a message and checks that `signer` signed it for this wallet. Whether the signer is one whose word counts is the
 * caller's to know.
 *
 * @throws WireError, ReceiptError
 */
export async function checkMessage<K extends MessageKind>(
  kind: K,
  value: unknown,
  signer: Address,
  at: WalletId,
): Promise<Messages[K]> {
  const { message, signature } = readMessage(kind, value);
  await signedBy(signer, messageDigest(kind, at, message), signature);
  return message;
}
