// Pays for what a URL asks, a cent at most:  ACCOUNT=1 AGENT_KEY=agent.json node examples/buy.mjs URL
import { MandateKey, Payer, payingFetch, paymentOf, venueAt } from "@aep2/x402";

const { PROCESSOR = "http://127.0.0.1:8402", ACCOUNT, AGENT_KEY, DIRECTORY = "aep2-payments" } = process.env;
const { tokens } = await (await fetch(PROCESSOR)).json();
const cent = { perCall: 10_000n, perHost: 100_000n, perDay: 1_000_000n };

const payer = await Payer.open({
  account: Number(ACCOUNT),
  key: MandateKey.fromFile(AGENT_KEY),
  venue: await venueAt(PROCESSOR),
  limits: { tokens: { [tokens[0].token]: cent } },
  directory: DIRECTORY,
});
const answer = await payingFetch(payer)(process.argv[2]);
console.log(answer.status, await answer.text());
console.log("paid with", paymentOf(answer)?.id, "settled by", paymentOf(answer)?.receipt?.receipt?.settleBy);
await payer.close();
