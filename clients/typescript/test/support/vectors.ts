/** The project's test vectors, which other people's libraries made. */

import { readFileSync } from "node:fs";

import { hexToBigInt, type Address, type Hex } from "viem";

const FOLDER = new URL("../../../../../fixtures/vectors/", import.meta.url);

/** A file of vectors, taken for what `fixtures/README.md` says that it holds. */
export function vectors<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as T;
}

/** One of so many: curve arithmetic in JavaScript takes its time. */
export function everyNth<T>(items: T[], n: number): T[] {
  return items.filter((_, index) => index % n === 0);
}

export interface PointText {
  x: Hex;
  y: Hex;
}

export interface SignatureText {
  r8: PointText;
  s: Hex;
}

export interface Place {
  chainId: number;
  wallet: Address;
}

export const point = ({ x, y }: PointText) => ({ x: hexToBigInt(x), y: hexToBigInt(y) });

export const signature = ({ r8, s }: SignatureText) => ({ r8: point(r8), s: hexToBigInt(s) });
