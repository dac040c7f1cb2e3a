/**
 * What the processor and payees sign with Ethereum keys, as EIP-712 typed data in the wallet's domain:
 * receipts, captures, and the processor's statements of captures. And when a receipt is believed.
 */

import { hashTypedData, recoverAddress, zeroAddress, type Address, type Hex, type LocalAccount } from "viem";

import { mandateId, type Mandate, type WalletId } from "./mandate.js";
import type { Signatories } from "./purchase.js";
import { WireError, address, bytes, decimal, integer, object, word } from "./wire.js";

/** The name and version in every wallet's EIP-712 domain. */
export const WALLET_NAME = "AEP2DebitWallet";
export const WALLET_VERSION = "1";

const TYPES = {
  Receipt: [
    { name: "mandateId", type: "bytes32" },
    { name: "processor", type: "address" },
    { name: "account", type: "uint32" },
    { name: "nonce", type: "uint64" },
    { name: "token", type: "address" },
    { name: "payee", type: "address" },
    { name: "arbiter", type: "address" },
    { name: "amount", type: "uint96" },
    { name: "issuedAt", type: "uint40" },
    { name: "deadline", type: "uint40" },
    { name: "settleBy", type: "uint40" },
  ],
  Capture: [
    { name: "mandateId", type: "bytes32" },
    { name: "amount", type: "uint96" },
  ],
  CaptureReceipt: [
    { name: "mandateId", type: "bytes32" },
    { name: "processor", type: "address" },
    { name: "arbiter", type: "address" },
    { name: "amount", type: "uint96" },
    { name: "issuedAt", type: "uint40" },
  ],
} as const;

const SIGNATURE = bytes(65);

const receiptReader = object({
  receipt: object({
    mandateId: bytes(32),
    processor: address,
    account: integer(32, 1),
    nonce: decimal(64),
    token: address,
    payee: address,
    arbiter: address,
    amount: decimal(96, 1n),
    issuedAt: integer(40),
    deadline: integer(40),
    settleBy: integer(40),
  }),
  signature: SIGNATURE,
});

const statementReader = object({
  receipt: object({
    mandateId: bytes(32),
    processor: address,
    arbiter: address,
    amount: decimal(96),
    issuedAt: integer(40),
  }),
  signature: SIGNATURE,
});

/** The processor's promise to settle a mandate by `settleBy`, unix seconds. */
export type SignedReceipt = ReturnType<typeof receiptReader>;

/** The processor's statement of what a payee captured, in base units. */
export type CaptureStatement = ReturnType<typeof statementReader>;

/** @throws WireError */
export function readReceipt(value: unknown, path = "receipt"): SignedReceipt {
  return receiptReader(value, path);
}

/** @throws WireError */
export function readStatement(value: unknown, path = "capture"): CaptureStatement {
  return statementReader(value, path);
}

/** A receipt as it travels. */
export function writeReceipt({ receipt, signature }: SignedReceipt) {
  const { nonce, amount, ...plain } = receipt;
  return { receipt: { ...plain, nonce: nonce.toString(), amount: amount.toString() }, signature };
}

/** A statement as it travels. */
export function writeStatement({ receipt, signature }: CaptureStatement) {
  return { receipt: { ...receipt, amount: receipt.amount.toString() }, signature };
}

/** Why a receipt is not believed. */
export class ReceiptError extends Error {
  override readonly name = "ReceiptError";
}

/** A receipt is right, but for its time: the processor's clock differs from the one here, or either is wrong. */
export class ClockError extends ReceiptError {}

/** By how many seconds a processor's clock may differ, unless told otherwise. */
export const SKEW_S = 90;

/** When a receipt can have been issued, by the reader's clock, in unix seconds, and for how long it may promise. */
export interface IssueTimes {
  /** Not before: when the mandate was signed, or ordered; 0 where that is not known. */
  readonly from: number;
  /** Not after: now. */
  readonly now: number;
  /** By how many seconds the processor's clock may differ. */
  readonly skew: number;
  /**
   * How many seconds after its issue at most a receipt may promise settlement, where that is known. A guarantee takes
   * no receipt that promises for longer than its contract does.
   */
  readonly promiseMax?: number;
}

/**
 * Checks that `value` is the promise of the expected processor to settle `mandate`, that nobody but the expected
 * arbiter may lower it, that it promises for no longer than it may, and that it was issued when it can have been, and
 * reads it.
 *
 * @throws ReceiptError when it is anything else, whoever handed it over; ClockError when nothing but its time is wrong.
 */
export async function checkReceipt(
  value: unknown,
  mandate: Mandate,
  by: Signatories,
  times: IssueTimes,
): Promise<SignedReceipt> {
  if (value === undefined) throw new ReceiptError("no receipt came with the answer");
  const signed = believable(() => readReceipt(value));
  const { receipt } = signed;
  const id = word(mandateId(by, mandate));
  if (receipt.mandateId !== id) throw new ReceiptError("the receipt is for another mandate");
  for (const field of ["account", "nonce", "token", "payee", "amount", "deadline"] as const) {
    if (receipt[field] !== mandate[field]) {
      throw new ReceiptError(`the receipt's ${field} is not the mandate's`);
    }
  }
  checkWho(receipt, by);
  if (receipt.settleBy > receipt.deadline) {
    throw new ReceiptError("the receipt promises settlement after the mandate has expired");
  }
  if (receipt.issuedAt > receipt.settleBy) {
    throw new ReceiptError("the receipt was issued after the time by which it promises settlement");
  }
  const { promiseMax } = times;
  if (promiseMax !== undefined && receipt.settleBy - receipt.issuedAt > promiseMax) {
    throw new ReceiptError(`the receipt promises settlement more than ${promiseMax} s after its issue`);
  }
  await signedBy(by.processor, receiptDigest(by, receipt), signed.signature);
  checkTime(receipt.issuedAt, times);
  return signed;
}

/**
 * Checks that `value` states what was captured of `mandate`, by the expected processor under the expected arbiter,
 * issued when it can have been, and reads it.
 *
 * @throws ReceiptError when it is anything else; ClockError when nothing but its time is wrong.
 */
export async function checkStatement(
  value: unknown,
  mandate: Mandate,
  by: Signatories,
  times: IssueTimes,
): Promise<CaptureStatement> {
  const signed = believable(() => readStatement(value));
  const { receipt } = signed;
  if (receipt.mandateId !== word(mandateId(by, mandate))) {
    throw new ReceiptError("the statement is about another mandate");
  }
  if (receipt.amount > mandate.amount) throw new ReceiptError("more was captured than the mandate allows");
  checkWho(receipt, by);
  await signedBy(by.processor, statementDigest(by, receipt), signed.signature);
  checkTime(receipt.issuedAt, times);
  return signed;
}

/** The processor is the expected one, and nobody may lower what it owes but the expected arbiter. */
function checkWho(found: { processor: Address; arbiter: Address }, by: Signatories): void {
  if (found.processor !== by.processor) {
    throw new ReceiptError(`it is that of the processor ${found.processor}, not of ${by.processor}`);
  }
  const { arbiter = zeroAddress } = by;
  if (found.arbiter === arbiter) return;
  const words = (own: Address) => (own === zeroAddress ? "no arbiter" : `the arbiter ${own}`);
  throw new ReceiptError(`it names ${words(found.arbiter)}, and the terms name ${words(arbiter)}`);
}

function checkTime(issuedAt: number, { from, now, skew }: IssueTimes): void {
  if (issuedAt <= now + skew && issuedAt + skew >= from) return;
  throw new ClockError(
    `the clocks differ: the processor issued it at ${issuedAt} by its clock; by the clock here that was between ` +
      `${from} and ${now}, and ${skew} s of difference are allowed`,
  );
}

/** What the payee of a mandate posts to take `amount` of it, signed. */
export async function signCapture(payee: LocalAccount, at: WalletId, id: Hex, amount: bigint) {
  const message = { mandateId: id, amount };
  const typed = { domain: domain(at), types: TYPES, primaryType: "Capture", message } as const;
  const signature = await payee.signTypedData(typed);
  return { capture: { mandateId: id, amount: amount.toString() }, signature };
}

/** What is signed of a receipt. */
export function receiptDigest(at: WalletId, message: SignedReceipt["receipt"]): Hex {
  return hashTypedData({ domain: domain(at), types: TYPES, primaryType: "Receipt", message });
}

/** What is signed of a statement. */
export function statementDigest(at: WalletId, message: CaptureStatement["receipt"]): Hex {
  return hashTypedData({ domain: domain(at), types: TYPES, primaryType: "CaptureReceipt", message });
}

const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/**
 * Checks that a signature is `signer`'s, in its one spelling: 65 bytes, `v` 27 or 28, `s` in the lower half.
 * viem takes others.
 *
 * @throws ReceiptError
 */
export async function signedBy(signer: Address, hash: Hex, signature: Hex): Promise<void> {
  const s = BigInt(`0x${signature.slice(66, 130)}`);
  const v = Number.parseInt(signature.slice(130), 16);
  const canonical = signature.length === 132 && (v === 27 || v === 28) && s <= HALF_ORDER;
  const found = canonical ? await recoverAddress({ hash, signature }).catch(() => undefined) : undefined;
  if (found !== signer) throw new ReceiptError(`it is not signed by ${signer}`);
}

/** The wallet's EIP-712 domain. */
export function domain({ chainId, wallet }: WalletId) {
  return { name: WALLET_NAME, version: WALLET_VERSION, chainId: BigInt(chainId), verifyingContract: wallet };
}

function believable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) throw new ReceiptError(error.message);
    throw error;
  }
}
