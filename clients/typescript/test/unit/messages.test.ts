/**
 * Outcomes, rulings, refunds, approvals, disputes, answers and accesses, against viem and ethers; and what mandates' keys
 * sign of them, against circomlibjs.
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { getAddress, type Address, type Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

import { MandateKey } from "../../src/key.js";
import {
  checkMessage,
  checkMessageOfAny,
  messageDigest,
  messageHash,
  readMessage,
  readMessageOfAny,
  signMessage,
  signMessageByAny,
  writeMessage,
  writeMessageOfAny,
  type KeyedKind,
  type MessageKind,
} from "../../src/messages.js";
import { WireError } from "../../src/wire.js";
import { everyNth, point, vectors, type Place, type PointText, type SignatureText } from "../support/vectors.js";

interface Vector extends Place {
  message: Record<string, unknown>;
  digest: Hex;
  structHash: Hex;
  signer: Address;
  signature: Hex;
  privateKey: Hex;
}

interface ByKey extends Place {
  kind: KeyedKind;
  message: Record<string, unknown>;
  key: PointText;
  signature: SignatureText;
}

const NAMES = {
  outcome: "outcomes",
  ruling: "rulings",
  refund: "refunds",
  approval: "approvals",
  dispute: "disputes",
  answer: "disputeAnswers",
  access: "accesses",
} as const;

type File = Record<(typeof NAMES)[MessageKind], Vector[]> & {
  negative: (Vector & { kind: string; reason: string })[];
  byKey: (ByKey & { digest: Hex; privateKey: Hex })[];
  byKeyNegative: (ByKey & { reason: string })[];
};

const file = vectors<File>("eip712.json");
const KINDS = Object.keys(NAMES) as MessageKind[];
const isKind = (kind: string): kind is MessageKind => (KINDS as readonly string[]).includes(kind);
const lower = (value: unknown) => JSON.stringify(value).toLowerCase();

test("messages are read, hashed, signed and written as by viem and ethers", async () => {
  for (const kind of KINDS) {
    const all = file[NAMES[kind]];
    assert.equal(all.length, 50);
    for (const { message, signature, digest, structHash, signer, privateKey, ...at } of all) {
      const wire = { [kind]: message, signature };
      const read = readMessage(kind, wire);
      assert.equal(messageDigest(kind, at, read.message), digest);
      assert.equal(messageHash(kind, read.message), structHash);
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
  assert.ok(looked > 800, `${looked}`);
});

test("messages with a defect are not read", () => {
  const signature = file.outcomes[0]!.signature;
  const piece = { hash: `0x${"01".repeat(32)}`, mediaType: "text/plain", size: 1 };
  const pieces = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ ...piece, hash: `0x${`${at}`.repeat(64)}` }));
  const dispute = { ...file.disputes[0]!.message, evidence: [piece] };
  const good: Record<MessageKind, object> = {
    outcome: { mandateId: `0x${"01".repeat(32)}`, status: 2, settled: "0", batchId: `0x${"00".repeat(32)}`, at: 1 },
    ruling: file.rulings[0]!.message,
    refund: file.refunds[0]!.message,
    approval: file.approvals[0]!.message,
    dispute,
    answer: file.disputeAnswers[0]!.message,
    access: file.accesses[0]!.message,
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
    ["dispute", { memo: "" }],
    ["dispute", { reason: "fraud" }],
    ["dispute", { text: `${"é".repeat(2_048)}.` }],
    ["dispute", { text: "\ud83d" }],
    ["dispute", { text: 1 }],
    ["dispute", { evidence: pieces(9) }],
    ["dispute", { evidence: [piece, { ...piece, mediaType: "image/png" }] }],
    ["dispute", { evidence: {} }],
    ["dispute", { evidence: [{ ...piece, size: 2 ** 20 + 1 }] }],
    ["dispute", { evidence: [{ ...piece, mediaType: "text/plain\r\nSet-Cookie: a=b" }] }],
    ["dispute", { evidence: [{ ...piece, mediaType: "text/plain\n" }] }],
    ["dispute", { evidence: [{ ...piece, mediaType: "" }] }],
    ["dispute", { evidence: [{ ...piece, mediaType: "a".repeat(101) }] }],
    ["dispute", { evidence: [{ ...piece, name: "log.txt" }] }],
    ["answer", { captured: 0 }],
    ["answer", { evidence: pieces(9) }],
    ["answer", { text: "é".repeat(4_096) }],
    ["access", { about: "0x" }],
    ["access", { until: 2 ** 40 }],
    ["access", { processor: "0x00" }],
  ];
  const most = { ...dispute, text: "é".repeat(2_048), evidence: pieces(8) };
  readMessage("dispute", { dispute: most, signature });
  for (const kind of KINDS) readMessage(kind, { [kind]: good[kind], signature });
  for (const [kind, change] of defects) {
    const wire = { [kind]: { ...good[kind], ...change }, signature };
    assert.throws(() => readMessage(kind, wire), WireError, `${kind} ${JSON.stringify(change)}`);
  }
});

test("disputes and accesses are signed by mandates' keys as circomlibjs and zk-kit sign", async () => {
  const some = everyNth(file.byKey, 8);
  assert.ok(some.length >= 6 && new Set(some.map(({ kind }) => kind)).size === 2);
  for (const { kind, message, key, signature, digest, privateKey, chainId, wallet } of some) {
    const [wire, at] = [{ [kind]: message, key, signature }, { chainId, wallet }];
    const read = readMessageOfAny(kind, wire);
    assert.equal(messageDigest(kind, at, read.message), digest);
    await checkMessageOfAny(kind, wire, point(key), at);
    const signed = await signMessageByAny(kind, new MandateKey(privateKey), at, read.message);
    assert.equal(lower(writeMessageOfAny(kind, signed)), lower(wire));
    await assert.rejects(checkMessageOfAny(kind, wire, getAddress(file.disputes[0]!.signer), at));
    await assert.rejects(checkMessageOfAny(kind, wire, point(some.find((other) => other.key !== key)!.key), at));
  }
  // The same readers take an owner's signature, and not for a key's.
  const { message, signature, signer, ...at } = file.disputes[0]!;
  const wire = { dispute: message, signature };
  await checkMessageOfAny("dispute", wire, getAddress(signer), at);
  await assert.rejects(checkMessageOfAny("dispute", wire, point(some[0]!.key), at));
  await assert.rejects(checkMessageOfAny("dispute", { ...wire, key: some[0]!.key }, point(some[0]!.key), at), WireError);
});

test("what a mandate's key did not sign like this is not believed", async () => {
  const some = everyNth(file.byKeyNegative, 3);
  assert.deepEqual(new Set(some.map(({ reason }) => reason)), new Set(file.byKeyNegative.map(({ reason }) => reason)));
  for (const { kind, reason, message, key, signature, chainId, wallet } of some) {
    const check = checkMessageOfAny(kind, { [kind]: message, key, signature }, point(key), { chainId, wallet });
    await assert.rejects(check, `${kind}: ${reason}`);
  }
});
