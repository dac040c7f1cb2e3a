/** x402's objects in HTTP headers: base64 of JSON, bounded before it is read. */

import { PayError } from "../payer/error.js";

/** The longest header that is read, in bytes of base64. */
export const HEADER_BYTES_MAX = 12 * 1024;

/**
 * The object in a header, or nothing where the header is not there. A header that is there twice is no base64 any
 * more, since HTTP joins the two with a comma.
 *
 * @throws PayError
 */
export function readHeader(headers: Headers, name: string): unknown {
  const value = headers.get(name);
  return value === null ? undefined : decodeHeader(value, name);
}

/** The object that a header's text holds. @throws PayError */
export function decodeHeader(value: string, name: string): unknown {
  const unreadable = (why: string) => new PayError("unreadable", `the header ${name} ${why}`);
  if (value.length > HEADER_BYTES_MAX) throw unreadable(`is longer than ${HEADER_BYTES_MAX} bytes`);
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) {
    throw unreadable("is not base64");
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(value, "base64")));
  } catch {
    throw unreadable("does not hold JSON");
  }
}

/** The text of a header that carries `object`. */
export function encodeHeader(object: unknown): string {
  return Buffer.from(JSON.stringify(object)).toString("base64");
}
