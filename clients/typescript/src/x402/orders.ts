/**
 * The numbers of a payee's orders, which the payee need not remember.
 *
 * ```text
 * order    8 bytes drawn at random ‖ 8 bytes, until when (unix seconds) ‖ 16 bytes, the mark
 * mark     HMAC-SHA-256, keyed with the payee's secret, of the ref that the order would have
 *          if its mark were 0; the first 16 bytes
 * ```
 *
 * The mark covers method, resource and all terms, so an order that comes back is one that this payee made, for this
 * request at this price, and not too long ago.
 */

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

import { bytesToHex, hexToBytes, type Hex } from "viem";

import { reference, type Purchase } from "../purchase.js";

const MARK_BEGINS = 16;

/** Makes orders, and knows its own. */
export class Orders {
  readonly #secret: Uint8Array;

  /** @param secret What orders are marked with; one that nobody knows if left out. */
  constructor(secret: Uint8Array = randomBytes(32)) {
    this.#secret = Uint8Array.from(secret);
  }

  /** A new order, good until then. */
  make(purchase: Purchase, until: number): Hex {
    const order = new Uint8Array(32);
    order.set(randomBytes(8));
    new DataView(order.buffer).setBigUint64(8, BigInt(until));
    order.set(this.#mark(purchase, order), MARK_BEGINS);
    return bytesToHex(order);
  }

  /** Checks an order that came back: whether it is this payee's for this purchase, and not too old. */
  check(purchase: Purchase, number: Hex, now: number): "good" | "unknown" | "expired" {
    const order = hexToBytes(number);
    const found = order.slice(MARK_BEGINS);
    order.fill(0, MARK_BEGINS);
    if (!timingSafeEqual(found, this.#mark(purchase, order))) return "unknown";
    const until = new DataView(order.buffer).getBigUint64(8);
    return until < BigInt(now) ? "expired" : "good";
  }

  /** Until when one of this payee's orders is good, in unix seconds. */
  until(number: Hex): number {
    return Number(new DataView(hexToBytes(number).buffer).getBigUint64(8));
  }

  #mark(purchase: Purchase, unmarked: Uint8Array): Uint8Array {
    const ref = reference(purchase, { order: bytesToHex(unmarked) });
    return createHmac("sha256", this.#secret).update(hexToBytes(ref)).digest().subarray(0, 32 - MARK_BEGINS);
  }
}
