/**
 * What is said about a mandate after it was accepted, as EIP-712 typed data in the wallet's domain: outcomes, refunds,
 * owners' approvals; disputes, answers to them, rulings, and who may read of them. `docs/protocol.md` and
 * `docs/disputes.md` have who signs what, and what it is worth.
 *
 * A message travels as `{ [kind]: message, "signature": "0x…" }`. Disputes and accesses may be signed by a mandate's key
 * as well, and travel with `key` beside `signature` then.
 */

import { hashStruct, hashTypedData, zeroHash, type Address, type Hex, type LocalAccount } from "viem";

import { readReason } from "./disputes.js";
import { verifyDigest, type MandateKey } from "./key.js";
import {
  readPoint,
  readSignature,
  writePoint,
  writeSignature,
  type Point,
  type Signature,
  type WalletId,
} from "./mandate.js";
import { ReceiptError, domain, signedBy } from "./receipt.js";
import { WireError, address, boolean, bytes, decimal, integer, object, text, type Read, type Reader } from "./wire.js";

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
  Evidence: [
    { name: "hash", type: "bytes32" },
    { name: "mediaType", type: "string" },
    { name: "size", type: "uint64" },
  ],
  Dispute: [
    { name: "mandateId", type: "bytes32" },
    { name: "reason", type: "string" },
    { name: "text", type: "string" },
    { name: "evidence", type: "Evidence[]" },
    { name: "at", type: "uint40" },
  ],
  DisputeAnswer: [
    { name: "dispute", type: "bytes32" },
    { name: "captured", type: "uint96" },
    { name: "text", type: "string" },
    { name: "evidence", type: "Evidence[]" },
    { name: "at", type: "uint40" },
  ],
  Access: [
    { name: "processor", type: "address" },
    { name: "about", type: "bytes32" },
    { name: "until", type: "uint40" },
  ],
} as const;

/** The most bytes of what is said in words, in UTF-8. */
export const TEXT_BYTES_MAX = 4_096;
/** The most pieces of evidence that one message names. */
export const EVIDENCE_MAX = 8;
/** The most bytes of one piece of evidence. */
export const EVIDENCE_BYTES_MAX = 1 << 20;

/** Words, of a bounded length. Half a character of UTF-16 has no bytes in UTF-8, so nobody else could read it. */
const spoken: Reader<string> = (value, path) => {
  const found = text(value, path);
  const encoded = Buffer.from(found, "utf8");
  if (encoded.toString("utf8") !== found) throw new WireError(path, "is not Unicode");
  if (encoded.length > TEXT_BYTES_MAX) throw new WireError(path, `has more than ${TEXT_BYTES_MAX} bytes`);
  return found;
};

/** Visible characters of ASCII, and spaces: nothing that could end a header's line. */
const mediaType: Reader<string> = (value, path) => {
  const found = text(value, path);
  if (!/^[\x20-\x7e]{1,100}$/.test(found) || found.includes("\n")) throw new WireError(path, "is not a media type");
  return found;
};

const size: Reader<number> = (value, path) => {
  const found = integer(53)(value, path);
  if (found > EVIDENCE_BYTES_MAX) throw new WireError(path, `is more than ${EVIDENCE_BYTES_MAX} bytes`);
  return found;
};

const piece = object({ hash: bytes(32), mediaType, size });

/** A piece of evidence, by the keccak-256 hash of its bytes. */
export type Evidence = Read<typeof piece>;

const evidence: Reader<readonly Evidence[]> = (value, path) => {
  if (!Array.isArray(value)) throw new WireError(path, "is not a list");
  if (value.length > EVIDENCE_MAX) throw new WireError(path, `has more than ${EVIDENCE_MAX} pieces`);
  const read = value.map((item, index) => piece(item, `${path}[${index}]`));
  if (new Set(read.map(({ hash }) => hash)).size < read.length) throw new WireError(path, "has a piece twice");
  return read;
};

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
  dispute: object({ mandateId: bytes(32), reason: readReason, text: spoken, evidence, at: integer(40) }),
  answer: object({ dispute: bytes(32), captured: decimal(96), text: spoken, evidence, at: integer(40) }),
  access: object({ processor: address, about: bytes(32), until: integer(40) }),
};

const PRIMARY = {
  outcome: "Outcome",
  ruling: "Ruling",
  refund: "Refund",
  approval: "Approval",
  dispute: "Dispute",
  answer: "DisputeAnswer",
  access: "Access",
} as const;

/** What a mandate's key may sign as well. */
export type KeyedKind = "dispute" | "access";

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
  return hashTypedData(typed as unknown as Parameters<typeof hashTypedData>[0]);
}

/** EIP-712's `hashStruct` of a message: what an answer names a dispute by. */
export function messageHash<K extends MessageKind>(kind: K, message: Messages[K]): Hex {
  const typed = { types: TYPES, primaryType: PRIMARY[kind], data: message };
  return hashStruct(typed as unknown as Parameters<typeof hashStruct>[0]);
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

/** A message with the signature of a mandate's key. */
export interface KeySignedMessage<K extends KeyedKind> {
  readonly message: Messages[K];
  readonly key: Point;
  readonly signature: Signature;
}

/** A message that either an Ethereum key or a mandate's key signed. */
export type AnySignedMessage<K extends KeyedKind> = SignedMessage<K> | KeySignedMessage<K>;

/** Who signed: an address, or a mandate's key. */
export type AnySigner = LocalAccount | MandateKey;

/**
 * Signs a message with an Ethereum key or a mandate's key.
 *
 * @throws WireError when it is none that could be read again: too long, or a reason that is none.
 */
export async function signMessageByAny<K extends KeyedKind>(
  kind: K,
  signer: AnySigner,
  at: WalletId,
  message: Messages[K],
): Promise<AnySignedMessage<K>> {
  MESSAGES[kind](message, kind);
  if (!("signDigest" in signer)) return signMessage(kind, signer, at, message);
  return { message, key: signer.publicKey, signature: signer.signDigest(messageDigest(kind, at, message)) };
}

/**
 * Reads a message in either form. Its key and its signature are not looked at: `checkMessageOfAny` does.
 *
 * @throws WireError
 */
export function readMessageOfAny<K extends KeyedKind>(
  kind: K,
  value: unknown,
  path: string = kind,
): AnySignedMessage<K> {
  const keyed = typeof value === "object" && value !== null && Object.hasOwn(value, "key");
  if (!keyed) return readMessage(kind, value, path);
  const read = object({ [kind]: MESSAGES[kind], key: readPoint, signature: readSignature })(value, path);
  const { key, signature } = read as unknown as { key: Point; signature: Signature };
  return { message: (read as Record<string, unknown>)[kind] as Messages[K], key, signature };
}

/** A message of either form as it travels. */
export function writeMessageOfAny<K extends KeyedKind>(kind: K, signed: AnySignedMessage<K>) {
  if (!("key" in signed)) return writeMessage(kind, signed);
  const { message, key, signature } = signed;
  return { [kind]: message, key: writePoint(key), signature: writeSignature(signature) };
}

/**
 * Reads a message in either form, and checks that `signer`, an address or a mandate's key, signed it for this wallet.
 *
 * @throws WireError, ReceiptError
 */
export async function checkMessageOfAny<K extends KeyedKind>(
  kind: K,
  value: unknown,
  signer: Address | Point,
  at: WalletId,
): Promise<Messages[K]> {
  const signed = readMessageOfAny(kind, value);
  const digest = messageDigest(kind, at, signed.message);
  if (typeof signer === "string") {
    if ("key" in signed) throw new ReceiptError(`it is not signed by ${signer}`);
    await signedBy(signer, digest, signed.signature);
    return signed.message;
  }
  const own = "key" in signed && signed.key.x === signer.x && signed.key.y === signer.y;
  if (!own || !verifyDigest(digest, signed.signature, signed.key)) {
    throw new ReceiptError("it is not signed by the mandate's key");
  }
  return signed.message;
}
