/** A payment that is disputed at a real processor: handed in, held, objected to, answered, ruled, settled for less. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import type { Hex } from "viem";

import { DisputeClient } from "../../src/dispute-client.js";
import type { Disputes } from "../../src/disputes.js";
import { checkMessageOfAny, signMessage, writeMessage, writeMessageOfAny } from "../../src/messages.js";
import { payingFetch, paymentOf } from "../../src/payer/fetch.js";
import { ProcessorRefusal } from "../../src/processor.js";
import type { SignedReceipt } from "../../src/receipt.js";
import { PRICE, Shop } from "../support/shop.js";
import { Town } from "./town.js";

const ARBITER = privateKeyToAccount(generatePrivateKey());
const RULED = 400n;
/** Long enough for a machine that has other things to do. */
const DISPUTES: Disputes = {
  arbiter: ARBITER.address,
  windowSeconds: 120,
  rulingSeconds: 240,
  reasons: ["service_defective", "service_not_delivered"],
  silenceRefunds: false,
};

let town: Town;

before(async () => {
  town = await Town.start();
});

after(() => town?.stop());

test("what a payer disputes settles for what the arbiter rules, and nobody else reads of it", async (t) => {
  const payee = privateKeyToAccount(generatePrivateKey());
  const { facilitator, network, token, venue } = town;
  const shop = await Shop.open({ facilitator, network, token, payee, scheme: { disputes: DISPUTES } });
  t.after(() => shop.close());
  const payer = await town.payer(1, 10_000n, 10_000n, [ARBITER.address]);
  const payment = paymentOf(await payingFetch(payer)(`${shop.url}/joke`));
  const mandateId = payment?.id as Hex;
  assert.equal((payment?.receipt as SignedReceipt).receipt.arbiter, ARBITER.address);

  const key = town.key(1);
  const [mine, theirs] = [new DisputeClient(facilitator, venue, key), new DisputeClient(facilitator, venue, payee)];
  const stranger = new DisputeClient(facilitator, venue, privateKeyToAccount(generatePrivateKey()));
  await assert.rejects(mine.dispute({ mandateId, reason: "overcharge" }), (error) => {
    return error instanceof ProcessorRefusal && error.code === "not_disputable";
  });
  const proof = { bytes: Buffer.from('{"joke":""}'), mediaType: "application/json" };
  const objection = { mandateId, reason: "service_defective", text: "Пусто: 空", evidence: [proof] } as const;
  const opened = await mine.dispute(objection);
  assert.deepEqual([opened.status, opened.by, opened.due, opened.evidence.length], ["open", "key", PRICE, 1]);
  await assert.rejects(stranger.dispute({ mandateId, reason: "service_defective" }), { code: "bad_signature" });
  await assert.rejects(stranger.disputeOf(mandateId), { code: "unknown_dispute" });

  const { disputes } = await theirs.disputes();
  assert.deepEqual(disputes.map((dispute) => dispute.mandateId), [mandateId]);
  assert.deepEqual(Buffer.from(await theirs.evidence(mandateId, opened.evidence[0]!)), proof.bytes);
  const answered = await theirs.answer({ mandateId, captured: PRICE, text: "It was funny." });
  assert.equal(answered.answer?.message.text, "It was funny.");

  const evidence: Hex = `0x${"00".repeat(32)}`;
  const ruling = { mandateId, captured: RULED, evidence, at: Math.floor(Date.now() / 1000) };
  const response = await fetch(`${facilitator}/v1/disputes/${mandateId}/ruling`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(writeMessage("ruling", await signMessage("ruling", ARBITER, venue, ruling))),
  });
  assert.equal(response.status, 200, await response.text());
  const ruled = await mine.disputeOf(mandateId);
  assert.deepEqual([ruled.status, ruled.due, ruled.ruling?.message.captured], ["ruled", RULED, RULED]);
  await checkMessageOfAny("dispute", writeMessageOfAny("dispute", ruled.dispute), key.publicKey, venue);

  assert.deepEqual(await town.settled([mandateId]), [RULED]);
  assert.equal(await town.balance(payee.address), RULED, "the payee's tokens on chain");
});
