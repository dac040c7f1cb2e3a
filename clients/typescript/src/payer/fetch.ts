/**
 * A `fetch` that pays.
 *
 * **Order mode.** The request goes out; an answer 402 brings terms; they are checked against the request and the
 * payer's limits; exactly those are signed; the request goes out again with the payment. **Intent mode.** The terms
 * are known from before; the request goes out with the payment at once.
 *
 * A request is paid for once. Where no answer comes it is repeated with the *same* mandate, which payees and
 * processors know for the same. A second answer 402 ends it: other terms are never signed after the first. Where no
 * final answer came in the end, the same request sends the same mandate when it is asked for again, now or after a
 * restart.
 *
 * A payment that can be disputed goes to the processor first, and to the payee only when the processor's receipt names
 * the arbiter.
 */

import { setTimeout as sleep } from "node:timers/promises";

import type { PaymentRequirements } from "@x402/core/types";
import type { Hex } from "viem";

import { writeSignedMandate, type SignedMandate } from "../mandate.js";
import { resourceOf, type Purchase } from "../purchase.js";
import { ReceiptError, type SignedReceipt } from "../receipt.js";
import { SCHEME, readTerms, withoutOrder, type Terms } from "../terms.js";
import { WireError, fieldsOf, optional, text, type Reader } from "../wire.js";
import { encodeHeader, readHeader } from "../x402/headers.js";
import { watched, wholeIfShort, type Received } from "./delivery.js";
import { PayError, UnansweredError } from "./error.js";
import type { Payer, Sent } from "./payer.js";
import { requestKey } from "./request-key.js";

/** A payment that was answered. */
export interface Payment {
  /** The mandate's id. */
  readonly id: string;
  readonly mandate: SignedMandate;
  /** What it pays for. */
  readonly purchase: Purchase;
  /**
   * The processor's promise, checked. Without one nothing shows that the processor has the mandate: the answer is
   * the payee's word, and this says why.
   */
  readonly receipt: SignedReceipt | ReceiptError;
  /** What was captured, in base units, by the processor's statement, where one came with the answer. */
  readonly captured: bigint | undefined;
  /**
   * Whether the payment is still without a final answer: the request failed, and nothing was said about the payment.
   * The same request sends it again.
   */
  readonly open: boolean;
}

/** Terms known from before, for intent mode. */
export interface KnownTerms {
  readonly terms: Terms;
  /** The terms as they were written, without an order. */
  readonly written: PaymentRequirements;
}

/** How a paying fetch behaves. */
export interface FetchOptions {
  /** What requests are sent with; the global `fetch` if left out. */
  readonly fetch?: typeof globalThis.fetch;
  /** How often a paid request is sent in all, where no answer comes; 4 if left out. */
  readonly attempts?: number;
  /** Between two attempts, in milliseconds, twice as long each time; 250 if left out. */
  readonly pauseMs?: number;
  /** How long an answer is waited for, in milliseconds; 30,000 if left out. */
  readonly timeoutMs?: number;
}

/** A `fetch` that pays. Redirections are not followed: a payment is for what was asked for. */
export interface PayingFetch {
  /**
   * Sends a request, and pays for it where a payment is due: in order mode, or with `known` terms at once.
   *
   * @throws PayError, LimitError, JournalError; and what the underlying fetch throws, while nothing is signed.
   */
  (input: string | URL | Request, init?: RequestInit, known?: KnownTerms): Promise<Response>;

  /** What a request would cost, without paying. Nothing where it is free. */
  terms(input: string | URL | Request, init?: RequestInit): Promise<KnownTerms | undefined>;
}

const payments = new WeakMap<Response, Payment>();

/** What was paid for an answer, if anything was. */
export function paymentOf(response: Response): Payment | undefined {
  return payments.get(response);
}

/** A `fetch` that pays with `payer`. */
export function payingFetch(payer: Payer, options: FetchOptions = {}): PayingFetch {
  const sender = new Sender(payer, options);
  const pay = (input: string | URL | Request, init?: RequestInit, known?: KnownTerms) =>
    sender.fetch(input, init, known);
  return Object.assign(pay, {
    terms: (input: string | URL | Request, init?: RequestInit) => sender.terms(input, init),
  });
}

/** What a request asks for, and the request, to be sent more than once. */
interface Target {
  readonly method: string;
  readonly resource: string;
  readonly request: Request;
}

/** One of a payee's entries that fits. */
interface Offer {
  readonly terms: Terms;
  readonly written: PaymentRequirements;
  readonly purchase: Purchase;
}

class Sender {
  readonly #payer: Payer;
  readonly #fetch: typeof globalThis.fetch;
  readonly #attempts: number;
  readonly #pauseMs: number;
  readonly #timeoutMs: number;

  constructor(payer: Payer, options: FetchOptions) {
    this.#payer = payer;
    this.#fetch = options.fetch ?? globalThis.fetch;
    this.#attempts = options.attempts ?? 4;
    this.#pauseMs = options.pauseMs ?? 250;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
  }

  async fetch(input: string | URL | Request, init?: RequestInit, known?: KnownTerms): Promise<Response> {
    return this.#request(targetOf(input, init), known);
  }

  async #request(target: Target, known?: KnownTerms): Promise<Response> {
    const { method, resource } = target;
    const key = await requestKey(target.request, method, resource);
    const waiting = await this.#payer.unanswered(key);
    if (waiting !== undefined) return this.#deliver(target, waiting.sent, waiting.written);
    if (known !== undefined) {
      const purchase = this.#payer.check(known.terms, method, resource);
      return this.#pay(target, { ...known, purchase }, key);
    }
    const response = await this.#send(target);
    if (response.status !== 402) return response;
    await response.body?.cancel();
    return this.#pay(target, this.#choose(response, target), key);
  }

  async terms(input: string | URL | Request, init?: RequestInit): Promise<KnownTerms | undefined> {
    const target = targetOf(input, init);
    const response = await this.#send(target);
    await response.body?.cancel();
    if (response.status !== 402) return undefined;
    const { terms, written } = this.#choose(response, target);
    return { terms: { ...terms, order: undefined }, written: withoutOrder(written) };
  }

  /** The payee's first terms that fit the request and the payer. */
  #choose(response: Response, { method, resource }: Target): Offer {
    const required = readRequired(response);
    if (required === undefined) throw new PayError("no_offer", "the answer has no PAYMENT-REQUIRED header");
    const named = required.resource?.url;
    if (named !== undefined && named !== resource) throw PayError.mismatch("a payment for", named, resource);
    let whyNot: unknown;
    for (const written of required.accepts) {
      try {
        const terms = readTerms(written);
        return { terms, written, purchase: this.#payer.check(terms, method, resource) };
      } catch (error) {
        whyNot ??= error;
      }
    }
    throw whyNot instanceof WireError || whyNot === undefined
      ? new PayError("no_offer", `the payee offers nothing that a mandate can pay: ${whyNot?.message ?? "no terms"}`)
      : whyNot;
  }

  async #pay(target: Target, { terms, written, purchase }: Offer, key: Hex): Promise<Response> {
    const { method, resource } = target;
    const sent = await this.#payer.authorise(purchase, terms, { key, method, resource, terms: JSON.stringify(written) });
    return this.#deliver(target, sent, written);
  }

  /** Sends a payment until it is answered. */
  async #deliver(target: Target, sent: Sent, accepted: PaymentRequirements): Promise<Response> {
    const payload = writeSignedMandate(sent.signed);
    const header = encodeHeader({ x402Version: 2, resource: { url: target.resource }, accepted, payload });
    let answered = false;
    try {
      await this.#payer.handIn(sent, readTerms(accepted).order);
      const received = await this.#try(target, sent, header);
      const { response, final } = await this.#conclude(received.response, sent);
      answered = final;
      if (final && received.whole) await sent.answered();
      if (!final || received.whole) return response;
      const told = watched(received, (complete) => (complete ? sent.answered() : Promise.resolve(sent.letGo())));
      const payment = payments.get(response);
      if (payment !== undefined) payments.set(told, payment);
      return told;
    } finally {
      if (!answered) sent.letGo();
    }
  }

  /** The first answer that says something, to its end where it is short. */
  async #try(target: Target, sent: Sent, header: string): Promise<Received> {
    for (let attempt = 1, pause = this.#pauseMs; ; attempt++, pause *= 2) {
      const last = attempt >= this.#attempts || target.request.signal.aborted;
      let why: unknown;
      try {
        const response = await this.#send(target, header);
        if (!wantsAgain(response)) return await wholeIfShort(response);
        await response.body?.cancel();
        why = new Error(`the answer was ${response.status}, and says nothing about the payment`);
      } catch (error) {
        if (error instanceof PayError) throw error;
        why = error;
      }
      if (last) throw new UnansweredError(sent.id, () => this.#request(target), why);
      await sleep(pause);
    }
  }

  /** What the answer says about the payment, and whether that is final: see `docs/payments.md`. */
  async #conclude(response: Response, sent: Sent): Promise<{ response: Response; final: boolean }> {
    const settled = readSettled(response);
    if (settled?.success === false || response.status === 402) throw await refusal(response, sent, settled);
    const captured = await ifBelieved(async () => {
      const statement = settled?.extra?.capture;
      return statement === undefined ? undefined : sent.captured(statement);
    });
    const receipt = await ifBelieved(() => sent.accepted(settled?.extra?.receipt));
    const final = response.ok || !(receipt instanceof ReceiptError);
    payments.set(response, {
      id: sent.id,
      mandate: sent.signed,
      purchase: sent.purchase,
      receipt,
      captured: typeof captured === "bigint" ? captured : undefined,
      open: !final,
    });
    return { response, final };
  }

  async #send({ request, resource }: Target, payment?: string): Promise<Response> {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(this.#timeoutMs)]);
    const copy = new Request(request.clone(), { redirect: "manual", signal });
    if (payment !== undefined) copy.headers.set("PAYMENT-SIGNATURE", payment);
    const response = await this.#fetch(copy);
    const answered = response.url === "" ? resource : resourceOf(response.url);
    if (answered !== resource) {
      throw new PayError("redirected", `asked for ${resource}, answered by ${answered}`);
    }
    return response;
  }
}

function targetOf(input: string | URL | Request, init?: RequestInit): Target {
  const request = new Request(input, init);
  return { method: request.method.toUpperCase(), resource: resourceOf(request.url), request };
}

/** More entries than any payee has reason to offer. */
const ACCEPTS_MAX = 32;

/** The entries for the scheme, among others that are passed over. */
const accepts: Reader<PaymentRequirements[]> = (value, path) => {
  if (!Array.isArray(value)) throw new WireError(path, "is not a list");
  return value.slice(0, ACCEPTS_MAX).filter((entry) => entry?.scheme === SCHEME);
};

const required = fieldsOf({
  error: optional(text),
  resource: optional(fieldsOf({ url: text })),
  accepts,
});

const settled = fieldsOf({
  success: (value, path) => {
    if (typeof value !== "boolean") throw new WireError(path, "is not true or false");
    return value;
  },
  errorReason: optional(text),
  errorMessage: optional(text),
  extra: optional(fieldsOf({ receipt: (value: unknown) => value, capture: (value: unknown) => value })),
});

function readRequired(response: Response) {
  const object = readHeader(response.headers, "PAYMENT-REQUIRED");
  try {
    return object === undefined ? undefined : required(object, "PAYMENT-REQUIRED");
  } catch (error) {
    throw new PayError("unreadable", String(error), undefined, { cause: error });
  }
}

/** What the payee says became of the payment. One that cannot be read says nothing. */
function readSettled(response: Response) {
  try {
    const object = readHeader(response.headers, "PAYMENT-RESPONSE");
    return object === undefined ? undefined : settled(object, "PAYMENT-RESPONSE");
  } catch {
    return undefined;
  }
}

/** A payment was refused, or its request answered 402 again. */
async function refusal(
  response: Response,
  sent: Sent,
  settled: ReturnType<typeof readSettled>,
): Promise<PayError> {
  let now;
  try {
    now = readRequired(response);
  } catch {
    // It is a refusal all the same.
  }
  const reason = settled?.errorReason ?? now?.error ?? "payment_required";
  await sent.refused(reason);
  const changed = now && change(sent.purchase, now.accepts);
  if (changed !== undefined) return changed;
  const words = settled?.errorMessage ?? "";
  return new PayError("refused", `the payee refused the payment (${response.status}): ${reason} ${words}`, reason);
}

/** What the payee wants now that it did not want when the mandate was signed, if all of its terms are others. */
function change(paid: Purchase, accepts: PaymentRequirements[]): PayError | undefined {
  let difference: PayError | undefined;
  for (const written of accepts) {
    let offer;
    try {
      ({ offer } = readTerms(written));
    } catch {
      return undefined;
    }
    const fields = [
      ["payee", paid.payee, offer.payee],
      ["price", paid.amount, offer.amount],
      ["token", paid.token, offer.token],
      ["chain", paid.venue.chainId, offer.venue.chainId],
      ["wallet", paid.venue.wallet, offer.venue.wallet],
      ["processor", paid.venue.processor, offer.venue.processor],
    ] as const;
    const other = fields.find(([, before, after]) => before !== after);
    if (other === undefined) return undefined;
    const [field, before, after] = other;
    difference ??= new PayError("terms_changed", `the payee changed its ${field} from ${before} to ${after}`);
  }
  return difference;
}

/** Whether the same payment may fare better: the payee is busy, and says nothing about it. */
function wantsAgain({ status, headers }: Response): boolean {
  if (headers.has("PAYMENT-RESPONSE")) return false;
  return [429, 502, 503, 504].includes(status) || (status === 409 && headers.has("Retry-After"));
}

async function ifBelieved<T>(check: () => Promise<T>): Promise<T | ReceiptError> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof ReceiptError) return error;
    throw error;
  }
}
