/** The payee's side: stock Express and stock `@x402/express`, with processors and payers that misbehave. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { test, type TestContext } from "node:test";

import { HTTPFacilitatorClient } from "@x402/core/server";
import { wrapFetchWithPayment } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";

import { payingFetch } from "../../src/payer/fetch.js";
import type { Payer } from "../../src/payer/payer.js";
import { paying } from "../../src/x402/client.js";
import { Aep2Server, type Aep2ServerConfig } from "../../src/x402/server.js";
import { NETWORK, TOKEN, TestProcessor, VENUE } from "../support/processor.js";
import { CEILING, METERED, PRICE, Shop } from "../support/shop.js";
import { directory, journal, payer } from "../support/wallet.js";

const PAYEE = privateKeyToAccount(`0x${"fe".repeat(32)}`);

async function market(t: TestContext, scheme: Partial<Aep2ServerConfig> = {}) {
  const processor = await TestProcessor.start();
  const shop = await Shop.open({ facilitator: processor.url, network: NETWORK, token: TOKEN, payee: PAYEE, scheme });
  t.after(async () => {
    await shop.close();
    await processor.stop();
  });
  const folder = directory(t);
  return { processor, shop, folder, payer: await payer(t, { directory: folder }) };
}

/** A stock paying fetch, and the payments that went through it. */
function stock(from: Payer) {
  const payments: string[] = [];
  const pay = wrapFetchWithPayment(async (input, init) => {
    const request = new Request(input, init);
    const payment = request.headers.get("PAYMENT-SIGNATURE");
    if (payment !== null) payments.push(payment);
    return fetch(request);
  }, paying(from));
  return { pay, payments };
}

const decode = (header: string | null) => JSON.parse(Buffer.from(header ?? "", "base64").toString() || "null");
const encode = (object: unknown) => Buffer.from(JSON.stringify(object)).toString("base64");
const settlement = (response: Response) => decode(response.headers.get("PAYMENT-RESPONSE"));
const required = (response: Response) => decode(response.headers.get("PAYMENT-REQUIRED"));

test("stock fetch buys of stock express, and each mandate follows the last that was accepted", async (t) => {
  const { shop, folder, payer } = await market(t);
  const { pay } = stock(payer);
  for (let call = 1; call <= 3; call++) {
    const answer = await pay(`${shop.url}/joke?about=money`);
    assert.deepEqual([answer.status, await answer.json()], [200, { path: "/joke", query: { about: "money" } }]);
    assert.equal(settlement(answer).extra.receipt.receipt.amount, PRICE.toString());
  }
  const signed = journal(folder, "signed");
  assert.deepEqual(
    signed.map((line) => BigInt(line.mandate.mandate.prev) && line.mandate.mandate.prev),
    [0n, signed[0]?.id, signed[1]?.id],
  );
  assert.equal(journal(folder, "accepted").length, 3);
  assert.equal(await payer.spent(TOKEN), 3n * PRICE);
});

test("what is free stays free", async (t) => {
  const { shop, folder, payer } = await market(t);
  assert.equal((await stock(payer).pay(`${shop.url}/free`)).status, 200);
  assert.equal(journal(folder, "signed").length, 0);
});

test("a replay gets no second service", async (t) => {
  const { shop, processor, payer } = await market(t);
  const { pay, payments } = stock(payer);
  await pay(`${shop.url}/joke`);
  const replay = () => fetch(`${shop.url}/joke`, { headers: { "PAYMENT-SIGNATURE": payments[0] ?? "" } });
  for (const again of [await replay(), ...(await Promise.all([replay(), replay()]))]) {
    assert.equal(again.status, 402);
    assert.equal(settlement(again).errorReason, "already_served");
  }
  assert.deepEqual([shop.count("/joke"), processor.asked], [1, 1]);
});

test("a payment that is sent many times at once is served once", async (t) => {
  const { shop, processor, payer } = await market(t);
  let payment = "";
  const pay = wrapFetchWithPayment(async (input, init) => {
    const request = new Request(input, init);
    payment = request.headers.get("PAYMENT-SIGNATURE") ?? "";
    return payment === "" ? fetch(request) : new Response(null, { status: 200 });
  }, paying(payer));
  await pay(`${shop.url}/joke`);
  const all = Array.from({ length: 8 }, () => fetch(`${shop.url}/joke`, { headers: { "PAYMENT-SIGNATURE": payment } }));
  const statuses = (await Promise.all(all)).map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 1, `${statuses}`);
  assert.deepEqual([shop.count("/joke"), processor.asked], [1, 1]);
});

test("a mandate for one order pays for no other path or query, with any order", async (t) => {
  const { shop, processor, payer } = await market(t);
  const order = required(await fetch(`${shop.url}/other`)).accepts[0].extra.order;
  const asked: string[] = [];
  const pay = wrapFetchWithPayment(async (input, init) => {
    const request = new Request(input, init);
    const payment = request.headers.get("PAYMENT-SIGNATURE");
    if (payment === null) return fetch(request);
    const moved = decode(payment);
    moved.accepted.extra.order = order;
    const { order: _, ...withoutOrder } = moved.accepted.extra;
    const intent = { ...moved, accepted: { ...moved.accepted, extra: withoutOrder } };
    for (const [path, header] of [
      ["/other", payment],
      ["/joke?more", payment],
      ["/other", encode(moved)],
      ["/joke", encode(intent)],
    ] as const) {
      const answer = await fetch(`${shop.url}${path}`, { headers: { "PAYMENT-SIGNATURE": header } });
      assert.equal(answer.status, 402);
      asked.push(required(answer).error);
    }
    return fetch(request);
  }, paying(payer));
  assert.equal((await pay(`${shop.url}/joke`)).status, 200);
  assert.deepEqual(asked, ["order_unknown", "order_unknown", "ref_mismatch", "ref_mismatch"]);
  assert.deepEqual([shop.count("/other"), processor.asked], [0, 1]);
});

test("a payer that tampers with price, payee, token or order is not served", async (t) => {
  const { shop, processor, payer } = await market(t);
  const tampered: ((payment: any) => void)[] = [
    (payment) => (payment.accepted.amount = "1"),
    (payment) => (payment.accepted.payTo = VENUE.wallet),
    (payment) => (payment.accepted.asset = VENUE.wallet),
    (payment) => (payment.accepted.extra.capture = "metered"),
    (payment) => (payment.payload.mandate.amount = "1"),
    (payment) => (payment.payload.mandate.payee = VENUE.wallet),
    (payment) => (payment.payload.mandate.deadline = 1),
    (payment) => (payment.payload.memo = "too much"),
    (payment) => (payment.accepted.extra.order = `0x${"00".repeat(32)}`),
  ];
  const pay = wrapFetchWithPayment(async (input, init) => {
    const request = new Request(input, init);
    const payment = request.headers.get("PAYMENT-SIGNATURE");
    if (payment === null) return fetch(request);
    for (const [at, tamper] of tampered.entries()) {
      const other = decode(payment);
      tamper(other);
      const answer = await fetch(request.url, { headers: { "PAYMENT-SIGNATURE": encode(other) } });
      assert.equal(answer.status, 402, `${at}`);
    }
    return new Response(null, { status: 200 });
  }, paying(payer));
  await pay(`${shop.url}/joke`);
  assert.deepEqual([shop.count("/joke"), processor.asked], [0, 0]);
});

test("nothing is served where the processor refuses, lies, or does not answer", async (t) => {
  const { shop, processor, folder, payer } = await market(t);
  const { pay } = stock(payer);
  const said = (change: (body: any) => object, status = 200): TestProcessor["lie"] => (path, honest) =>
    path === "/settle" ? { status, body: change(structuredClone(honest.body)) } : honest;

  let others: any;
  processor.lie = said((body) => (others = { ...body, success: false, errorReason: "insufficient_funds" }));
  const refused = await pay(`${shop.url}/joke`);
  assert.deepEqual([refused.status, settlement(refused).errorReason], [402, "insufficient_funds"]);

  const receipt = (change: (receipt: any) => void) =>
    said((body) => {
      change(body.extra.receipt);
      return body;
    });
  const lies: [string, TestProcessor["lie"], number][] = [
    ["no receipt", said(({ extra: _, ...body }) => body), 502],
    ["another mandate's receipt", said((body) => ({ ...body, extra: others.extra })), 502],
    ["nobody's receipt", receipt((receipt) => (receipt.signature = `0x${"11".repeat(64)}1b`)), 502],
    ["another amount", receipt(({ receipt }) => (receipt.amount = "1")), 502],
    ["hangs up", (path, honest) => (path === "/settle" ? undefined : honest), 502],
    ["not ready", said((body) => ({ ...body, success: false, errorReason: "not_ready" }), 503), 502],
    ["refuses otherwise", said((body) => ({ ...body, success: false, errorReason: "invalid_payload" }), 400), 402],
  ];
  for (const [what, lie, status] of lies) {
    processor.lie = lie;
    assert.equal((await pay(`${shop.url}/joke`)).status, status, what);
  }
  assert.equal(shop.count("/joke"), 0);
  processor.lie = undefined;
  assert.equal((await pay(`${shop.url}/joke`)).status, 200);
  const starts = journal(folder, "signed").map((line) => BigInt(line.mandate.mandate.prev));
  assert.ok(starts.every((prev) => prev === 0n), "a mandate without a receipt was followed");
});

test("a call whose handler fails or throws is charged nothing, and the payer has the processor's word", async (t) => {
  const { shop, processor, payer } = await market(t);
  const { pay } = stock(payer);
  for (const [path, status] of [["/fails", 503], ["/throws", 500]] as const) {
    const answer = await pay(`${shop.url}${path}`);
    assert.equal(answer.status, status);
    const { amount, extra } = settlement(answer);
    assert.equal(amount, "0");
    assert.equal(extra.capture.receipt.amount, "0");
    assert.equal(processor.captured.get(extra.receipt.receipt.mandateId), 0n);
  }
  assert.equal(await payer.spent(TOKEN), 0n, "what was not captured counts for no limit");
});

test("a metered call is charged what it came to", async (t) => {
  const { shop, processor, payer } = await market(t);
  const answer = await stock(payer).pay(`${shop.url}/infer`, { method: "POST", body: "how much?" });
  assert.deepEqual([answer.status, await answer.json()], [200, { said: "how much?" }]);
  const { amount, extra } = settlement(answer);
  assert.equal(amount, METERED.toString());
  assert.equal(extra.receipt.receipt.amount, CEILING.toString());
  assert.equal(processor.captured.get(extra.receipt.receipt.mandateId), METERED);
  assert.equal(await payer.spent(TOKEN), METERED);
});

test("a capture is tried again until the processor has heard", async (t) => {
  const { shop, processor, payer } = await market(t);
  let deaf = 3;
  processor.lie = (path, honest) => {
    if (!path.endsWith("/capture")) return honest;
    return deaf-- > 0 ? { status: 503, body: {} } : honest;
  };
  const answer = await stock(payer).pay(`${shop.url}/fails`);
  await shop.close();
  assert.deepEqual([answer.status, [...processor.captured.values()], deaf], [503, [0n], -1]);
});

test("a payee that starts again refuses what it served before", async (t) => {
  const { processor, shop, payer } = await market(t);
  const orderSecret = new Uint8Array(32).fill(1);
  const open = (ahead: number, origin?: string) =>
    Shop.open({
      facilitator: processor.url,
      network: NETWORK,
      token: TOKEN,
      payee: PAYEE,
      scheme: { orderSecret, now: () => Math.floor(Date.now() / 1000) + ahead, ...(origin && { origin }) },
    });
  const before = await open(0);
  t.after(() => before.close());
  const { pay, payments } = stock(payer);
  assert.equal((await pay(`${before.url}/joke`)).status, 200);
  // Later than clocks may differ, and while the order is still good.
  const after = await open(120, before.url);
  t.after(() => after.close());
  const again = await fetch(`${after.url}/joke`, { headers: { "PAYMENT-SIGNATURE": payments[0] ?? "" } });
  assert.deepEqual([again.status, settlement(again).errorReason], [402, "already_used"]);
  assert.equal(after.count("/joke") + shop.count("/joke"), 0);
});

test("a request whose Host header hides part of a path is not served for another path's mandate", async (t) => {
  const { shop, processor, payer } = await market(t);
  // What GET /joke with this Host header reads as.
  const url = `${shop.url}/x/joke`;
  const pay = payingFetch(payer, {
    fetch: async (input, init) => {
      const { port, host } = new URL(shop.url);
      const headers = Object.fromEntries(new Request(input, init).headers);
      const request = get({ host: "127.0.0.1", port, path: "/joke", headers: { ...headers, host: `${host}/x` } });
      const [response] = (await once(request, "response")) as [IncomingMessage];
      response.resume();
      const said = Object.entries(response.headers).filter(([name]) => name.startsWith("payment-"));
      return new Response(null, { status: response.statusCode ?? 0, headers: said as [string, string][] });
    },
  });
  const terms = await payingFetch(payer).terms(`${shop.url}/joke`);
  await assert.rejects(pay(url, undefined, terms), { code: "refused", reason: "invalid_payload" });
  assert.deepEqual([shop.count("/joke"), processor.asked], [0, 0]);
});

test("a payee that wants orders takes no intents", async (t) => {
  const { shop, processor, payer } = await market(t, { intents: false });
  const pay = payingFetch(payer);
  const terms = await pay.terms(`${shop.url}/joke`);
  await assert.rejects(pay(`${shop.url}/joke`, undefined, terms), { code: "refused", reason: "terms_mismatch" });
  assert.equal(processor.asked, 0);
  assert.equal((await pay(`${shop.url}/joke`)).status, 200);
});

test("a payee that could not keep what it promises does not start", async () => {
  const facilitator = new HTTPFacilitatorClient({ url: "http://127.0.0.1:1" });
  const origin = "https://api.example.com";
  const extra = { wallet: VENUE.wallet, processor: VENUE.processor, settleWithinSeconds: 600, captures: true };
  const kind = { x402Version: 2, scheme: "aep2", network: NETWORK, extra };
  const terms = (change: Record<string, unknown> = {}) => {
    const price = { asset: TOKEN, amount: "1", maxTimeoutSeconds: 60 };
    return { scheme: "aep2", network: NETWORK, payTo: PAYEE.address, ...price, extra: change };
  };

  for (const wrong of ["https://api.example.com/joke", "https://me@api.example.com", "api.example.com"]) {
    assert.throws(() => new Aep2Server({ facilitator, origin: wrong }), TypeError, wrong);
  }
  const pinned = new Aep2Server({ facilitator, origin, venue: VENUE });
  assert.equal(pinned.validateFacilitatorSupport(NETWORK, kind), undefined);
  assert.match(pinned.validateFacilitatorSupport("eip155:1", kind) ?? "", /eip155:1/);
  const other = { ...kind, extra: { ...extra, processor: TOKEN } };
  assert.match(pinned.validateFacilitatorSupport(NETWORK, other) ?? "", /settles for/);
  assert.match(pinned.validateFacilitatorSupport(NETWORK, { ...kind, extra: {} }) ?? "", /wallet/);

  const metered = { capture: "metered" };
  await assert.rejects(pinned.enhancePaymentRequirements(terms(metered), kind), /with the payee's key only/);
  const keyed = new Aep2Server({ facilitator, origin, payee: PAYEE });
  const deaf = { ...kind, extra: { ...extra, captures: false } };
  await assert.rejects(keyed.enhancePaymentRequirements(terms(metered), deaf), /a processor that captures/);
  await assert.rejects(keyed.enhancePaymentRequirements({ ...terms(), payTo: TOKEN }, kind), /payTo/);
  await assert.rejects(keyed.enhancePaymentRequirements({ ...terms(), amount: "0" }, kind), /amount/);
  await assert.rejects(keyed.parsePrice("$1", NETWORK), /names no token/);
  assert.equal((await keyed.enhancePaymentRequirements(terms(metered), kind)).extra.paymentFlow, "escrow");
  const slow = { ...kind, extra: { ...extra, settleWithinSeconds: 43_201 } };
  await assert.rejects(keyed.enhancePaymentRequirements(terms(), slow), /no receipt that promises for longer/);
});

test("where no more mandates can be remembered none is taken", async (t) => {
  const { shop, processor, payer } = await market(t, { paymentsMax: 1 });
  const { pay } = stock(payer);
  assert.equal((await pay(`${shop.url}/joke`)).status, 200);
  assert.equal((await pay(`${shop.url}/joke`)).status, 502);
  assert.deepEqual([shop.count("/joke"), processor.asked], [1, 1]);
});
