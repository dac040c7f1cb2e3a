/**
 * What makes two requests the same purchase: method, resource, body, and every header but those that say nothing about
 * what is asked for. The formula is the Rust payer's (`crates/payer/src/request_key.rs`), so programs of both languages
 * find each other's payments in one journal.
 */

import { keccak256, type Hex } from "viem";

/** Headers that say nothing about what is asked for: payments, and what differs between two tries. */
const PASSED_OVER = new Set([
  "payment-signature",
  "x-payment",
  "x-payment-mandate",
  "baggage",
  "content-length",
  "date",
  "host",
  "traceparent",
  "tracestate",
  "user-agent",
  "x-correlation-id",
  "x-request-id",
]);

/** `keccak256(method LF resource LF (name ":" value LF)* LF body)`, headers in the order of their names. */
export async function requestKey(request: Request, method: string, resource: string): Promise<Hex> {
  const headers = [...request.headers].filter(([name]) => !PASSED_OVER.has(name));
  const lines = headers.sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, value]) => `${name}:${value}\n`);
  const head = Buffer.from(`${method}\n${resource}\n${lines.join("")}\n`, "utf8");
  const body = new Uint8Array(await request.clone().arrayBuffer());
  return keccak256(Buffer.concat([head, body]));
}
