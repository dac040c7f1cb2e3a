/** A process that signs: `node signs.js DIRECTORY HOW_MANY`. It prints the nonces that it used. */

import { MandateKey } from "../../src/key.js";
import { Payer } from "../../src/payer/payer.js";
import { terms } from "./terms.js";
import { TOKEN, VENUE } from "./processor.js";

const [directory = "", count = "0"] = process.argv.slice(2);
const allowance = { perCall: 1_000n, perHost: 1_000_000n, perDay: 1_000_000n };
const payer = await Payer.open({
  account: 7,
  venue: VENUE,
  key: new MandateKey(`0x${"07".repeat(32)}`),
  limits: { tokens: { [TOKEN]: allowance } },
  directory,
});
const asked = Array.from({ length: Number(count) }, async () => {
  const purchase = payer.check(terms(), "GET", "http://shop.example/joke");
  return (await payer.authorise(purchase, terms())).signed.mandate.nonce.toString();
});
console.log(JSON.stringify(await Promise.all(asked)));
await payer.close();
