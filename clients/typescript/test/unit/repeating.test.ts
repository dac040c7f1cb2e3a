/** The same payment gets the same answer, and the handler does not run again. */

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { privateKeyToAccount } from "viem/accounts";

import { payingFetch, paymentOf, type FetchOptions } from "../../src/payer/fetch.js";
import type { SignedReceipt } from "../../src/receipt.js";
import { repeating, type RepeatingConfig } from "../../src/x402/repeating.js";
import { NETWORK, TOKEN, TestProcessor } from "../support/processor.js";
import { METERED, Shop } from "../support/shop.js";
import { payer } from "../support/wallet.js";

const PAYEE = privateKeyToAccount(`0x${"fe".repeat(32)}`);

async function market(t: TestContext, config?: RepeatingConfig) {
  const processor = await TestProcessor.start();
  const before = repeating(config) as never;
  const shop = await Shop.open({ facilitator: processor.url, network: NETWORK, token: TOKEN, payee: PAYEE, before });
  t.after(async () => {
    await shop.close();
    await processor.stop();
  });
  const from = await payer(t);
  const payments: string[] = [];
  /** A payer whose first answer to each payment is lost on its way. */
  const losing: FetchOptions["fetch"] = async (input, init) => {
    const request = new Request(input, init);
    const payment = request.headers.get("PAYMENT-SIGNATURE");
    const answer = await fetch(request);
    if (payment === null || payments.includes(payment)) return answer;
    payments.push(payment);
    await answer.arrayBuffer();
    throw new TypeError("the connection broke");
  };
  return { processor, shop, from, payments, pay: payingFetch(from, { pauseMs: 1, fetch: losing }) };
}

test("a payer whose connection broke after it paid gets what it paid for", async (t) => {
  const { processor, shop, pay } = await market(t);
  const answer = await pay(`${shop.url}/joke?about=money`);
  assert.deepEqual([answer.status, await answer.json()], [200, { path: "/joke", query: { about: "money" } }]);
  assert.ok((paymentOf(answer)?.receipt as SignedReceipt).signature);
  assert.match(answer.headers.get("Content-Type") ?? "", /^application\/json/);

  const metered = await pay(`${shop.url}/infer`, { method: "POST", body: "how much?" });
  assert.deepEqual([await metered.json(), paymentOf(metered)?.captured], [{ said: "how much?" }, METERED]);
  const failed = await pay(`${shop.url}/fails`);
  assert.deepEqual([failed.status, paymentOf(failed)?.captured], [503, 0n]);
  assert.deepEqual([shop.count("/joke"), shop.count("/infer"), shop.count("/fails"), processor.asked], [1, 1, 1, 3]);
});

test("a kept answer is for the same payment and request only, and refusals are not kept", async (t) => {
  const { shop, payments, pay } = await market(t);
  await pay(`${shop.url}/joke`);
  const send = (path: string, method = "GET") =>
    fetch(`${shop.url}${path}`, { method, headers: { "PAYMENT-SIGNATURE": payments[0] ?? "" } });
  assert.equal((await send("/joke")).status, 200);
  assert.equal((await send("/joke?more")).status, 402);
  assert.equal((await send("/other")).status, 402);
  const free = await fetch(`${shop.url}/joke`);
  assert.equal(free.status, 402);
  const orders = await Promise.all(
    [1, 2].map(async () => (await send("/other")).headers.get("PAYMENT-REQUIRED")),
  );
  assert.notEqual(orders[0], orders[1], "each refusal has an order of its own");
  assert.equal(shop.count("/joke"), 1);
});

test("the same payment twice at once is served once, and the other one is told to come again", async (t) => {
  const { shop, processor, from } = await market(t);
  let go = () => {};
  const held = new Promise<void>((resolve) => (go = resolve));
  processor.lie = async (path, honest) => {
    if (path === "/settle") await held;
    return honest;
  };
  const statuses: number[] = [];
  const pay = payingFetch(from, {
    fetch: async (input, init) => {
      const request = new Request(input, init);
      if (!request.headers.has("PAYMENT-SIGNATURE")) return fetch(request);
      const first = fetch(request.clone());
      while (processor.asked === 0) await new Promise((soon) => setTimeout(soon, 5));
      const second = await fetch(request.clone());
      statuses.push(second.status);
      go();
      return first;
    },
  });
  assert.equal((await pay(`${shop.url}/joke`)).status, 200);
  assert.deepEqual([statuses, shop.count("/joke")], [[409], 1]);
});

test("what is too long, too old or too much is not kept, and not served again either", async (t) => {
  for (const config of [{ answerBytesMax: 8 }, { answersBytesMax: 8 }, { keepSeconds: -1 }]) {
    const { shop, pay } = await market(t, config);
    await assert.rejects(pay(`${shop.url}/joke`), { code: "refused", reason: "already_served" });
    assert.equal(shop.count("/joke"), 1);
  }
});
