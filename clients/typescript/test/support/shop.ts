/** A shop of stock Express and stock `@x402/express`, which sells for mandates. */

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { HTTPFacilitatorClient, x402ResourceServer, type FacilitatorClient } from "@x402/core/server";
import type { Network, SchemeNetworkServer } from "@x402/core/types";
import { paymentMiddleware, setSettlementOverrides } from "@x402/express";
import express from "express";
import type { Address, LocalAccount } from "viem";

import { Aep2Server, type Aep2ServerConfig } from "../../src/x402/server.js";

export const PRICE = 1000n;
export const CEILING = 5000n;
export const METERED = 1234n;

export interface ShopConfig {
  facilitator: string;
  network: Network;
  token: Address;
  payee: LocalAccount;
  /** Settings of the scheme beside what a shop always says. */
  scheme?: Partial<Aep2ServerConfig>;
  /** Middleware before the SDK's. */
  before?: Parameters<express.Express["use"]>[0];
  /** Another scheme that `/either` may be paid with, in the same token. */
  beside?: { scheme: SchemeNetworkServer; facilitator: FacilitatorClient; extra: Record<string, unknown> };
}

export class Shop {
  /** How often each path was served. */
  readonly served = new Map<string, number>();
  readonly url: string;

  readonly #server: Server;
  readonly #scheme: Aep2Server;

  private constructor(server: Server, scheme: Aep2Server, url: string) {
    this.#server = server;
    this.#scheme = scheme;
    this.url = url;
  }

  static async open(config: ShopConfig): Promise<Shop> {
    const { network, token, payee, beside } = config;
    const app = express();
    const server = createServer(app);
    await once(server.listen(0, "127.0.0.1"), "listening");
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    const facilitator = new HTTPFacilitatorClient({ url: config.facilitator, timeoutMs: 5_000 });
    const scheme = new Aep2Server({ facilitator, origin, payee, ...config.scheme });
    const shop = new Shop(server, scheme, origin);

    const facilitators = beside === undefined ? [facilitator] : [facilitator, beside.facilitator];
    const resources = new x402ResourceServer(facilitators).register(network, scheme);
    if (beside !== undefined) resources.register(network, beside.scheme);

    const price = { asset: token, amount: PRICE.toString() };
    const fixed = { scheme: "aep2", network, payTo: payee.address, price };
    const ceiling = { asset: token, amount: CEILING.toString() };
    const metered = { ...fixed, price: ceiling, extra: { capture: "metered" } };
    const other = beside && { ...fixed, scheme: beside.scheme.scheme, price: { ...price, extra: beside.extra } };
    const routes = {
      "GET /joke": { accepts: fixed },
      "GET /other": { accepts: fixed },
      "GET /fails": { accepts: fixed },
      "GET /throws": { accepts: fixed },
      "POST /infer": { accepts: metered },
      ...(other && { "GET /either": { accepts: [fixed, other] } }),
    };
    if (config.before !== undefined) app.use(config.before);
    app.use(paymentMiddleware(routes, resources));
    app.use((request, _, next) => {
      shop.served.set(request.path, (shop.served.get(request.path) ?? 0) + 1);
      next();
    });
    app.get("/free", (_, response) => void response.json({ free: true }));
    for (const path of ["/joke", "/other", "/either"]) {
      app.get(path, (request, response) => void response.json({ path, query: request.query }));
    }
    app.get("/fails", (_, response) => void response.status(503).json({ error: "out of jokes" }));
    app.get("/throws", async () => {
      throw new Error("out of jokes, as the test wants it");
    });
    app.post("/infer", express.text(), (request, response) => {
      setSettlementOverrides(response, { amount: METERED.toString() });
      response.json({ said: request.body });
    });
    app.use(((error, _request, response, _next) => {
      response.status(500).json({ error: String(error.message) });
    }) satisfies express.ErrorRequestHandler);
    return shop;
  }

  /** How often a path was served. */
  count(path: string): number {
    return this.served.get(path) ?? 0;
  }

  async close(): Promise<void> {
    await this.#scheme.idle();
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
