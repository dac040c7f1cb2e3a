/**
 * The scheme `aep2` for payees that use x402's SDK: `@x402/express`, or any other middleware over `@x402/core`.
 *
 * ```text
 * 402            terms, with an order that is good for this request only
 * paid request   the payment is checked against the request (onBeforeVerify)
 *                accepted by the processor, its receipt checked (onBeforeSettle, before the handler)
 *                the handler runs
 *                it failed: nothing is captured (settleOnCancel); metered: what it came to is captured
 * ```
 *
 * The flows are the SDK's `upfront`, and `escrow` where calls are metered: nothing is served without a receipt.
 *
 * The facilitator knows the mandate and not the request, and the SDK takes a facilitator's word for a settlement. So
 * this scheme settles by itself, in `onBeforeSettle`, checks the receipt, and hands the SDK the result. The SDK goes on
 * when a hook throws; the way on is `enrichSettlementPayload`, and there it always ends. Whatever goes wrong here,
 * nothing is served.
 */

import { FacilitatorResponseError } from "@x402/core/server";
import type { FacilitatorClient, HTTPTransportContext } from "@x402/core/server";
import type {
  AssetAmount,
  Network,
  PaymentPayload,
  PaymentRequirements,
  Price,
  SchemeNetworkServer,
  SettleResponse,
  SupportedKind,
} from "@x402/core/types";
import { convertToTokenAmount, parseMoney } from "@x402/core/utils";
import type { Address, Hex, LocalAccount } from "viem";

import { longerSeconds, readDisputes, type Disputes } from "../disputes.js";
import { mandateId, readSignedMandate, writeSignedMandate, type SignedMandate } from "../mandate.js";
import { reference, signatories, type Purchase, type Venue } from "../purchase.js";
import {
  ReceiptError,
  SKEW_S,
  WALLET_NAME,
  WALLET_VERSION,
  checkReceipt,
  writeReceipt,
  writeStatement,
  type SignedReceipt,
} from "../receipt.js";
import { SCHEME, readTerms, type Terms } from "../terms.js";
import { WireError, address, fieldsOf, integer, word } from "../wire.js";
import { Captures } from "./captures.js";
import { decodeHeader } from "./headers.js";
import { Orders } from "./orders.js";
import { IdempotencyCache } from "./idempotency.js";

export { repeating, type RepeatingConfig } from "./repeating.js";

/** How a payee is paid. */
export interface Aep2ServerConfig {
  /** The processor, as x402's facilitator: the same `HTTPFacilitatorClient` that the resource server has. */
  readonly facilitator: FacilitatorClient & { readonly url: string };
  /** Scheme, host and port of the service as its payers see them, as in `https://api.example.com`. */
  readonly origin: string;
  /**
   * The key of the address that is paid. It signs for taking less than the full amount. Without it everything is
   * charged in full, calls that fail too, and nothing can be metered.
   */
  readonly payee?: LocalAccount;
  /** The one wallet and processor that are taken; what the facilitator says if left out. */
  readonly venue?: Venue;
  /** The token of prices that are written in dollars; they are refused if left out. */
  readonly dollar?: { readonly asset: Address; readonly decimals: number };
  /** Whether payers may pay at once, without an order; they may if left out. */
  readonly intents?: boolean;
  /**
   * Who decides about disputes, of all routes whose `extra.disputes` says nothing else; nobody if left out. A payer that
   * does not accept the arbiter does not pay.
   */
  readonly disputes?: Disputes;
  /** What orders are marked with, 32 bytes; drawn anew if left out. */
  readonly orderSecret?: Uint8Array;
  /** How many mandates are remembered, so that none pays twice; 65,536 if left out. */
  readonly paymentsMax?: number;
  /** How far clocks may differ, in seconds; 90 if left out. */
  readonly skewSeconds?: number;
  /**
   * The longest promise that the deployment's guarantee takes, in seconds (`promiseSeconds` in its file); 12 hours if
   * left out. Nothing is sold on a receipt that promises for longer, since nobody could demand it.
   */
  readonly promiseSecondsMax?: number;
  /** The time in unix seconds; the system's if left out. */
  readonly now?: () => number;
}

/** The longest promise of a deployment whose times are the usual ones, in seconds. */
const PROMISE_SECONDS_MAX = 43_200;

/** A payment that fits its request. */
interface CheckedPayment {
  readonly id: Hex;
  readonly signed: SignedMandate;
  readonly terms: Terms;
  /** What it pays for. */
  readonly purchase: Purchase;
  /** The earliest time at which the processor can have accepted it, by the clock here. */
  readonly from: number;
}

/** A payment that was accepted. */
interface Accepted extends CheckedPayment {
  readonly receipt: SignedReceipt;
  readonly settled: SettleResponse;
}

type SchemeHooks = NonNullable<SchemeNetworkServer["schemeHooks"]>;
type VerifyContext = Parameters<NonNullable<SchemeHooks["onBeforeVerify"]>>[0];
type SettleContext = Parameters<NonNullable<SchemeHooks["onBeforeSettle"]>>[0];
type CancelContext = Parameters<NonNullable<SchemeNetworkServer["settleOnCancel"]>>[0];
type RequiredContext = Parameters<NonNullable<SchemeNetworkServer["enrichPaymentRequiredResponse"]>>[0];

/** Why a request is not served: a stable code, and a message. Codes are those of `docs/payments.md`. */
class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** The same payment may fare better a little later. It is answered with 502, on which payers send it again. */
class Passing extends Refusal {}

/** The scheme `aep2`, as x402's resource server has it. */
export class Aep2Server implements SchemeNetworkServer {
  readonly scheme = SCHEME;
  readonly defaultAssetTransferMethod = "default";
  readonly paymentFlows = { default: { supported: ["upfront", "escrow"], default: "upfront" } } as const;
  /** An order is made for each answer; whether one is the payee's is checked here. */
  readonly dynamicExtraFields = ["order"];
  readonly schemeHooks: SchemeHooks;

  readonly #config: Aep2ServerConfig;
  readonly #origin: string;
  readonly #orders: Orders;
  readonly #cache: IdempotencyCache;
  readonly #captures: Captures | undefined;
  readonly #skew: number;
  readonly #promiseMax: number;
  readonly #started: number;
  /** The networks that it makes terms for. */
  readonly #networks = new Set<string>();
  /** What came of payments, by the SDK's object for each: it is the same one in all hooks of a request. */
  readonly #checked = new WeakMap<object, CheckedPayment>();
  readonly #accepted = new WeakMap<object, Accepted>();
  readonly #passing = new WeakMap<object, Passing>();

  /** @throws TypeError when the origin is none. */
  constructor(config: Aep2ServerConfig) {
    const { origin, facilitator, payee } = config;
    if (new URL(origin).origin !== origin.replace(/\/$/, "")) {
      throw new TypeError(`${origin} is not an origin: scheme, host and port, as in https://api.example.com`);
    }
    this.#config = config;
    this.#origin = new URL(origin).origin;
    this.#orders = new Orders(config.orderSecret);
    this.#cache = new IdempotencyCache(config.paymentsMax ?? 65_536);
    this.#skew = config.skewSeconds ?? SKEW_S;
    this.#promiseMax = config.promiseSecondsMax ?? PROMISE_SECONDS_MAX;
    this.#captures = payee && new Captures(facilitator.url, payee, this.#skew, () => this.#now());
    this.#started = this.#now();
    this.schemeHooks = {
      onBeforeVerify: (context) => this.#refusing(context.paymentPayload, () => this.#verify(context)),
      onBeforeSettle: (context) => this.#refusing(context.paymentPayload, () => this.#settle(context)),
    };
  }

  /** Resolves when no capture is on its way: wait for it before the process ends. */
  async idle(): Promise<void> {
    await this.#captures?.idle();
  }

  /** A price in base units of a token, or in dollars where the payee named a token for them. */
  async parsePrice(price: Price, _network: Network): Promise<AssetAmount> {
    if (typeof price === "object") return price;
    const { dollar } = this.#config;
    const { amount, symbol } = parseMoney(price);
    if (dollar === undefined || symbol !== undefined) {
      throw new Error(`the price ${price} names no token: write { asset, amount }, or set \`dollar\``);
    }
    return { asset: dollar.asset, amount: convertToTokenAmount(amount, dollar.decimals) };
  }

  getAssetDecimals(asset: string): number | undefined {
    const { dollar } = this.#config;
    return dollar !== undefined && dollar.asset.toLowerCase() === asset.toLowerCase() ? dollar.decimals : undefined;
  }

  /** What is wrong with the facilitator, if anything is. The SDK ends the process then. */
  validateFacilitatorSupport(network: Network, kind: SupportedKind): string | void {
    try {
      const { wallet, processor } = announced(kind.extra, "extra");
      const { venue } = this.#config;
      if (venue === undefined) return;
      const found = `${network} ${wallet} ${processor}`;
      const expected = [
        `eip155:${venue.chainId}`,
        address(venue.wallet, "venue.wallet"),
        address(venue.processor, "venue.processor"),
      ].join(" ");
      if (found !== expected) return `it settles for ${found}, and this payee is paid in ${expected}`;
    } catch (error) {
      return String(error);
    }
  }

  /** The terms, but for the order. A route with `extra: { capture: "metered" }` is charged what its call came to. */
  async enhancePaymentRequirements(base: PaymentRequirements, kind: SupportedKind): Promise<PaymentRequirements> {
    const { wallet, processor, settleWithinSeconds } = announced(kind.extra, "extra");
    const metered = base.extra.capture === "metered";
    const { payee } = this.#config;
    if (payee !== undefined && address(base.payTo, "payTo") !== payee.address) {
      throw new Error(`payTo is ${base.payTo}, and the payee's key is that of ${payee.address}`);
    }
    if (metered && (payee === undefined || kind.extra?.captures === false)) {
      throw new Error("calls can be metered with the payee's key only, and by a processor that captures");
    }
    const disputes = this.#disputes(base, kind);
    const settles = { settleWithinSeconds: settleWithinSeconds + longerSeconds(disputes) };
    if (settles.settleWithinSeconds > this.#promiseMax) {
      const found = `the processor settles within ${settles.settleWithinSeconds} s, disputes included`;
      throw new Error(`${found}, and the guarantee takes no receipt that promises for longer than ${this.#promiseMax} s`);
    }
    const venue = { wallet, processor, ...settles, name: WALLET_NAME, version: WALLET_VERSION };
    const flow = metered ? { capture: "metered", paymentFlow: "escrow" } : { capture: "full" };
    const { method: _, order: __, ...extra } = base.extra;
    const terms = { ...base, extra: { ...extra, ...venue, ...flow, ...(disputes && { disputes }) } };
    readTerms(terms);
    this.#networks.add(base.network);
    return terms;
  }

  /** What a route's terms agree to of disputes, if the processor holds mandates for that long. */
  #disputes({ extra }: PaymentRequirements, kind: SupportedKind): Disputes | undefined {
    const written = extra.disputes ?? this.#config.disputes;
    if (written === undefined) return undefined;
    const disputes = readDisputes(written, "extra.disputes");
    const { disputesWithinSeconds: most } = holding(kind.extra, "extra");
    const asked = disputes.windowSeconds + disputes.rulingSeconds;
    if (asked > most) {
      throw new Error(`disputes take up to ${asked} s, and the processor holds mandates for ${most} s at most`);
    }
    return disputes;
  }

  /**
   * Adds to the terms what makes them this request's: its method, and an order. While a payment is being looked at,
   * the order is the one that it accepts, so that the facilitator sees that the payer accepted these very terms.
   */
  async enrichPaymentRequiredResponse(context: RequiredContext): Promise<PaymentRequirements[] | void> {
    const request = requestOf(context.transportContext);
    if (request === undefined) return;
    const presented = context.error === undefined ? acceptedBy(request.paymentHeader) : undefined;
    return context.requirements.map((written) => {
      // The SDK asks once for each entry, and lets nobody touch what was added before.
      const own = written.scheme === SCHEME && this.#networks.has(written.network);
      if (!own || written.extra.method !== undefined) return written;
      const method = request.method;
      const terms = readTerms(written);
      const purchase = this.#purchase(terms, request);
      const extra = { ...written.extra, method };
      if (presented !== undefined && presented.order === undefined) return { ...written, extra };
      const now = this.#now();
      const good = presented?.order !== undefined && this.#orders.check(purchase, presented.order, now) === "good";
      const order = good ? presented.order : this.#orders.make(purchase, now + terms.maxTimeoutSeconds);
      return { ...written, extra: { ...extra, order } };
    });
  }

  /** The way past `onBeforeSettle`, which nothing passes. (The SDK calls it without its object.) */
  readonly enrichSettlementPayload = async (context: SettleContext): Promise<never> => {
    const passing = this.#passing.get(context.paymentPayload);
    throw new FacilitatorResponseError(passing ? `${passing.code}: ${passing.message}` : "the payment was not settled");
  };

  /** The handler failed: the mandate is settled once more, at nothing. */
  settleOnCancel({ requirements }: CancelContext): PaymentRequirements | void {
    if (this.#captures === undefined) return;
    return { ...(requirements as PaymentRequirements), amount: "0" };
  }

  /** Checks that a payment pays for its request. Signature and funds are the processor's to check. */
  async #verify(context: VerifyContext): Promise<void> {
    const { paymentPayload: payload, requirements, transportContext } = context;
    const request = requestOf(transportContext);
    if (request === undefined) throw new Refusal("invalid_payload", "mandates are bound to HTTP requests");
    const terms = readTerms(requirements);
    const accepted = readTerms(payload.accepted);
    const signed = readSignedMandate(payload.payload, "payload");
    const { mandate } = signed;
    const purchase = this.#purchase(terms, request);
    for (const [field, found, asked] of [
      ["token", mandate.token, purchase.token],
      ["payee", mandate.payee, purchase.payee],
      ["amount", mandate.amount, purchase.amount],
    ] as const) {
      if (found !== asked) throw new Refusal("terms_mismatch", `the payment's mandate.${field} is not what is asked for`);
    }
    const now = this.#now();
    const { order } = accepted;
    if (order === undefined && this.#config.intents === false) {
      throw new Refusal("terms_mismatch", "the payment's extra.order is missing");
    }
    if (order !== undefined) {
      const state = this.#orders.check(purchase, order, now);
      if (state !== "good") throw new Refusal(`order_${state}`, "the order is not known, or is not good any more");
    }
    const { account, nonce } = mandate;
    if (mandate.ref !== reference(purchase, order === undefined ? { account, nonce } : { order })) {
      throw new Refusal("ref_mismatch", "the mandate's ref does not bind it to this request and these terms");
    }
    // The processor's clock decides; what is far off need not be sent there.
    if (mandate.deadline + this.#skew < now + terms.settleWithinSeconds) {
      throw new Refusal("deadline_too_near", "the mandate expires before it can be settled");
    }
    const id = word(mandateId(purchase.venue, mandate));
    // What pays for an order was accepted since it was made. What pays in intent mode may have been at any time.
    const from = order === undefined ? 0 : Math.max(0, this.#orders.until(order) - terms.maxTimeoutSeconds);
    this.#checked.set(payload, { id, signed, terms, purchase, from });
  }

  /** Settles what `#verify` let through: before the handler, the mandate is accepted; after it, captured. */
  async #settle(context: SettleContext): Promise<{ skip: true; result: SettleResponse }> {
    const payload = context.paymentPayload as PaymentPayload;
    const requirements = context.requirements as PaymentRequirements;
    if (context.phase === "before-handler") {
      const checked = this.#checked.get(payload);
      if (checked === undefined) throw new Refusal("invalid_payload", "the payment was not checked");
      const accepted = await this.#accept(checked, payload, requirements);
      this.#accepted.set(payload, accepted);
      return { skip: true, result: accepted.settled };
    }
    const accepted = this.#accepted.get(payload);
    if (accepted === undefined) throw new Refusal("invalid_payload", "the payment was not accepted");
    return { skip: true, result: await this.#capture(accepted, requirements.amount) };
  }

  /** The processor's promise for a mandate, verified; once. */
  async #accept(checked: CheckedPayment, payload: PaymentPayload, requirements: PaymentRequirements): Promise<Accepted> {
    const { id, terms, signed, purchase, from } = checked;
    const now = this.#now();
    const keep = terms.maxTimeoutSeconds + 2 * this.#skew;
    switch (this.#cache.begin(id, now, now + keep)) {
      case "served":
        throw new Refusal("already_served", "the mandate paid before");
      case "in flight":
        throw new Passing("in_progress", "the same payment is being settled");
      case "full":
        throw new Passing("too_many_requests", "too many payments at once");
    }
    try {
      // What was read is what is sent: a mandate has one spelling. Where terms agree to disputes, the processor has to
      // know what `ref` was made of: the request here, whatever the payer says that it was.
      const resource = { ...payload.resource, url: purchase.resource };
      const sent = { ...payload, ...(purchase.disputes && { resource }), payload: writeSignedMandate(signed) };
      const settled = await this.#ask(sent, requirements);
      const receipt = await checkReceipt(settled.extra?.receipt, signed.mandate, signatories(purchase), {
        from,
        now: this.#now(),
        skew: this.#skew,
        // One that promises for longer than the terms say is served: its payer has paid.
        promiseMax: this.#promiseMax,
      });
      this.#checkFresh(receipt, terms);
      this.#cache.served(id);
      const extra = { receipt: writeReceipt(receipt) };
      return { ...checked, receipt, settled: { ...settled, extra } };
    } catch (error) {
      this.#cache.letGo(id);
      if (error instanceof ReceiptError) throw new Passing("receipt_invalid", error.message);
      throw error;
    }
  }

  async #ask(payload: PaymentPayload, requirements: PaymentRequirements): Promise<SettleResponse> {
    let settled: Partial<SettleResponse>;
    try {
      settled = await this.#config.facilitator.settle(payload, requirements);
    } catch (error) {
      // The SDK's client throws what the facilitator answers with another status than 200.
      settled = error as Partial<SettleResponse> & Error;
      const reason = settled.errorReason;
      if (reason === undefined || PASSING.has(reason)) {
        throw new Passing("processor_unavailable", error instanceof Error ? error.message : String(error));
      }
    }
    const { success, errorReason = "refused", errorMessage = "" } = settled;
    if (success !== true) throw new Refusal(errorReason, errorMessage);
    return settled as SettleResponse;
  }

  /**
   * A processor gives the same receipt for the same mandate at any time. So an old receipt is that of a mandate which
   * paid before, and is not remembered any more: served, for all that is known.
   */
  #checkFresh({ receipt }: SignedReceipt, { maxTimeoutSeconds }: Terms): void {
    const accepted = receipt.issuedAt + this.#skew;
    if (accepted + maxTimeoutSeconds < this.#now() || accepted < this.#started) {
      throw new Refusal("already_used", "the mandate was used before: its receipt is an old one");
    }
  }

  /** Captures what a call came to, where that is not everything. */
  async #capture({ id, signed, purchase, settled }: Accepted, asked: string): Promise<SettleResponse> {
    const { amount: ceiling } = signed.mandate;
    const amount = BigInt(asked);
    if (amount > ceiling) console.error(`aep2: the call of ${id} came to ${amount}, more than ${ceiling}`);
    if (amount >= ceiling || this.#captures === undefined) return settled;
    const statement = await this.#captures.capture(id, signed.mandate, signatories(purchase), amount);
    const capture = statement && { capture: writeStatement(statement) };
    return { ...settled, amount: amount.toString(), extra: { ...settled.extra, ...capture } };
  }

  #purchase({ offer }: Terms, { method, resource }: RequestTarget): Purchase {
    return { ...offer, method, resource: `${this.#origin}${resource}` };
  }

  /** Does a hook's work. What goes wrong is a refusal: the SDK would go on where a hook throws. */
  async #refusing<T>(payload: object, work: () => Promise<T>) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Passing) {
        this.#passing.set(payload, error);
        return;
      }
      if (error instanceof Refusal) return { abort: true, reason: error.code, message: error.message } as const;
      if (!(error instanceof WireError)) console.error("aep2: a payment could not be looked at:", error);
      return { abort: true, reason: "invalid_payload", message: String(error) } as const;
    }
  }

  #now(): number {
    return this.#config.now?.() ?? Math.floor(Date.now() / 1000);
  }
}

/** What the processor says when the same request may fare better later. */
const PASSING = new Set([
  "too_many_requests",
  "over_capacity",
  "compliance_pending",
  "account_being_read",
  "paused",
  "not_ready",
  "internal",
]);

/** What the facilitator says about itself. */
const announced = fieldsOf({ wallet: address, processor: address, settleWithinSeconds: integer(53) });

/** How long the facilitator holds mandates for disputes, by its own word; not at all where it says nothing. */
const holding = fieldsOf({
  disputesWithinSeconds: (value: unknown, path: string) => (value === undefined ? 0 : integer(53)(value, path)),
});

/** What a request asks for. */
interface RequestTarget {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly resource: string;
  readonly paymentHeader: string | undefined;
}

/** What a Host header is made of. Of another one the path could not be told from the host. */
const HOST = /^[A-Za-z0-9.:[\]_-]+$/;

function requestOf(transportContext: unknown): RequestTarget | undefined {
  const adapter = (transportContext as HTTPTransportContext | undefined)?.request.adapter;
  if (adapter === undefined || !HOST.test(adapter.getHeader("host") ?? "")) return undefined;
  return {
    method: adapter.getMethod().toUpperCase(),
    resource: adapter.getUrl().replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, ""),
    paymentHeader: adapter.getHeader("payment-signature"),
  };
}

/** The terms of this scheme that a payment in a header says that it accepts. */
function acceptedBy(header: string | undefined): Terms | undefined {
  if (header === undefined) return undefined;
  try {
    const payment = decodeHeader(header, "PAYMENT-SIGNATURE") as { accepted?: unknown };
    return readTerms(payment?.accepted);
  } catch {
    return undefined;
  }
}
