// A stock Express service that sells jokes for mandates:  PAYEE_KEY=0x… node examples/sell.mjs
import { Aep2Server, repeating } from "@aep2/x402/server";
import { HTTPFacilitatorClient, x402ResourceServer } from "@x402/core/server";
import { paymentMiddleware } from "@x402/express";
import express from "express";
import { privateKeyToAccount } from "viem/accounts";

const { PROCESSOR = "http://127.0.0.1:8402", PAYEE_KEY, PORT = "4021" } = process.env;
const payee = privateKeyToAccount(PAYEE_KEY);
const { chainId, tokens } = await (await fetch(PROCESSOR)).json();
const [{ token: asset }] = tokens;
const network = `eip155:${chainId}`;

const facilitator = new HTTPFacilitatorClient({ url: PROCESSOR });
const origin = `http://127.0.0.1:${PORT}`;
const scheme = new Aep2Server({ facilitator, origin, payee, dollar: { asset, decimals: 6 } });
const resources = new x402ResourceServer(facilitator).register(network, scheme);

const accepts = { scheme: "aep2", network, payTo: payee.address, price: "$0.001" };
const app = express();
app.use(repeating());
app.use(paymentMiddleware({ "GET /joke": { accepts } }, resources));
app.get("/joke", (_, response) => response.json({ joke: "A mandate walks into a batch." }));
app.listen(Number(PORT), "127.0.0.1", () => console.log(`selling at ${origin}/joke`));
