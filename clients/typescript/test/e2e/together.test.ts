/** What is written in Rust and what is written in TypeScript pay each other, and pay from one wallet. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { wrapFetchWithPayment } from "@x402/fetch";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

import { MandateKey } from "../../src/key.js";
import { payingFetch, paymentOf } from "../../src/payer/fetch.js";
import { atMost } from "../../src/payer/limits.js";
import { Payer } from "../../src/payer/payer.js";
import { paying } from "../../src/x402/client.js";
import { PRICE, Shop } from "../support/shop.js";
import { Town } from "./town.js";

let town: Town;

before(async () => {
  town = await Town.start();
});

after(() => town?.stop());

test("the program's wallet pays a stock shop, and shares its journal with TypeScript", async (t) => {
  const payee = privateKeyToAccount(generatePrivateKey());
  const { facilitator, network, token } = town;
  const shop = await Shop.open({ facilitator, network, token, payee });
  t.after(() => shop.close());
  const { account, directory } = await town.wallet(1, "5");
  const url = `${shop.url}/joke`;
  const pay = () => town.aep2("pay", "--wallet", directory, url);

  const first = await pay();
  assert.equal(first.status, 200);
  const payer = await Payer.open({
    account,
    venue: town.venue,
    key: MandateKey.fromFile(join(directory, "mandate-key.json")),
    limits: { tokens: { [town.token]: atMost(1_000_000n) } },
    directory,
  });
  t.after(() => payer.close());
  const second = await payingFetch(payer)(url);
  assert.equal(second.status, 200);
  const third = await pay();

  // One journal: the nonces follow one another, whoever signed.
  const history = await town.aep2("wallet", "history", "--wallet", directory);
  const ids = [first.payment.mandateId, paymentOf(second)?.id, third.payment.mandateId];
  assert.deepEqual(history.map((entry: { id: string }) => entry.id), ids);
  assert.deepEqual(history.map((entry: { state: string }) => entry.state), ["accepted", "accepted", "accepted"]);
  const nonces = history.map((entry: { nonce: string }) => BigInt(entry.nonce));
  assert.deepEqual(nonces, [nonces[0], nonces[0] + 1n, nonces[0] + 2n]);
  assert.deepEqual(await town.settled(ids), [PRICE, PRICE, PRICE]);
  assert.equal(await town.balance(payee.address), 3n * PRICE);
});

test("stock and own clients pay the program's gateway", async (t) => {
  const key = generatePrivateKey();
  const upstream = createServer((request, response) => {
    if (request.url === "/fails") response.statusCode = 500;
    response.end(`served ${request.url}`);
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  t.after(() => upstream.close());
  const { port } = upstream.address() as AddressInfo;
  const origin = await town.gateway(`http://127.0.0.1:${port}`, key, 700n);
  const payer = await town.payer(2, 100_000n);

  const stock = wrapFetchWithPayment(fetch, paying(payer));
  const own = payingFetch(payer);
  assert.equal(await (await stock(`${origin}/a?b=c`)).text(), "served /a?b=c");
  const answer = await own(`${origin}/d`);
  assert.equal(await answer.text(), "served /d");
  const failed = await own(`${origin}/fails`);
  assert.equal(failed.status, 500);
  assert.equal(paymentOf(failed)?.captured, 0n);

  await town.settled([paymentOf(answer)?.id ?? "", paymentOf(failed)?.id ?? ""]);
  assert.equal(await town.balance(privateKeyToAccount(key).address), 1_400n);
});
