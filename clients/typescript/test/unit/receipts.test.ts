/** What the processor and payees sign, against viem and ethers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { privateKeyToAccount } from "viem/accounts";
import { getAddress, zeroAddress, type Address, type Hex } from "viem";

import { mandateId, type Mandate } from "../../src/mandate.js";
import {
  ClockError,
  ReceiptError,
  checkReceipt,
  checkStatement,
  readReceipt,
  readStatement,
  receiptDigest,
  signCapture,
  signedBy,
  statementDigest,
  writeReceipt,
} from "../../src/receipt.js";
import { word } from "../../src/wire.js";
import { vectors, type Place } from "../support/vectors.js";

interface Vector extends Place {
  message: Record<string, unknown> & { mandateId: Hex; amount: string };
  digest: Hex;
  signer: Address;
  signature: Hex;
  privateKey: Hex;
}

const file = vectors<{
  receipts: Vector[];
  captures: Vector[];
  captureReceipts: Vector[];
  negative: (Vector & { kind: string; reason: string })[];
}>("eip712.json");

const ISSUER = privateKeyToAccount(`0x${"11".repeat(32)}`);

test("digests of receipts and statements are viem's and ethers', and their signatures are believed", async () => {
  for (const { message, signature, digest, signer, ...at } of file.receipts) {
    const { receipt } = readReceipt({ receipt: message, signature });
    assert.equal(receiptDigest(at, receipt), digest);
    await signedBy(getAddress(signer), digest, signature);
  }
  for (const { message, signature, digest, signer, ...at } of file.captureReceipts) {
    const { receipt } = readStatement({ receipt: message, signature });
    assert.equal(statementDigest(at, receipt), digest);
    await signedBy(getAddress(signer), digest, signature);
  }
});

test("captures are signed as other people's libraries sign them", async () => {
  for (const { message, signature, privateKey, ...at } of file.captures) {
    const payee = privateKeyToAccount(privateKey);
    const signed = await signCapture(payee, at, message.mandateId, BigInt(message.amount));
    assert.deepEqual(signed, { capture: message, signature });
  }
});

test("second spellings of signatures, and signatures on something else, are not believed", async () => {
  let looked = 0;
  for (const { kind, reason, message, signature, signer, ...at } of file.negative) {
    if (kind !== "receipt" && kind !== "captureReceipt") continue;
    looked += 1;
    const check = async () => {
      const signed = { receipt: message, signature };
      const digest =
        kind === "receipt"
          ? receiptDigest(at, readReceipt(signed).receipt)
          : statementDigest(at, readStatement(signed).receipt);
      await signedBy(getAddress(signer), digest, signature);
    };
    await assert.rejects(check, `${kind}: ${reason}`);
  }
  assert.ok(looked > 150, `${looked}`);
});

const venue = { chainId: 31337, wallet: getAddress(`0x${"01".repeat(20)}`), processor: ISSUER.address };
const mandate: Mandate = {
  account: 7,
  token: getAddress(`0x${"02".repeat(20)}`),
  payee: getAddress(`0x${"03".repeat(20)}`),
  amount: 1000n,
  nonce: 5n,
  deadline: 2_000_000_000,
  ref: word(9n),
  prev: 0n,
};

const NOW = 1_900_000_000;
const times = { from: NOW - 10, now: NOW, skew: 90 };
const who = { processor: ISSUER.address, arbiter: zeroAddress };

async function receipt(change: object = {}, issuer = ISSUER) {
  const { account, nonce, token, payee, amount, deadline } = mandate;
  const id = word(mandateId(venue, mandate));
  const promised = { issuedAt: NOW, deadline, settleBy: deadline };
  const message = { mandateId: id, ...who, account, nonce, token, payee, amount, ...promised, ...change };
  const signature = await issuer.sign({ hash: receiptDigest(venue, message) });
  return writeReceipt({ receipt: message, signature });
}

test("a receipt for another mandate, amount or payee, too late, or by somebody else, is no receipt", async () => {
  assert.equal((await checkReceipt(await receipt(), mandate, venue, times)).receipt.amount, 1000n);
  const other = privateKeyToAccount(`0x${"12".repeat(32)}`);
  const lies: [string, unknown][] = [
    ["none", undefined],
    ["a string", "receipt"],
    ["another mandate", await receipt({ mandateId: word(1n) })],
    ["another amount", await receipt({ amount: 999n })],
    ["another payee", await receipt({ payee: venue.wallet })],
    ["another deadline", await receipt({ deadline: mandate.deadline + 1 })],
    ["too late", await receipt({ settleBy: mandate.deadline + 1 })],
    ["issued after its promise", await receipt({ settleBy: NOW - 1 })],
    ["another processor", await receipt({ processor: other.address }, other)],
    ["another processor's name", await receipt({ processor: other.address })],
    ["an arbiter", await receipt({ arbiter: venue.wallet })],
    ["another signer", await receipt({}, other)],
    ["a field too many", { ...(await receipt()), memo: "" }],
  ];
  for (const [lie, value] of lies) {
    const refused = (error: unknown) => error instanceof ReceiptError && !(error instanceof ClockError);
    await assert.rejects(checkReceipt(value, mandate, venue, times), refused, lie);
  }
});

test("a receipt that promises for longer than it may is no receipt", async () => {
  const bounded = { ...times, promiseMax: 690 };
  await checkReceipt(await receipt({ settleBy: NOW + 690 }), mandate, venue, bounded);
  for (const change of [{ settleBy: NOW + 691 }, { settleBy: NOW + 690, issuedAt: NOW - 1 }]) {
    await assert.rejects(checkReceipt(await receipt(change), mandate, venue, bounded), /more than 690 s/);
  }
});

test("a receipt from another time says that the clocks differ", async () => {
  for (const [issuedAt, good] of [
    [NOW + 90, true],
    [NOW + 91, false],
    [NOW - 100, true],
    [NOW - 101, false],
  ] as const) {
    const check = async () => checkReceipt(await receipt({ issuedAt }), mandate, venue, times);
    if (good) await check();
    else await assert.rejects(check, (error) => error instanceof ClockError && /the clocks differ/.test(error.message));
  }
  const longAgo = await receipt({ issuedAt: 0 });
  await checkReceipt(longAgo, mandate, venue, { ...times, from: 0 });
});

test("a statement of a capture above the ceiling, of another mandate, processor or time, is not believed", async () => {
  const statement = async (amount: bigint, change: object = {}) => {
    const message = { mandateId: word(mandateId(venue, mandate)), ...who, amount, issuedAt: NOW, ...change };
    const signature = await ISSUER.sign({ hash: statementDigest(venue, message) });
    return { receipt: { ...message, amount: amount.toString() }, signature };
  };
  const check = async (value: unknown) => checkStatement(value, mandate, venue, times);
  assert.equal((await check(await statement(0n))).receipt.amount, 0n);
  await assert.rejects(check(await statement(1001n)), ReceiptError);
  await assert.rejects(check(await statement(1n, { mandateId: word(2n) })), ReceiptError);
  await assert.rejects(check(await statement(1n, { processor: venue.wallet })), ReceiptError);
  await assert.rejects(check(await statement(1n, { arbiter: venue.wallet })), ReceiptError);
  await assert.rejects(check(await statement(1n, { issuedAt: NOW + 91 })), ClockError);
});
