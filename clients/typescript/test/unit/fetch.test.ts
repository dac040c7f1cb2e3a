/** The paying fetch, against payees that are honest, slow, or lie. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { wrapFetchWithPayment } from "@x402/fetch";
import { privateKeyToAccount } from "viem/accounts";

import { PayError, UnansweredError } from "../../src/payer/error.js";
import { payingFetch, paymentOf } from "../../src/payer/fetch.js";
import type { SignedReceipt } from "../../src/receipt.js";
import { ReceiptError } from "../../src/receipt.js";
import { paying } from "../../src/x402/client.js";
import { encodeHeader } from "../../src/x402/headers.js";
import { NETWORK, TOKEN, TestProcessor, VENUE } from "../support/processor.js";
import { METERED, PRICE, Shop } from "../support/shop.js";
import { written } from "../support/terms.js";
import { directory, journal, payer } from "../support/wallet.js";

const PAYEE = privateKeyToAccount(`0x${"fe".repeat(32)}`);

async function wallet(t: TestContext) {
  const folder = directory(t);
  const from = await payer(t, { directory: folder });
  return { folder, from, pay: payingFetch(from, { pauseMs: 1 }), signed: () => journal(folder, "signed").length };
}

async function market(t: TestContext) {
  const processor = await TestProcessor.start();
  const shop = await Shop.open({ facilitator: processor.url, network: NETWORK, token: TOKEN, payee: PAYEE });
  t.after(async () => {
    await shop.close();
    await processor.stop();
  });
  return { processor, shop, ...(await wallet(t)) };
}

type Handler = (payment: string | undefined, response: ServerResponse, request: IncomingMessage) => void;

/** A payee that does as it is told. */
async function payee(t: TestContext, handler: Handler) {
  const payments: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const payment = request.headers["payment-signature"] as string | undefined;
    payments.push(payment);
    handler(payment, response, request);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/joke`, payments };
}

/** An answer 402 with these terms, for this resource if it names one. */
function ask(response: ServerResponse, accepts: unknown[], url?: string) {
  const resource = url === undefined ? undefined : { url };
  response.writeHead(402, { "PAYMENT-REQUIRED": encodeHeader({ x402Version: 2, resource, accepts }) });
  response.end();
}

function failing(code: PayError["code"]) {
  return (error: unknown) => error instanceof PayError && error.code === code;
}

test("it buys in order mode and in intent mode of a stock payee, and has the receipts", async (t) => {
  const { shop, pay, folder } = await market(t);
  const url = `${shop.url}/joke?about=money`;
  const first = await pay(url);
  assert.deepEqual(await first.json(), { path: "/joke", query: { about: "money" } });
  const payment = paymentOf(first);
  assert.equal((payment?.receipt as SignedReceipt).receipt.mandateId, payment?.id);
  assert.equal(paymentOf(await pay(`${shop.url}/free`)), undefined);

  const known = await pay.terms(url);
  assert.deepEqual([known?.terms.order, known?.terms.offer.amount], [undefined, PRICE]);
  assert.equal((await pay(url, undefined, known)).status, 200);
  assert.equal(await pay.terms(`${shop.url}/free`), undefined);
  const signed = journal(folder, "signed");
  assert.deepEqual([signed.length, signed[1]?.mandate.mandate.prev], [2, signed[0]?.id]);
  assert.equal(shop.count("/joke"), 2);
});

test("it sends bodies, and learns what a metered call came to", async (t) => {
  const { shop, pay, from } = await market(t);
  const answer = await pay(`${shop.url}/infer`, { method: "POST", body: "how much?" });
  assert.deepEqual(await answer.json(), { said: "how much?" });
  assert.equal(paymentOf(answer)?.captured, METERED);
  assert.equal(await from.spent(TOKEN, new URL(shop.url).host), METERED);
});

test("a payment that was not answered is sent again, the same one", async (t) => {
  const { pay, signed } = await wallet(t);
  let hangUps = 2;
  const { url, payments } = await payee(t, (payment, response, request) => {
    if (payment === undefined) return ask(response, [written()], url);
    if (hangUps-- > 0) return void request.socket.destroy();
    response.end("a joke");
  });
  assert.equal(await (await pay(url)).text(), "a joke");
  assert.deepEqual([signed(), payments.length, new Set(payments.slice(1)).size], [1, 4, 1]);
});

test("a payee that is busy is asked again, with the same payment", async (t) => {
  const { pay, signed } = await wallet(t);
  const busy = [502, 503, 409];
  const { url, payments } = await payee(t, (payment, response) => {
    if (payment === undefined) return ask(response, [written()]);
    response.writeHead(busy.shift() ?? 200, { "Retry-After": "1" }).end();
  });
  assert.equal((await pay(url)).status, 200);
  assert.deepEqual([signed(), new Set(payments.slice(1)).size], [1, 1]);
});

test("a payment that stays without an answer can be sent again later, and is not paid anew", async (t) => {
  const { pay, signed } = await wallet(t);
  let dead = true;
  const { url, payments } = await payee(t, (payment, response, request) => {
    if (payment === undefined) return ask(response, [written()]);
    if (dead) return void request.socket.destroy();
    response.end("a joke");
  });
  const error = await pay(url).catch((error: unknown) => error);
  assert.ok(error instanceof UnansweredError);
  dead = false;
  assert.equal(await (await error.again()).text(), "a joke");
  assert.deepEqual([signed(), new Set(payments.slice(1)).size], [1, 1]);
});

test("a payee that changes price, payee or token after the payment gets nothing more", async (t) => {
  for (const [word, change] of [
    ["price", { amount: "999" }],
    ["payee", { payTo: VENUE.processor }],
    ["token", { asset: VENUE.processor }],
  ] as const) {
    const { pay, signed, folder } = await wallet(t);
    const { url, payments } = await payee(t, (payment, response) => {
      ask(response, [written(payment === undefined ? {} : change)]);
    });
    await assert.rejects(pay(url), (error) => failing("terms_changed")(error) && String(error).includes(word));
    assert.deepEqual([signed(), payments.length, journal(folder, "refused").length], [1, 2, 1]);
  }
});

test("a payee that asks for the same once more is not paid twice", async (t) => {
  const { pay, signed } = await wallet(t);
  const { url } = await payee(t, (_, response) => ask(response, [written()]));
  await assert.rejects(pay(url), failing("refused"));
  assert.equal(signed(), 1);
});

test("nothing is signed for another resource, method, wallet or chain than was asked for", async (t) => {
  const { pay, from, signed } = await wallet(t);
  const stock = wrapFetchWithPayment(fetch, paying(from));
  for (const [accepts, resource] of [
    [[written({}, { method: "GET" })], "https://another.example/joke"],
    [[written({}, { method: "POST" })], undefined],
    [[written({ network: "eip155:1" }, { method: "GET" })], undefined],
    [[written({}, { method: "GET", wallet: TOKEN })], undefined],
  ] as const) {
    const { url, payments } = await payee(t, (_, response) => ask(response, [...accepts], resource ?? url));
    await assert.rejects(pay(url), failing("mismatch"));
    if (!accepts[0]?.extra || !("method" in accepts[0].extra && accepts[0].extra.method === "POST")) {
      await assert.rejects(stock(url), /mismatch|asks for|No network\/scheme/);
      assert.equal(payments.length, 2);
    }
  }
  assert.equal(signed(), 0);
});

test("other schemes' entries are passed over, and terms that cannot be read are not paid", async (t) => {
  const { pay, signed } = await wallet(t);
  const exact = { ...written(), scheme: "exact" };
  const mixed = await payee(t, (payment, response) => {
    if (payment === undefined) return ask(response, [exact, null, written({ amount: "1e3" }), written()]);
    response.end("a joke");
  });
  assert.equal((await pay(mixed.url)).status, 200);
  for (const accepts of [[exact], [written({ amount: "1e3" })], []]) {
    const { url } = await payee(t, (_, response) => ask(response, accepts));
    await assert.rejects(pay(url), failing("no_offer"));
  }
  for (const header of ["%%%", "bm90IGpzb24=", "A".repeat(12 * 1024 + 4), encodeHeader({ accepts: 1 })]) {
    const { url } = await payee(t, (_, response) => response.writeHead(402, { "PAYMENT-REQUIRED": header }).end());
    await assert.rejects(pay(url), failing("unreadable"), header.slice(0, 20));
  }
  const twice = await payee(t, (_, response) => {
    const header = encodeHeader({ accepts: [written()] });
    response.writeHead(402, [["PAYMENT-REQUIRED", header], ["PAYMENT-REQUIRED", header]].flat()).end();
  });
  await assert.rejects(pay(twice.url), failing("unreadable"));
  const bare = await payee(t, (_, response) => response.writeHead(402).end());
  await assert.rejects(pay(bare.url), failing("no_offer"));
  assert.equal(signed(), 1);
});

test("a receipt that does not hold is not believed, and its mandate is not followed", async (t) => {
  const { pay, folder } = await wallet(t);
  const receipts = [undefined, { receipt: {}, signature: "0x" }];
  const { url } = await payee(t, (payment, response) => {
    if (payment === undefined) return ask(response, [written()]);
    const settled = { success: true, transaction: "", network: NETWORK, extra: { receipt: receipts.pop() } };
    response.writeHead(200, { "PAYMENT-RESPONSE": encodeHeader(settled) }).end();
  });
  for (let call = 0; call < 2; call++) assert.ok(paymentOf(await pay(url))?.receipt instanceof ReceiptError);
  assert.equal(journal(folder, "accepted").length, 0);
  assert.ok(journal(folder, "signed").every((line) => BigInt(line.mandate.mandate.prev) === 0n));
});

test("redirections are not followed, before paying or after", async (t) => {
  const { pay, signed } = await wallet(t);
  const elsewhere = await payee(t, (_, response) => ask(response, [written()]));
  const before = await payee(t, (_, response) => response.writeHead(302, { Location: elsewhere.url }).end());
  assert.equal((await pay(before.url)).status, 302);
  const after = await payee(t, (payment, response) => {
    if (payment === undefined) return ask(response, [written()]);
    response.writeHead(307, { Location: elsewhere.url }).end();
  });
  assert.equal((await pay(after.url)).status, 307);
  assert.deepEqual([signed(), elsewhere.payments.length], [1, 0], "the payment went elsewhere");
});

test("many calls at once all pay, each for itself", async (t) => {
  const { shop, pay, signed, from } = await market(t);
  const answers = await Promise.all(Array.from({ length: 16 }, (_, call) => pay(`${shop.url}/joke?call=${call}`)));
  const ids = answers.map((answer) => paymentOf(answer)?.id);
  assert.deepEqual([new Set(ids).size, signed(), shop.count("/joke")], [16, 16, 16]);
  assert.equal(await from.spent(TOKEN), 16n * PRICE);
});
