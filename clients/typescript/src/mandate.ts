/**
 * Mandates: what a payer signs, its id, and how it travels. `docs/protocol.md` has the formulas.
 */

import { poseidon6 } from "poseidon-lite";
import { encodeAbiParameters, keccak256, stringToHex, type Address, type Hex } from "viem";

import { address, bytes, decimal, element, integer, object, word } from "./wire.js";

/** A payer's permission to be charged. */
export interface Mandate {
  /** The payer's account in the wallet, from 1 up. */
  readonly account: number;
  /** The ERC-20 token paid in. */
  readonly token: Address;
  /** Who is paid. */
  readonly payee: Address;
  /** The most that may be captured, in base units, from 1 up and below 2^96. */
  readonly amount: bigint;
  /** Single use, in any order; below 2^64. */
  readonly nonce: bigint;
  /** Unix seconds: it is settled on chain by then, or never. */
  readonly deadline: number;
  /** What is paid for: 32 bytes. */
  readonly ref: Hex;
  /** The id of the mandate that this one follows; 0 starts a chain. Read `signer.ts` before setting it. */
  readonly prev: bigint;
}

/** A point of Baby Jubjub. */
export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** circomlib's EdDSA-Poseidon. */
export interface Signature {
  readonly r8: Point;
  readonly s: bigint;
}

/** A mandate with its signer's key and signature. Whether the signature holds is not said. */
export interface SignedMandate {
  readonly mandate: Mandate;
  readonly key: Point;
  readonly signature: Signature;
}

/** The wallet that a mandate debits. The token is the mandate's own. */
export interface WalletId {
  /** The chain's EIP-155 id. */
  readonly chainId: number;
  /** The wallet contract. */
  readonly wallet: Address;
}

const LABEL = keccak256(stringToHex("AEP2 mandate v1"));
const DOMAIN_TYPES = ["bytes32", "uint256", "address", "address"].map((type) => ({ type }));

/** What separates the mandates of one token in one wallet from all others. */
export function mandateDomain(at: WalletId, token: Address): bigint {
  const values = [LABEL, BigInt(at.chainId), at.wallet, token];
  return BigInt(keccak256(encodeAbiParameters(DOMAIN_TYPES, values))) >> 8n;
}

/** A mandate's id: what is signed. */
export function mandateId(at: WalletId, mandate: Mandate): bigint {
  const { account, nonce, amount, deadline } = mandate;
  const key = (BigInt(account) << 57n) + (nonce >> 7n);
  const terms = (nonce & 127n) + (amount << 7n) + (BigInt(deadline) << 104n);
  const ref = BigInt(keccak256(mandate.ref)) >> 8n;
  const domain = mandateDomain(at, mandate.token);
  return poseidon6([domain, mandate.prev, key, terms, BigInt(mandate.payee), ref]);
}

/** Reads a point. Whether it is on the curve is not looked at. */
export const readPoint = object({ x: element, y: element });

const mandate = object({
  account: integer(32, 1),
  token: address,
  payee: address,
  amount: decimal(96, 1n),
  nonce: decimal(64),
  deadline: integer(40),
  ref: bytes(32),
  prev: element,
});

/** Reads a signature. Whether it holds is not looked at. */
export const readSignature = object({
  r8: readPoint,
  s: (value, path) => BigInt(bytes(32)(value, path)),
});

const signedMandate = object({ mandate, key: readPoint, signature: readSignature });

/**
 * Reads a signed mandate. Its key, its signature and its token's being the domain's are not looked at:
 * `verifySignedMandate` does.
 *
 * @throws WireError
 */
export function readSignedMandate(value: unknown, path = ""): SignedMandate {
  return signedMandate(value, path);
}

/** A signed mandate as it travels. */
export function writeSignedMandate({ mandate, key, signature }: SignedMandate) {
  return {
    mandate: {
      account: mandate.account,
      token: mandate.token,
      payee: mandate.payee,
      amount: mandate.amount.toString(),
      nonce: mandate.nonce.toString(),
      deadline: mandate.deadline,
      ref: mandate.ref,
      prev: word(mandate.prev),
    },
    key: writePoint(key),
    signature: writeSignature(signature),
  };
}

/** A signature as it travels. */
export function writeSignature({ r8, s }: Signature) {
  return { r8: writePoint(r8), s: word(s) };
}

/** A point as it travels. */
export function writePoint({ x, y }: Point) {
  return { x: word(x), y: word(y) };
}
