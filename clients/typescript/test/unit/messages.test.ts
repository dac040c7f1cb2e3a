/** Outcomes, rulings, refunds and approvals, against viem and ethers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { getAddress, type Address, type Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

import {
  checkMessage,
  messageDigest,
  readMessage,
  signMessage,
  writeMessage,
  type MessageKind,
} from "../../src/messages.js";
import { WireError } from "../../src/wire.js";
import { vectors, type Place } from "../support/vectors.js";

interface Vector extends Place {
  message: Record<string, unknown>;
  digest: Hex;
  signer: Address;
  signature: Hex;
  privateKey: Hex;
}

type File = Record<"outcomes" | "rulings" | "refunds" | "approvals", Vector[]> & {
  negative: (Vector & { kind: string; reason: string })[];
};

const file = vectors<File>("eip712.json");
const KINDS = ["outcome", "ruling", "refund", "approval"] as const;
const isKind = (kind: string): kind is MessageKind => (KINDS as readonly string[]).includes(kind);
const lower = (value: unknown) => JSON.stringify(value).toLowerCase();

test("messages are read, hashed, signed and written as by viem and ethers", async () => {
  for (const kind of KINDS) {
    const all = file[`${kind}s`];
    assert.equal(all.length, 50);
    for (const { message, signature, digest, signer, privateKey, ...at } of all) {
      const wire = { [kind]: message, signature };
      const read = readMessage(kind, wire);
      assert.equal(messageDigest(kind, at, read.message), digest);
      const signed = await signMessage(kind, privateKeyToAccount(privateKey), at, read.message);
      assert.equal(signed.signature, signature);
      assert.equal(lower(writeMessage(kind, signed)), lower(wire));
      await checkMessage(kind, wire, getAddress(signer), at);
    }
  }
});

test("altered messages and signatures are refused", async () => {
  let looked = 0;
  for (const { kind, reason, message, signature, signer, ...at } of file.negative) {
    if (!isKind(kind)) continue;
    looked += 1;
    const check = checkMessage(kind, { [kind]: message, signature }, getAddress(signer), at);
    await assert.rejects(check, `${kind}: ${reason}`);
  }
  assert.ok(looked > 400, `${looked}`);
});

test("messages with a defect are not read", () => {
  const signature = file.outcomes[0]!.signature;
  const good = {
    outcome: { mandateId: `0x${"01".repeat(32)}`, status: 2, settled: "0", batchId: `0x${"00".repeat(32)}`, at: 1 },
    ruling: file.rulings[0]!.message,
    refund: file.refunds[0]!.message,
    approval: file.approvals[0]!.message,
  };
  const defects: [MessageKind, object][] = [
    ["outcome", { status: 0 }],
    ["outcome", { status: 4 }],
    ["outcome", { status: "1" }],
    ["outcome", { settled: "1" }],
    ["outcome", { batchId: `0x${"01".repeat(32)}` }],
    ["outcome", { at: 2 ** 40 }],
    ["ruling", { captured: 1 }],
    ["ruling", { evidence: "0x" }],
    ["refund", { amount: "0" }],
    ["refund", { token: "USD" }],
    ["approval", { approved: "true" }],
    ["approval", { approved: 1 }],
    ["approval", { memo: "" }],
  ];
  for (const kind of KINDS) readMessage(kind, { [kind]: good[kind], signature });
  for (const [kind, change] of defects) {
    const wire = { [kind]: { ...good[kind], ...change }, signature };
    assert.throws(() => readMessage(kind, wire), WireError, `${kind} ${JSON.stringify(change)}`);
  }
});
