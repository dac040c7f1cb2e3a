/**
 * Reading JSON from outside, strictly: exactly the fields that belong there, numbers in their one
 * spelling, hexadecimal digits of exactly the right number. What is read comes out typed; what does not
 * fit is a `WireError` that names the field.
 *
 * A field that stands twice in a text is not seen here, since `JSON.parse` keeps the last one. What was
 * read is what is checked, signed and passed on, so nobody else reads another one out of it.
 */

import { getAddress, type Address, type Hex } from "viem";

/** The order of BN254's scalar field, in which ids, keys and `prev` are. */
export const FIELD_ORDER =
  21888242871839275222246405745257275088548364400416034343698204186575808495617n;

/** What was read is not what it should be. */
export class WireError extends Error {
  override readonly name = "WireError";

  constructor(
    /** The field at fault, as in `mandate.amount`. */
    readonly path: string,
    /** What is wrong with it. */
    readonly problem: string,
  ) {
    super(path === "" ? problem : `${path}: ${problem}`);
  }
}

/** Reads a value that came from outside, found at `path`. */
export type Reader<T> = (value: unknown, path: string) => T;

/** What a reader reads. */
export type Read<R> = R extends Reader<infer T> ? T : never;

/** Exactly these fields. */
export function object<S extends Record<string, Reader<unknown>>>(
  fields: S,
): Reader<{ [K in keyof S]: Read<S[K]> }> {
  const some = fieldsOf(fields);
  return (value, path) => {
    for (const name of Object.keys(record(value, path))) {
      if (!Object.hasOwn(fields, name)) throw new WireError(join(path, name), "unknown field");
    }
    return some(value, path);
  };
}

/** At least these fields; others may stand beside them and are not read. */
export function fieldsOf<S extends Record<string, Reader<unknown>>>(
  fields: S,
): Reader<{ [K in keyof S]: Read<S[K]> }> {
  return (value, path) => {
    const found = record(value, path);
    const read = Object.entries(fields).map(([name, reader]) => {
      const at = join(path, name);
      const field = Object.hasOwn(found, name) ? found[name] : undefined;
      return [name, reader(field, at)];
    });
    return Object.fromEntries(read) as { [K in keyof S]: Read<S[K]> };
  };
}

/** A field that may be left out. */
export function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return (value, path) => (value === undefined ? undefined : reader(value, path));
}

/** One of these strings. */
export function oneOf<T extends string>(...words: T[]): Reader<T> {
  return (value, path) => {
    const word = words.find((word) => word === value);
    if (word === undefined) throw new WireError(path, `is not ${words.join(" or ")}`);
    return word;
  };
}

/** Any string. */
export const text: Reader<string> = (value, path) => {
  if (typeof value !== "string") throw new WireError(path, "is not a string");
  return value;
};

/** True or false. */
export const boolean: Reader<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new WireError(path, "is not true or false");
  return value;
};

/** A whole number below 2^bits that JavaScript holds exactly. */
export function integer(bits: number, least = 0): Reader<number> {
  const most = Math.min(2 ** bits - 1, Number.MAX_SAFE_INTEGER);
  return (value, path) => {
    if (!Number.isSafeInteger(value)) throw new WireError(path, "is not a whole number");
    const number = value as number;
    if (number < least || number > most || Object.is(number, -0)) {
      throw new WireError(path, "is out of range");
    }
    return number;
  };
}

/** A whole number below 2^bits, as a decimal string without sign or leading zeros. */
export function decimal(bits: number, least = 0n): Reader<bigint> {
  const most = (1n << BigInt(bits)) - 1n;
  return (value, path) => {
    if (typeof value !== "string" || !/^(0|[1-9][0-9]{0,77})$/.test(value)) {
      throw new WireError(path, "is not a decimal string");
    }
    const number = BigInt(value);
    if (number < least || number > most) throw new WireError(path, "is out of range");
    return number;
  };
}

/** So many bytes after `0x`, in lower case. */
export function bytes(length: number): Reader<Hex> {
  const shape = new RegExp(`^0x[0-9a-fA-F]{${2 * length}}$`);
  return (value, path) => {
    if (typeof value !== "string" || !shape.test(value)) {
      throw new WireError(path, `is not 0x and ${length} bytes in hexadecimal digits`);
    }
    return value.toLowerCase() as Hex;
  };
}

/** An address in any case, in EIP-55's spelling. Its checksum is not looked at. */
export const address: Reader<Address> = (value, path) => getAddress(bytes(20)(value, path));

/** A field element: 32 bytes, big-endian, below the field's order. */
export const element: Reader<bigint> = (value, path) => {
  const number = BigInt(bytes(32)(value, path));
  if (number >= FIELD_ORDER) throw new WireError(path, "is not below the field's order");
  return number;
};

/** A field element or a scalar as it is written. */
export function word(number: bigint): Hex {
  return `0x${number.toString(16).padStart(64, "0")}`;
}

function record(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new WireError(path, value === undefined ? "is missing" : "is not an object");
  }
  return value as Record<string, unknown>;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
