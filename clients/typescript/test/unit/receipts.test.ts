/** What the processor and payees sign, against viem and ethers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { privateKeyToAccount } from "viem/accounts";
import { getAddress, type Address, type Hex } from "viem";

import { mandateId, type Mandate } from "../../src/mandate.js";
import {
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

async function receipt(change: object = {}, issuer = ISSUER) {
  const { account, nonce, token, payee, amount } = mandate;
  const id = word(mandateId(venue, mandate));
  const message = { mandateId: id, account, nonce, token, payee, amount, settleBy: mandate.deadline, ...change };
  const signature = await issuer.sign({ hash: receiptDigest(venue, message) });
  return writeReceipt({ receipt: message, signature });
}

test("a receipt for another mandate, amount or payee, too late, or by somebody else, is no receipt", async () => {
  assert.equal((await checkReceipt(await receipt(), mandate, venue)).receipt.amount, 1000n);
  const other = privateKeyToAccount(`0x${"12".repeat(32)}`);
  const lies: [string, unknown][] = [
    ["none", undefined],
    ["a string", "receipt"],
    ["another mandate", await receipt({ mandateId: word(1n) })],
    ["another amount", await receipt({ amount: 999n })],
    ["another payee", await receipt({ payee: venue.wallet })],
    ["too late", await receipt({ settleBy: mandate.deadline + 1 })],
    ["another signer", await receipt({}, other)],
    ["a field too many", { ...(await receipt()), memo: "" }],
  ];
  for (const [lie, value] of lies) await assert.rejects(checkReceipt(value, mandate, venue), ReceiptError, lie);
});

test("a statement of a capture above the ceiling, or of another mandate, is not believed", async () => {
  const statement = async (amount: bigint, id = word(mandateId(venue, mandate))) => {
    const message = { mandateId: id, amount, capturedAt: 1 };
    const signature = await ISSUER.sign({ hash: statementDigest(venue, message) });
    return { receipt: { ...message, amount: amount.toString() }, signature };
  };
  assert.equal((await checkStatement(await statement(0n), mandate, venue)).receipt.amount, 0n);
  await assert.rejects(checkStatement(await statement(1001n), mandate, venue), ReceiptError);
  await assert.rejects(checkStatement(await statement(1n, word(2n)), mandate, venue), ReceiptError);
});
