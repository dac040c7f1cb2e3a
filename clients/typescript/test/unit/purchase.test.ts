/** What binds a mandate to what it pays for. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { concat, encodeAbiParameters, getAddress, keccak256, stringToHex, type Hex } from "viem";

import { disputesHash, readDisputes, type Disputes } from "../../src/disputes.js";
import { reference, resourceOf, type Purchase } from "../../src/purchase.js";
import { WireError } from "../../src/wire.js";
import { Orders } from "../../src/x402/orders.js";
import { vectors } from "../support/vectors.js";

const address = (byte: number) => getAddress(`0x${byte.toString(16).padStart(2, "0").repeat(20)}`);

const purchase: Purchase = {
  method: "GET",
  resource: "https://api.example.com/joke?about=money",
  venue: { chainId: 8453, wallet: address(1), processor: address(2) },
  token: address(3),
  payee: address(4),
  amount: 1000n,
};
const order: Hex = `0x${"07".repeat(32)}`;

const COMMON =
  "string method,string resource,uint256 chainId,address wallet,address processor,address token,address payee,uint96 amount";

/** EIP-712's hashStruct, by hand: every member is a word, strings are hashed. */
function byHand(type: string, members: (bigint | Hex)[]): Hex {
  const words = [keccak256(stringToHex(type)), ...members].map((member) =>
    encodeAbiParameters([{ type: "uint256" }], [BigInt(member)]),
  );
  return keccak256(concat(words));
}

const members = [
  keccak256(stringToHex(purchase.method)),
  keccak256(stringToHex(purchase.resource)),
  8453n,
  address(1),
  address(2),
  address(3),
  address(4),
  1000n,
];

test("ref is the struct hash that the documentation writes down", () => {
  assert.equal(reference(purchase, { order }), byHand(`Order(${COMMON},bytes32 order,bytes32 disputes)`, [...members, order, 0n]));
  assert.equal(
    reference(purchase, { account: 7, nonce: 9n }),
    byHand(`Intent(${COMMON},uint32 account,uint64 nonce,bytes32 disputes)`, [...members, 7n, 9n, 0n]),
  );
});

const DISPUTES: Disputes = {
  arbiter: address(5),
  windowSeconds: 60,
  rulingSeconds: 120,
  reasons: ["other"],
  silenceRefunds: false,
};

/** The purchase with one thing changed, for each thing. */
const others: [string, Purchase][] = [
  ["method", { ...purchase, method: "POST" }],
  ["path", { ...purchase, resource: "https://api.example.com/jokes?about=money" }],
  ["query", { ...purchase, resource: "https://api.example.com/joke?about=life" }],
  ["host", { ...purchase, resource: "https://api.example.org/joke?about=money" }],
  ["chain", { ...purchase, venue: { ...purchase.venue, chainId: 1 } }],
  ["wallet", { ...purchase, venue: { ...purchase.venue, wallet: address(9) } }],
  ["processor", { ...purchase, venue: { ...purchase.venue, processor: address(9) } }],
  ["token", { ...purchase, token: address(9) }],
  ["payee", { ...purchase, payee: address(9) }],
  ["amount", { ...purchase, amount: 1001n }],
  ["disputes", { ...purchase, disputes: DISPUTES }],
];

test("a mandate for one order pays for no other request, price, token or payee", () => {
  const refs = new Set([reference(purchase, { order }), reference(purchase, { order: `0x${"08".repeat(32)}` })]);
  for (const [, other] of others) refs.add(reference(other, { order }));
  refs.add(reference(purchase, { account: 7, nonce: 9n }));
  refs.add(reference(purchase, { account: 7, nonce: 10n }));
  refs.add(reference(purchase, { account: 8, nonce: 9n }));
  assert.equal(refs.size, others.length + 5);
});

test("a payee knows its own orders, for the request that each was made for, as long as they are good", () => {
  const orders = new Orders();
  const number = orders.make(purchase, 100);
  assert.equal(orders.check(purchase, number, 100), "good");
  assert.equal(orders.check(purchase, number, 101), "expired");
  for (const [what, other] of others) assert.equal(orders.check(other, number, 100), "unknown", what);
  assert.equal(new Orders().check(purchase, number, 100), "unknown", "another payee's");
  for (const at of [3, 31, 63]) {
    const digit = number[2 + at] === "0" ? "1" : "0";
    const altered = `${number.slice(0, 2 + at)}${digit}${number.slice(3 + at)}` as Hex;
    assert.equal(orders.check(purchase, altered, 100), "unknown", `digit ${at}`);
  }
});

test("a resource is what is sent: without fragment, credentials and the scheme's own port", () => {
  assert.equal(resourceOf("HTTP://me:secret@Example.COM:80/a/../b?q=%20#part"), "http://example.com/b?q=%20");
  assert.equal(resourceOf("http://127.0.0.1:4021/joke"), "http://127.0.0.1:4021/joke");
});

interface Vector {
  method: string;
  resource: string;
  chainId: number;
  wallet: Hex;
  processor: Hex;
  token: Hex;
  payee: Hex;
  amount: string;
  order?: Hex;
  account?: number;
  nonce?: string;
  disputes?: unknown;
  disputesHash: Hex;
  ref: Hex;
}

const file = vectors<{ purchases: Vector[]; malformed: { reason: string; text: string }[] }>("purchases.json");

test("refs agree with viem and ethers, with an agreement on disputes and without", () => {
  assert.equal(file.purchases.length, 80);
  for (const vector of file.purchases) {
    const { method, resource, chainId, wallet, processor, token, payee, amount, order, account, nonce } = vector;
    const disputes = vector.disputes === undefined ? undefined : readDisputes(vector.disputes, "disputes");
    assert.equal(disputesHash(disputes), vector.disputesHash);
    const venue = { chainId, wallet, processor };
    const what = { method, resource, venue, token, payee, amount: BigInt(amount), disputes };
    const context = order === undefined ? { account: account!, nonce: BigInt(nonce!) } : { order };
    assert.equal(reference(what, context), vector.ref);
  }
});

test("malformed agreements on disputes are not read", () => {
  assert.ok(file.malformed.length >= 30);
  for (const { reason, text } of file.malformed) {
    assert.throws(() => readDisputes(JSON.parse(text), "disputes"), WireError, `${reason}: ${text}`);
  }
});
