/** Mandates, keys and signatures against circomlibjs, zk-kit and poseidon-lite. */

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Hex } from "viem";

import { MandateKey, isKey, verify, verifySignedMandate } from "../../src/key.js";
import { mandateDomain, mandateId, readSignedMandate, writeSignedMandate } from "../../src/mandate.js";
import { WireError, word } from "../../src/wire.js";
import { everyNth, point, signature, vectors, type Place, type PointText, type SignatureText } from "../support/vectors.js";

type MandateText = ReturnType<typeof writeSignedMandate>["mandate"];
interface Good extends Place {
  domain: Hex;
  mandate: MandateText;
  id: Hex;
  key: PointText;
  signature: SignatureText;
  privateKey: Hex;
}
interface Bad extends Place {
  reason: string;
  text: string;
}

const mandates = vectors<{ positive: Good[]; negative: Bad[] }>("mandates.json");
const keys = vectors<{ positive: { privateKey: Hex; key: PointText }[]; negative: { key: PointText; reason: string }[] }>(
  "keys.json",
);
interface Edge {
  message: Hex;
  key: PointText;
  signature: SignatureText;
}
const eddsa = vectors<{ positive: Edge[]; edge: Edge[]; negative: (Edge & { reason: string })[] }>("eddsa.json");

/** What a text says about a mandate, and in which wallet. */
function read({ chainId, wallet, mandate, key, signature }: Good) {
  return { at: { chainId, wallet }, signed: readSignedMandate({ mandate, key, signature }) };
}

test("ids and domains are those of other people's libraries", () => {
  for (const vector of mandates.positive) {
    const { at, signed } = read(vector);
    assert.equal(word(mandateDomain(at, signed.mandate.token)), vector.domain);
    assert.equal(word(mandateId(at, signed.mandate)), vector.id);
  }
});

test("what is written is what was read", () => {
  for (const vector of mandates.positive) {
    const { signed } = read(vector);
    assert.deepEqual(readSignedMandate(JSON.parse(JSON.stringify(writeSignedMandate(signed)))), signed);
  }
});

test("signatures agree with other people's byte for byte, and verify", () => {
  for (const vector of everyNth(mandates.positive, 8)) {
    const { at, signed } = read(vector);
    const key = new MandateKey(vector.privateKey);
    assert.deepEqual(key.publicKey, signed.key);
    assert.deepEqual(key.sign(mandateId(at, signed.mandate)), signed.signature);
    assert.ok(verifySignedMandate(at, signed));
    assert.ok(!verifySignedMandate({ ...at, chainId: at.chainId + 1 }, signed), "on another chain");
  }
});

test("a mandate with a defect is not read, or does not verify", () => {
  // What JSON.parse hides from whoever reads its value. Nobody else sees it either, since the value is what travels on.
  const hidden = new Set(["duplicate_field"]);
  let invisible = 0;
  for (const { reason, text, chainId, wallet } of mandates.negative) {
    let signed;
    try {
      signed = readSignedMandate(JSON.parse(text));
    } catch (error) {
      assert.ok(error instanceof WireError || error instanceof SyntaxError, `${reason}: ${error}`);
      continue;
    }
    if (verifySignedMandate({ chainId, wallet }, signed)) {
      const written = JSON.stringify(JSON.parse(text));
      assert.ok(hidden.has(reason) || written !== text, `${reason} was overlooked: ${text}`);
      invisible += 1;
    }
  }
  assert.ok(mandates.negative.length > 200 && invisible < 30, `${invisible} were overlooked`);
});

test("a key that could be another's too is none", () => {
  for (const { key, privateKey } of everyNth(keys.positive, 10)) {
    assert.ok(isKey(point(key)));
    assert.deepEqual(new MandateKey(privateKey).publicKey, point(key));
  }
  assert.ok(keys.negative.length > 200);
  for (const { key, reason } of keys.negative) assert.ok(!isKey(point(key)), reason);
});

test("signatures that common libraries take and that could be anybody's are refused", () => {
  for (const { message, key, signature: signed } of [...everyNth(eddsa.positive, 8), ...eddsa.edge]) {
    assert.ok(verify(BigInt(message), signature(signed), point(key)));
  }
  assert.ok(eddsa.negative.length > 200);
  for (const { message, key, signature: signed, reason } of eddsa.negative) {
    assert.ok(!verify(BigInt(message), signature(signed), point(key)), reason);
  }
});

test("a secret key says nothing of itself", () => {
  const secret: Hex = `0x${"07".repeat(32)}`;
  const key = new MandateKey(secret);
  assert.ok(!`${key} ${JSON.stringify({ key })} ${Object.values(key).join()}`.includes("0707"));
  assert.throws(() => new MandateKey("0x07"), RangeError);
});
