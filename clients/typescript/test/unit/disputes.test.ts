/** Payments that can be disputed: the processor is told before the payee, by payers and by payees. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { wrapFetchWithPayment } from "@x402/fetch";
import { getAddress, zeroAddress, type Address } from "viem";
import { privateKeyToAccount } from "viem/accounts";

import { longerSeconds, type Disputes } from "../../src/disputes.js";
import { mandateId, readSignedMandate, writeSignedMandate, type Mandate } from "../../src/mandate.js";
import { NotHandedInError, PayError } from "../../src/payer/error.js";
import { payingFetch, paymentOf } from "../../src/payer/fetch.js";
import type { PayerConfig } from "../../src/payer/payer.js";
import { ReceiptError, type SignedReceipt } from "../../src/receipt.js";
import { readTerms } from "../../src/terms.js";
import { WireError } from "../../src/wire.js";
import { paying } from "../../src/x402/client.js";
import { encodeHeader } from "../../src/x402/headers.js";
import { Aep2Server, type Aep2ServerConfig } from "../../src/x402/server.js";
import {
  DISPUTES_WITHIN_S,
  NETWORK,
  SETTLE_WITHIN_S,
  TOKEN,
  TestProcessor,
  VENUE,
  receiptOf,
} from "../support/processor.js";
import { METERED, Shop } from "../support/shop.js";
import { terms, written } from "../support/terms.js";
import { directory, journal, payer } from "../support/wallet.js";

const PAYEE = privateKeyToAccount(`0x${"fe".repeat(32)}`);
const ARBITER = getAddress(`0x${"a7".repeat(20)}`);
const STRANGER = getAddress(`0x${"a8".repeat(20)}`);
const JOKE = "http://shop.example/joke";
const DISPUTES: Disputes = {
  arbiter: ARBITER,
  windowSeconds: 60,
  rulingSeconds: 120,
  reasons: ["other", "service_not_delivered"],
  silenceRefunds: true,
};
/** The two times, and a third of them. */
const LONGER_S = 240;

const sold = (extra: object = {}) => ({
  disputes: DISPUTES,
  settleWithinSeconds: SETTLE_WITHIN_S + LONGER_S,
  ...extra,
});

/** What a processor answers instead, to what is handed in. */
type Lie = (mandate: Mandate) => Promise<{ status: number; body: unknown } | undefined>;

/** A processor, a payee of scripted answers, and a payer that accepts the arbiter. */
async function market(t: TestContext, extra: object = sold()) {
  const processor = await TestProcessor.start();
  const seen: { mandate: Mandate; id: bigint; after: string[] }[] = [];
  const answers: ((mandate: Mandate) => Promise<unknown>)[] = [];
  const server = createServer(async (request, response) => {
    const payment = request.headers["payment-signature"] as string | undefined;
    if (payment === undefined) {
      const accepts = [written({}, { order: `0x${"0d".repeat(32)}`, ...extra })];
      const required = encodeHeader({ x402Version: 2, resource: { url }, accepts });
      return void response.writeHead(402, { "PAYMENT-REQUIRED": required }).end();
    }
    const { payload } = JSON.parse(Buffer.from(payment, "base64").toString());
    const { mandate } = readSignedMandate(payload);
    seen.push({ mandate, id: mandateId(VENUE, mandate), after: [...processor.calls] });
    const receipt = await (answers.shift() ?? ((mandate) => receiptOf(mandate, { arbiter: ARBITER })))(mandate);
    const settled = { success: true, transaction: "", network: NETWORK, extra: { receipt } };
    response.writeHead(200, { "PAYMENT-RESPONSE": encodeHeader(settled), "Content-Length": 0 }).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await processor.stop();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/joke`;
  const folder = directory(t);
  const accepting = { directory: folder, disputes: { arbiters: [ARBITER], processor: processor.url } };
  const begin = async (config: Partial<PayerConfig> = accepting) => {
    const from = await payer(t, { directory: folder, ...config });
    return payingFetch(from, { attempts: 2, pauseMs: 1, timeoutMs: 2_000 });
  };
  /** Lets the processor lie about what is handed in, and still accept it. */
  const lie = (what: Lie | undefined) => {
    let last: Mandate | undefined;
    processor.lie =
      what &&
      (async (path, honest) => {
        if (path !== "/v1/mandates") return honest;
        last = processor.last ?? last;
        return what(last!);
      });
  };
  const signed = () => journal(folder, "signed").length;
  return { processor, seen, answers, url, folder, accepting, begin, lie, signed };
}

const failing = (code: PayError["code"]) => (error: unknown) => error instanceof PayError && error.code === code;
const handedIn = ({ calls }: TestProcessor) => calls.filter((call) => call === "POST /v1/mandates").length;

test("a mandate that can be disputed is with the processor, with its terms, before the payee sees it", async (t) => {
  const { processor, seen, url, begin } = await market(t);
  const pay = await begin();
  const payment = paymentOf(await pay(url));
  assert.deepEqual(seen.map(({ after }) => after), [["POST /v1/mandates"]]);
  assert.deepEqual([...processor.told.values()], [
    { method: "GET", resource: url, order: `0x${"0d".repeat(32)}`, disputes: DISPUTES },
  ]);
  assert.equal((payment?.receipt as SignedReceipt).receipt.arbiter, ARBITER);

  const known = await pay.terms(url);
  assert.equal((await pay(url, undefined, known)).status, 200);
  assert.equal(Object.hasOwn([...processor.told.values()][1] as object, "order"), false, "in intent mode there is none");
  assert.equal(seen.length, 2);
});

test("a mandate that cannot be disputed is not handed in by its payer", async (t) => {
  const { processor, seen, answers, url, begin } = await market(t, {});
  answers.push((mandate) => receiptOf(mandate));
  assert.ok(!(paymentOf(await (await begin())(url))?.receipt instanceof ReceiptError));
  assert.deepEqual([processor.calls, seen.length], [[], 1]);
});

test("an arbiter whom the payer did not accept decides about nothing", async (t) => {
  const { processor, seen, url, folder, begin, signed } = await market(t);
  const strangers = { arbiters: [STRANGER], processor: processor.url };
  for (const disputes of [undefined, { ...strangers, arbiters: [] }, strangers]) {
    const pay = await begin({ directory: folder, ...(disputes && { disputes }) });
    await assert.rejects(pay(url), (error) => failing("disputes")(error) && /disputes\.arbiters/.test(String(error)));
  }
  assert.deepEqual([signed(), seen.length, processor.calls], [0, 0, []]);
  const lower = { arbiters: [ARBITER.toLowerCase()], processor: processor.url };
  assert.equal((await (await begin({ directory: folder, disputes: lower }))(url)).status, 200);
});

test("a payer that could accept no arbiter, or tell no processor, does not open", async (t) => {
  const open = (disputes: PayerConfig["disputes"]) => payer(t, { disputes: disputes! });
  await assert.rejects(open({ arbiters: ["0x00"], processor: "http://127.0.0.1:1" }), WireError);
  await assert.rejects(open({ arbiters: [zeroAddress], processor: "http://127.0.0.1:1" }), WireError);
  await assert.rejects(open({ arbiters: [ARBITER], processor: "the processor" }), TypeError);
});

test("what can be disputed may settle later by its times and a third of them, and by no second more", async (t) => {
  assert.equal(longerSeconds(undefined), 0);
  for (const [windowSeconds, rulingSeconds, longer] of [
    [60, 120, 240],
    [1, 1, 3],
    [1, 2, 4],
    [2, 2, 6],
    [2 ** 40 - 1, 2 ** 40 - 1, 2_932_031_007_400],
  ] as const) {
    const disputes = { ...DISPUTES, windowSeconds, rulingSeconds };
    assert.equal(longerSeconds(disputes), longer);
    const processor = "http://127.0.0.1:1";
    const from = await payer(t, { disputes: { arbiters: [ARBITER], processor }, settleWithinSecondsMax: 600 });
    const check = (settleWithinSeconds: number) =>
      from.check(terms({}, { disputes, settleWithinSeconds }), "GET", JOKE);
    assert.deepEqual(check(600 + longer).disputes, disputes);
    assert.throws(() => check(601 + longer), failing("mismatch"));
  }
});

test("a processor that refuses keeps the mandate from its payee, and the same request is a new purchase", async (t) => {
  const { seen, url, folder, begin, lie, signed } = await market(t);
  const pay = await begin();
  lie(async () => ({ status: 422, body: { error: { code: "disputes_too_long", message: "too long" } } }));
  await assert.rejects(pay(url), (error) => {
    return failing("refused_by_processor")(error) && (error as PayError).reason === "disputes_too_long";
  });
  assert.deepEqual([seen.length, signed(), journal(folder, "refused").length], [0, 1, 1]);
  lie(undefined);
  assert.equal((await pay(url)).status, 200);
  assert.deepEqual([seen.length, signed()], [1, 2]);
});

const WRONG: [string, Lie][] = [
  ["hangs up", async () => undefined],
  ["is busy", async () => ({ status: 503, body: { error: { code: "not_ready", message: "not ready" } } })],
  ["says no and not why", async () => ({ status: 422, body: "no" })],
  ["says nothing", async () => ({ status: 201, body: {} })],
  ["names no arbiter", async (mandate) => ({ status: 201, body: { receipt: await receiptOf(mandate) } })],
  [
    "names another arbiter",
    async (mandate) => ({ status: 201, body: { receipt: await receiptOf(mandate, { arbiter: STRANGER }) } }),
  ],
  [
    "promises another mandate",
    async (mandate) => ({
      status: 201,
      body: { receipt: await receiptOf({ ...mandate, nonce: mandate.nonce + 1n }, { arbiter: ARBITER }) },
    }),
  ],
  [
    "does not sign",
    async (mandate) => {
      const receipt = await receiptOf(mandate, { arbiter: ARBITER });
      return { status: 201, body: { receipt: { ...receipt, signature: `0x${"11".repeat(64)}1b` } } };
    },
  ],
  ["redirects", async () => ({ status: 307, body: {} })],
];

for (const [what, wrong] of WRONG) {
  test(`a payee does not get what its processor did not promise: it ${what}`, async (t) => {
    const { seen, url, folder, begin, lie, signed } = await market(t);
    const [pay, restarted] = [await begin(), await begin()];
    lie(wrong);
    await assert.rejects(pay(url), (error) => error instanceof NotHandedInError && error.code === "not_handed_in");
    assert.deepEqual([seen.length, signed(), journal(folder, "refused").length], [0, 1, 0]);
    // The same request hands the same mandate in: nothing else is signed, now or by another process.
    await assert.rejects(restarted(url), NotHandedInError);
    lie(undefined);
    assert.equal((await pay(url)).status, 200);
    assert.deepEqual([seen.length, signed()], [1, 1]);
    // What has its answer is bought anew.
    assert.equal((await restarted(url)).status, 200);
    assert.equal(signed(), 2);
  });
}

test("a payer that accepts disputes no more does not send what it signed before past the processor", async (t) => {
  const { processor, seen, url, folder, begin, lie } = await market(t);
  lie(async () => undefined);
  await assert.rejects((await begin())(url), NotHandedInError);
  lie(undefined);
  const calls = processor.calls.length;
  await assert.rejects((await begin({ directory: folder }))(url), NotHandedInError);
  assert.deepEqual([seen.length, processor.calls.length], [0, calls]);
});

test("a payee's receipt counts only if it names the arbiter of the terms", async (t) => {
  const { answers, url, begin, folder } = await market(t);
  const pay = await begin();
  answers.push((mandate) => receiptOf(mandate), (mandate) => receiptOf(mandate, { arbiter: STRANGER }));
  for (let call = 0; call < 2; call++) {
    const receipt = paymentOf(await pay(`${url}`))?.receipt;
    assert.ok(receipt instanceof ReceiptError && /arbiter/.test(receipt.message), String(receipt));
  }
  assert.equal(journal(folder, "accepted").length, 0);
});

test("x402's own fetch sends no payment that was not handed in", async (t) => {
  const { seen, url, accepting, lie } = await market(t, sold({ method: "GET" }));
  const buy = wrapFetchWithPayment(fetch, paying(await payer(t, accepting)));
  lie(async () => undefined);
  await assert.rejects(buy(url), /processor must know first/);
  assert.equal(seen.length, 0);
  lie(undefined);
  assert.equal((await buy(url)).status, 200);
  assert.deepEqual(seen.map(({ after }) => after.at(-1)), ["POST /v1/mandates"]);
});

/** A shop whose terms agree to disputes, its processor, and a payer that accepts its arbiter. */
async function shopping(t: TestContext, scheme: Partial<Aep2ServerConfig> = { disputes: DISPUTES }) {
  const processor = await TestProcessor.start();
  t.after(() => processor.stop());
  const shop = await Shop.open({ facilitator: processor.url, network: NETWORK, token: TOKEN, payee: PAYEE, scheme });
  t.after(() => shop.close());
  const from = await payer(t, { disputes: { arbiters: [ARBITER], processor: processor.url } });
  return { processor, shop, from, pay: payingFetch(from, { attempts: 1, pauseMs: 1 }) };
}

test("a shop sells what can be disputed, and its receipts and captures name the arbiter", async (t) => {
  const { processor, shop, pay } = await shopping(t);
  const url = `${shop.url}/joke?about=money`;
  const offered = await pay.terms(url);
  assert.deepEqual(offered?.terms.offer.disputes, DISPUTES);
  assert.equal(offered?.terms.settleWithinSeconds, SETTLE_WITHIN_S + LONGER_S);
  for (const known of [undefined, offered]) {
    const { receipt } = paymentOf(await pay(url, undefined, known))?.receipt as SignedReceipt;
    assert.equal(receipt.arbiter, ARBITER);
  }
  const metered = paymentOf(await pay(`${shop.url}/infer`, { method: "POST", body: "how much?" }));
  assert.equal(metered?.captured, METERED, "a statement that names the arbiter is believed");
  assert.equal(shop.count("/joke"), 2);
  assert.equal(handedIn(processor), 3);
});

test("a shop hands the terms in itself, whatever the payer says that was bought", async (t) => {
  const { processor, shop, from } = await shopping(t);
  const url = `${shop.url}/joke`;
  const header = (await fetch(url)).headers.get("PAYMENT-REQUIRED") ?? "";
  const accepted = JSON.parse(Buffer.from(header, "base64").toString()).accepts[0];
  const asked = readTerms(accepted);
  // It was not handed in, and what it is said to be for is something else.
  const sent = await from.authorise(from.check(asked, "GET", url), asked);
  const resource = { url: "http://other.example/" };
  const payment = { x402Version: 2, resource, accepted, payload: writeSignedMandate(sent.signed) };
  const answer = await fetch(url, { headers: { "PAYMENT-SIGNATURE": encodeHeader(payment) } });
  assert.equal(answer.status, 200);
  const { extra } = JSON.parse(Buffer.from(answer.headers.get("PAYMENT-RESPONSE") ?? "", "base64").toString());
  assert.equal(extra.receipt.receipt.arbiter, ARBITER);
  assert.equal((processor.told.get(sent.id) as { resource: string }).resource, url);
});

test("a shop does not serve for a receipt that names another arbiter, or none", async (t) => {
  const { processor, shop, pay } = await shopping(t);
  let arbiter: Address = zeroAddress;
  processor.lie = async (path, honest) => {
    if (path !== "/settle") return honest;
    const body = structuredClone(honest.body) as any;
    return { ...honest, body: { ...body, extra: { receipt: await receiptOf(processor.last!, { arbiter }) } } };
  };
  for (const other of [zeroAddress, STRANGER]) {
    arbiter = other;
    await assert.rejects(pay(`${shop.url}/joke?${other}`), failing("unanswered"));
  }
  assert.equal(shop.count("/joke"), 0);
});

test("a shop that could not keep its word about disputes does not start", async () => {
  const facilitator = { url: "http://127.0.0.1:1" } as unknown as Aep2ServerConfig["facilitator"];
  const origin = "https://api.example.com";
  const extra = { wallet: VENUE.wallet, processor: VENUE.processor, settleWithinSeconds: SETTLE_WITHIN_S };
  const what = { scheme: "aep2", network: NETWORK };
  const kind = (change: object) => ({ ...what, x402Version: 2, extra: { ...extra, ...change } });
  const base = { ...what, payTo: PAYEE.address, asset: TOKEN, amount: "1", maxTimeoutSeconds: 60 };
  const make = (disputes: unknown, holds: object, route: Record<string, unknown> = {}) =>
    new Aep2Server({ facilitator, origin, ...(disputes ? { disputes: disputes as Disputes } : {}) })
      .enhancePaymentRequirements({ ...base, extra: route }, kind(holds));
  const holds = { disputesWithinSeconds: DISPUTES_WITHIN_S };
  assert.deepEqual((await make(DISPUTES, holds)).extra.disputes, DISPUTES);
  assert.equal((await make(undefined, {})).extra.disputes, undefined);
  const own = { ...DISPUTES, windowSeconds: 1, rulingSeconds: 1 };
  assert.deepEqual((await make(DISPUTES, holds, { disputes: own })).extra.settleWithinSeconds, SETTLE_WITHIN_S + 3);
  const most = { ...DISPUTES, windowSeconds: DISPUTES_WITHIN_S - 120 };
  assert.deepEqual((await make(most, holds)).extra.disputes, most);
  await assert.rejects(make({ ...most, windowSeconds: most.windowSeconds + 1 }, holds), /holds mandates for/);
  await assert.rejects(make(DISPUTES, {}), /holds mandates for 0 s/);
  await assert.rejects(make({ ...DISPUTES, reasons: [] }, holds), WireError);
  await assert.rejects(make(undefined, holds, { disputes: null }), WireError);
});
