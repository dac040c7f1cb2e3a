/**
 * A processor of a few lines, for tests that need it to misbehave: it signs real receipts and statements, remembers
 * what it signed, checks nothing but what a `ref` was made of, and lies where it is told to.
 */

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { getAddress, zeroAddress, type Address, type Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

import { mandateId, readSignedMandate, type Mandate } from "../../src/mandate.js";
import { readDisputes, type Disputes } from "../../src/disputes.js";
import { reference, type Venue } from "../../src/purchase.js";
import { receiptDigest, statementDigest, writeReceipt, writeStatement } from "../../src/receipt.js";
import { word } from "../../src/wire.js";

const KEY = privateKeyToAccount(`0x${"51".repeat(32)}`);
export const SETTLE_WITHIN_S = 600;
/** How long it holds mandates for disputes, in seconds. */
export const DISPUTES_WITHIN_S = 3_600;

export const TOKEN: Address = getAddress(`0x${"7e".repeat(20)}`);
export const VENUE: Venue = { chainId: 31_337, wallet: getAddress(`0x${"aa".repeat(20)}`), processor: KEY.address };
export const NETWORK = `eip155:${VENUE.chainId}` as const;

/** Who answers for what it signs, and who may lower that. */
export const WHO = { processor: KEY.address, arbiter: zeroAddress };

const now = () => Math.floor(Date.now() / 1000);

interface Answer {
  status: number;
  body: unknown;
}

export class TestProcessor {
  /** How often it was asked to settle. */
  asked = 0;
  /** What it was asked, in order: method and path. */
  readonly calls: string[] = [];
  /** The mandate that it was shown last. */
  last: Mandate | undefined;
  /** What it was told of terms, by mandate. */
  readonly told = new Map<string, unknown>();
  /** What was captured, by mandate. */
  readonly captured = new Map<string, bigint>();
  /** What it says instead of its honest answer to a path; undefined hangs up. */
  lie: ((path: string, honest: Answer) => Answer | undefined | Promise<Answer | undefined>) | undefined;

  readonly #server: Server;
  readonly #receipts = new Map<string, unknown>();
  readonly #arbiters = new Map<string, Address>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<TestProcessor> {
    const server = createServer();
    const processor = new TestProcessor(server);
    server.on("request", async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const path = request.url ?? "";
      processor.calls.push(`${request.method} ${path}`);
      const honest = await processor.#answer(path, Buffer.concat(chunks).toString());
      const answer = processor.lie === undefined ? honest : await processor.lie(path, honest);
      if (answer === undefined) return void request.socket.destroy();
      response.writeHead(answer.status, { "Content-Type": "application/json" });
      response.end(JSON.stringify(answer.body));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return processor;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(path: string, text: string): Promise<Answer> {
    if (path === "/supported") return { status: 200, body: supported() };
    if (path === "/settle") return { status: 200, body: await this.#settle(text) };
    if (path === "/v1/mandates") return this.#handIn(text);
    const id = /^\/v1\/mandates\/(0x[0-9a-f]{64})\/capture$/.exec(path)?.[1];
    if (id !== undefined) return this.#capture(id as `0x${string}`, text);
    return { status: 404, body: {} };
  }

  async #settle(text: string): Promise<object> {
    this.asked += 1;
    const { payload, accepted, resource } = JSON.parse(text).paymentPayload;
    const { mandate } = readSignedMandate(payload);
    const { method, order, disputes } = accepted.extra;
    const terms = disputes && { method, resource: resource?.url, order, disputes };
    const receipt = await this.#accept(mandate, terms);
    if (receipt === undefined) return { success: false, transaction: "", network: NETWORK, errorReason: "other_terms" };
    const extra = { receipt };
    return { success: true, transaction: "", network: NETWORK, payer: VENUE.wallet, extra };
  }

  async #handIn(text: string): Promise<Answer> {
    const { terms, ...signed } = JSON.parse(text);
    const { mandate } = readSignedMandate(signed);
    const receipt = await this.#accept(mandate, terms);
    if (receipt === undefined) return { status: 422, body: { error: { code: "other_terms", message: "other terms" } } };
    return { status: 201, body: { mandateId: word(mandateId(VENUE, mandate)), receipt } };
  }

  /** The receipt for a mandate, always the same one. None where `terms` are not what its `ref` was made of. */
  async #accept(mandate: Mandate, terms?: { method: string; resource: string; order?: Hex; disputes: unknown }) {
    this.last = mandate;
    const id = word(mandateId(VENUE, mandate));
    if (this.#receipts.has(id)) return this.#receipts.get(id);
    let arbiter: Address = zeroAddress;
    if (terms !== undefined) {
      const { token, payee, amount, account, nonce } = mandate;
      const disputes: Disputes = readDisputes(terms.disputes, "disputes");
      const { method, resource, order } = terms;
      const purchase = { method, resource, venue: VENUE, token, payee, amount, disputes };
      if (mandate.ref !== reference(purchase, order === undefined ? { account, nonce } : { order })) return undefined;
      ({ arbiter } = disputes);
      this.told.set(id, terms);
    }
    this.#arbiters.set(id, arbiter);
    this.#receipts.set(id, await receiptOf(mandate, { arbiter }));
    return this.#receipts.get(id);
  }

  async #capture(mandateId: `0x${string}`, text: string): Promise<Answer> {
    const amount = BigInt(JSON.parse(text).capture.amount);
    this.captured.set(mandateId, amount);
    const arbiter = this.#arbiters.get(mandateId) ?? zeroAddress;
    const receipt = { mandateId, ...WHO, arbiter, amount, issuedAt: now() };
    const signature = await KEY.sign({ hash: statementDigest(VENUE, receipt) });
    return { status: 200, body: { receipt: writeStatement({ receipt, signature }) } };
  }
}

/** A receipt for a mandate, as it is written, with some fields replaced. */
export async function receiptOf(mandate: Mandate, change: object = {}) {
  const { account, nonce, token, payee, amount, deadline } = mandate;
  const issuedAt = now();
  const times = { issuedAt, deadline, settleBy: issuedAt + SETTLE_WITHIN_S };
  const mandateId_ = word(mandateId(VENUE, mandate));
  const receipt = { mandateId: mandateId_, ...WHO, account, nonce, token, payee, amount, ...times, ...change };
  const signature = await KEY.sign({ hash: receiptDigest(VENUE, receipt) });
  return writeReceipt({ receipt, signature });
}

function supported() {
  const { wallet, processor } = VENUE;
  const within = { settleWithinSeconds: SETTLE_WITHIN_S, disputesWithinSeconds: DISPUTES_WITHIN_S };
  const extra = { wallet, processor, ...within, captures: true, name: "AEP2DebitWallet" };
  return { kinds: [{ x402Version: 2, scheme: "aep2", network: NETWORK, extra }], extensions: [], signers: {} };
}
