/**
 * Stock `@x402/express` and stock `@x402/fetch` buy and sell through a real processor, down to the payee's tokens on
 * the chain that it settles on.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test, type TestContext } from "node:test";

import { HTTPFacilitatorClient } from "@x402/core/server";
import { wrapFetchWithPayment } from "@x402/fetch";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

import type { Payer } from "../../src/payer/payer.js";
import { payingFetch, paymentOf } from "../../src/payer/fetch.js";
import { paying } from "../../src/x402/client.js";
import { encodeHeader } from "../../src/x402/headers.js";
import { CEILING, METERED, PRICE, Shop } from "../support/shop.js";
import { Town } from "./town.js";

let town: Town;

before(async () => {
  town = await Town.start();
});

after(() => town?.stop());

/** A shop whose owner has nothing yet. */
async function shop(t: TestContext) {
  const payee = privateKeyToAccount(generatePrivateKey());
  const { facilitator, network, token } = town;
  const open = await Shop.open({ facilitator, network, token, payee });
  t.after(() => open.close());
  return { shop: open, payee };
}

/** A stock paying fetch, and the mandates and headers that went through it. */
function stock(from: Payer) {
  const payments: string[] = [];
  const ids: string[] = [];
  const paid = wrapFetchWithPayment((input, init) => {
    const request = new Request(input, init);
    const payment = request.headers.get("PAYMENT-SIGNATURE");
    if (payment !== null) payments.push(payment);
    return fetch(request);
  }, paying(from));
  const pay = async (url: string, init?: RequestInit) => {
    const answer = await paid(url, init);
    const id = settlement(answer)?.extra?.receipt?.receipt.mandateId;
    if (id !== undefined) ids.push(id);
    return answer;
  };
  return { pay, payments, ids };
}

function settlement(response: Response) {
  const header = response.headers.get("PAYMENT-RESPONSE");
  return header === null ? undefined : JSON.parse(Buffer.from(header, "base64").toString());
}

/** Waits for these mandates, and compares what the payee has on chain with what it must have. */
async function paid(payee: `0x${string}`, ids: string[], expected: bigint) {
  const amounts = await town.settled(ids);
  assert.equal(amounts.reduce((sum, amount) => sum + amount, 0n), expected);
  assert.equal(await town.balance(payee), expected, "the payee's tokens on chain");
}

test("what stock and own clients buy of a stock shop arrives on chain, and what failed does not", async (t) => {
  const { shop: at, payee } = await shop(t);
  const payer = await town.payer(1, 100_000n);
  const { pay, ids } = stock(payer);
  const own = payingFetch(payer);

  assert.deepEqual(await (await pay(`${at.url}/joke?about=money`)).json(), { path: "/joke", query: { about: "money" } });
  assert.equal((await pay(`${at.url}/fails`)).status, 503);
  assert.equal((await pay(`${at.url}/throws`)).status, 500);
  assert.equal((await pay(`${at.url}/infer`, { method: "POST", body: "how much?" })).status, 200);

  const known = await own.terms(`${at.url}/other`);
  for (const answer of [await own(`${at.url}/joke`), await own(`${at.url}/other`, undefined, known)]) {
    assert.equal(answer.status, 200);
    ids.push(paymentOf(answer)?.id ?? "");
  }
  const failed = await own(`${at.url}/fails`);
  assert.deepEqual([failed.status, paymentOf(failed)?.captured], [503, 0n]);
  ids.push(paymentOf(failed)?.id ?? "");

  const expected = 3n * PRICE + METERED;
  assert.deepEqual([new Set(ids).size, await payer.spent(town.token)], [7, expected]);
  await paid(payee.address, ids, expected);
});

test("many buyers at once are all served, and all of it arrives", async (t) => {
  const { shop: at, payee } = await shop(t);
  const payers = [await town.payer(2, 50_000n), await town.payer(3, 50_000n), await town.payer(4, 50_000n)];
  const ids: string[] = [];
  const buying = payers.map(async (payer, buyer) => {
    const { pay, ids: bought } = stock(payer);
    const calls = Array.from({ length: 8 }, (_, call) => pay(`${at.url}/joke?buyer=${buyer}&call=${call}`));
    for (const answer of await Promise.all(calls)) assert.equal(answer.status, 200);
    ids.push(...bought);
  });
  await Promise.all(buying);
  assert.deepEqual([new Set(ids).size, at.count("/joke")], [24, 24]);
  await paid(payee.address, ids, 24n * PRICE);
});

test("a replay is neither served nor charged, and a tampered price is refused by payee and processor", async (t) => {
  const { shop: at, payee } = await shop(t);
  const { pay, payments, ids } = stock(await town.payer(5, 10_000n));
  assert.equal((await pay(`${at.url}/joke`)).status, 200);
  const [payment = ""] = payments;
  const send = (header: string) => fetch(`${at.url}/joke`, { headers: { "PAYMENT-SIGNATURE": header } });
  const replay = await send(payment);
  assert.deepEqual([replay.status, settlement(replay).errorReason], [402, "already_served"]);

  const cheap = JSON.parse(Buffer.from(payment, "base64").toString());
  cheap.accepted.amount = "1";
  cheap.payload.mandate.amount = "1";
  cheap.payload.mandate.nonce = (BigInt(cheap.payload.mandate.nonce) + 1n).toString();
  assert.equal((await send(encodeHeader(cheap))).status, 402);
  const facilitator = new HTTPFacilitatorClient({ url: town.facilitator });
  const verified = await facilitator.verify(cheap, cheap.accepted);
  assert.deepEqual([verified.isValid, verified.invalidReason], [false, "bad_signature"]);
  const settled = await facilitator.settle(cheap, cheap.accepted);
  assert.deepEqual([settled.success, settled.errorReason], [false, "bad_signature"]);

  assert.equal(at.count("/joke"), 1);
  await paid(payee.address, ids, PRICE);
});

test("an account without money gets nothing, and is told so", async (t) => {
  const { shop: at } = await shop(t);
  const poor = await town.payer(6, PRICE, 10_000n);
  const { pay } = stock(poor);
  assert.equal((await pay(`${at.url}/joke`)).status, 200);
  const answer = await pay(`${at.url}/joke`);
  assert.deepEqual([answer.status, settlement(answer).errorReason], [402, "insufficient_funds"]);
  await assert.rejects(payingFetch(poor)(`${at.url}/joke`), { code: "refused", reason: "insufficient_funds" });
  assert.equal(at.count("/joke"), 1);
});

test("a payee that takes the money and asks for more gets the first price once, and no more", async (t) => {
  const payee = privateKeyToAccount(generatePrivateKey());
  const payer = await town.payer(7, 50_000n);
  const facilitator = new HTTPFacilitatorClient({ url: town.facilitator });
  const { kinds } = await facilitator.getSupported();
  const ids: string[] = [];
  const terms = (amount: bigint) => ({
    scheme: "aep2",
    network: town.network,
    amount: amount.toString(),
    asset: town.token,
    payTo: payee.address,
    maxTimeoutSeconds: 60,
    extra: { ...kinds[0]?.extra, capture: "full", method: "GET" },
  });
  const liar = createServer(async (request, response) => {
    const header = request.headers["payment-signature"] as string | undefined;
    if (header !== undefined) {
      const payment = JSON.parse(Buffer.from(header, "base64").toString());
      const settled = await facilitator.settle(payment, payment.accepted);
      ids.push((settled.extra as any).receipt.receipt.mandateId);
    }
    const accepts = [terms(header === undefined ? PRICE : CEILING)];
    const resource = { url: `http://${request.headers.host}${request.url}` };
    response.writeHead(402, { "PAYMENT-REQUIRED": encodeHeader({ x402Version: 2, resource, accepts }) }).end();
  });
  await once(liar.listen(0, "127.0.0.1"), "listening");
  t.after(() => liar.close());
  const url = `http://127.0.0.1:${(liar.address() as AddressInfo).port}/joke`;
  await assert.rejects(payingFetch(payer)(url), { code: "terms_changed" });
  assert.equal((await stock(payer).pay(url)).status, 402);
  assert.equal(ids.length, 2, "one for each call");
  await paid(payee.address, ids, 2n * PRICE);
});
