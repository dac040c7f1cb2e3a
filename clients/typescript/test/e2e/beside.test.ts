/** One payee offers `aep2` and x402's own `exact` in one answer 402, and payers take either. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { x402Client } from "@x402/core/client";
import { x402Facilitator } from "@x402/core/facilitator";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme as ExactPayer } from "@x402/evm/exact/client";
import { ExactEvmScheme as ExactFacilitator } from "@x402/evm/exact/facilitator";
import { ExactEvmScheme as ExactPayee } from "@x402/evm/exact/server";
import { wrapFetchWithPayment } from "@x402/fetch";
import { createWalletClient, http, parseAbi, parseEther, publicActions } from "viem";
import { generatePrivateKey, mnemonicToAccount, privateKeyToAccount } from "viem/accounts";

import { payingFetch, paymentOf } from "../../src/payer/fetch.js";
import { paying } from "../../src/x402/client.js";
import { PRICE, Shop } from "../support/shop.js";
import { Town } from "./town.js";

/** The mnemonic of every development chain's accounts. */
const MNEMONIC = "test test test test test test test test test test test junk";

let town: Town;

before(async () => {
  town = await Town.start();
});

after(() => town?.stop());

test("a payee offers mandates and transfers side by side, and is paid by both", async (t) => {
  const operator = mnemonicToAccount(MNEMONIC, { addressIndex: 8 });
  const client = createWalletClient({ account: operator, chain: town.chain, transport: http() }).extend(publicActions);
  const signer = toFacilitatorEvmSigner({ ...client, address: operator.address } as never);
  const facilitator = new x402Facilitator().register(town.network, new ExactFacilitator(signer));

  const payee = privateKeyToAccount(generatePrivateKey());
  const shop = await Shop.open({
    facilitator: town.facilitator,
    network: town.network,
    token: town.token,
    payee,
    beside: {
      scheme: new ExactPayee(),
      facilitator: {
        verify: (payment, terms) => facilitator.verify(payment, terms),
        settle: (payment, terms) => facilitator.settle(payment, terms),
        getSupported: async () => facilitator.getSupported() as never,
      },
      extra: { name: "Test USD", version: "2" },
    },
  });
  t.after(() => shop.close());

  const holder = privateKeyToAccount(generatePrivateKey());
  await client.sendTransaction({ to: holder.address, value: parseEther("1") });
  const mint = { address: town.token, abi: parseAbi(["function mint(address to, uint256 amount)"]) };
  const minted = await client.writeContract({ ...mint, functionName: "mint", args: [holder.address, 10n * PRICE] });
  await client.waitForTransactionReceipt({ hash: minted });

  // Who has tokens only pays by transfer.
  const exact = new x402Client().register(town.network, new ExactPayer(holder));
  exact.setSpendControls({ allowedAssets: [{ network: town.network, asset: town.token }] });
  assert.equal((await wrapFetchWithPayment(fetch, exact)(`${shop.url}/either`)).status, 200);
  assert.equal(await town.balance(payee.address), PRICE, "a transfer is on chain at once");

  // Who has an account pays by mandate.
  const payer = await town.payer(1, 10n * PRICE);
  const answer = await payingFetch(payer)(`${shop.url}/either`);
  assert.equal(answer.status, 200);
  const id = paymentOf(answer)?.id ?? "";

  // Who has both says which; the SDK by itself prefers schemes that settle after the service.
  const both = new x402Client((_, offers) => offers.find(({ scheme }) => scheme === "aep2") ?? offers[0]!);
  both.register(town.network, new ExactPayer(holder));
  both.registerPolicy((_, offers) => offers.filter(({ scheme }) => scheme === "aep2"));
  const chosen = await wrapFetchWithPayment(fetch, paying(payer, both))(`${shop.url}/either`);
  assert.equal(chosen.status, 200);
  const said = JSON.parse(Buffer.from(chosen.headers.get("PAYMENT-RESPONSE") ?? "", "base64").toString());

  await town.settled([id, said.extra.receipt.receipt.mandateId]);
  assert.equal(await town.balance(payee.address), 3n * PRICE);
});
