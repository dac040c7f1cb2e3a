/**
 * Mandate keys: EdDSA over Baby Jubjub with Poseidon, as circomlib has it, by zk-kit.
 *
 * zk-kit accepts keys of small order, keys outside the prime-order subgroup and second spellings of a
 * coordinate. Whoever could use one could sign for others, or sign one thing twice; they are refused here.
 */

import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";

import { inCurve, mulPointEscalar, subOrder, type Point as Pair } from "@zk-kit/baby-jubjub";
import { hexToBytes, type Hex } from "viem";

import { mandateId, type Point, type Signature, type SignedMandate, type WalletId } from "./mandate.js";
import { FIELD_ORDER, bytes, element, integer, object, oneOf } from "./wire.js";

// zk-kit 1.1.0 does not load as ES modules in Node: its main entry takes named imports from a CommonJS module.
const eddsa = createRequire(import.meta.url)(
  "@zk-kit/eddsa-poseidon",
) as typeof import("@zk-kit/eddsa-poseidon");

/** An agent's secret key. Its text and its JSON are its public half. */
export class MandateKey {
  readonly #secret: Uint8Array;

  /** The public half: what the account's owner registers. */
  readonly publicKey: Point;

  /** @param secret 32 bytes. */
  constructor(secret: Hex | Uint8Array) {
    this.#secret = typeof secret === "string" ? hexToBytes(secret) : Uint8Array.from(secret);
    if (this.#secret.length !== 32) throw new RangeError("a mandate key has 32 bytes");
    this.publicKey = Object.freeze(toPoint(eddsa.derivePublicKey(this.#secret)));
  }

  /**
   * The key in a file that `aep2 account open --new-mandate-key FILE` made.
   *
   * @throws when it cannot be read, is something else, or its two halves do not belong together.
   */
  static fromFile(path: string): MandateKey {
    if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
      process.emitWarning(`others can read the mandate key ${path}; chmod 600 it`);
    }
    let file;
    try {
      file = keyFile(JSON.parse(readFileSync(path, "utf8")), "");
    } catch {
      // The reason would repeat parts of the text.
      throw new Error(`${path} is not a mandate key's file (aep2 account open --new-mandate-key)`);
    }
    const key = new MandateKey(file.privateKey);
    if (key.publicKey.x !== file.publicKey.x || key.publicKey.y !== file.publicKey.y) {
      throw new Error(`${path}: the public key is not the private key's`);
    }
    return key;
  }

  /**
   * Signs a mandate's id. What a signature can come to is said in `signer.ts`: sign by a `Signer`.
   */
  sign(id: bigint): Signature {
    const { R8, S } = eddsa.signMessage(this.#secret, id);
    return { r8: toPoint(R8), s: S };
  }

  /**
   * Signs 32 bytes that are no mandate's id, such as an EIP-712 digest: their remainder modulo the field's order. Nobody
   * finds a mandate that is signed by that, since an id is a Poseidon hash.
   */
  signDigest(digest: Hex): Signature {
    return this.sign(BigInt(digest) % FIELD_ORDER);
  }

  toString(): string {
    return `MandateKey(${this.publicKey.x.toString(16)})`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Whether a key is a point of the prime-order subgroup other than the identity, in its one spelling. */
export function isKey(key: Point): boolean {
  return onCurve(key) && !isIdentity(key) && isIdentity(toPoint(mulPointEscalar([key.x, key.y], subOrder)));
}

/** Whether a signature is the key's on this id. */
export function verify(id: bigint, signature: Signature, key: Point): boolean {
  const { r8, s } = signature;
  if (id < 0n || id >= FIELD_ORDER || s < 0n || s >= subOrder || !onCurve(r8) || !isKey(key)) return false;
  return eddsa.verifySignature(id, { R8: toPair(r8), S: s }, toPair(key));
}

/** Whether a signature is the key's on 32 bytes that are no mandate's id: see `MandateKey.signDigest`. */
export function verifyDigest(digest: Hex, signature: Signature, key: Point): boolean {
  return verify(BigInt(digest) % FIELD_ORDER, signature, key);
}

/** Whether a signed mandate is its key's, in this wallet. Whose key that is, the chain knows. */
export function verifySignedMandate(at: WalletId, { mandate, key, signature }: SignedMandate): boolean {
  return verify(mandateId(at, mandate), signature, key);
}

const keyFile = object({
  kind: oneOf("aep2-mandate-key"),
  version: integer(1, 1),
  privateKey: bytes(32),
  publicKey: object({ x: element, y: element }),
});

function onCurve(point: Point): boolean {
  const canonical = [point.x, point.y].every((value) => value >= 0n && value < FIELD_ORDER);
  return canonical && inCurve(toPair(point));
}

function isIdentity({ x, y }: Point): boolean {
  return x === 0n && y === 1n;
}

function toPoint([x, y]: Pair<bigint>): Point {
  return { x, y };
}

function toPair({ x, y }: Point): Pair<bigint> {
  return [x, y];
}
