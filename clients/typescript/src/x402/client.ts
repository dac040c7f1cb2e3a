/**
 * The scheme `aep2` for payers that use x402's SDK: `@x402/fetch`, or any other wrapper over `@x402/core`.
 *
 * The SDK does not tell a scheme what was asked for, only what the payee says that it sells. A payee could so let a
 * payer pay for something else, of another payee even, and keep what that is. `paying` sets the SDK up to compare the
 * two before anything is signed. What the SDK does not do at all is to send a payment again where no answer came:
 * `payingFetch` does.
 */

import { x402Client, x402HTTPClient } from "@x402/core/client";
import type {
  PaymentPayloadResult,
  PaymentRequirements,
  SchemeClientHooks,
  SchemeNetworkClient,
} from "@x402/core/types";

import { writeSignedMandate } from "../mandate.js";
import { PayError } from "../payer/error.js";
import type { Payer, Sent } from "../payer/payer.js";
import { resourceOf } from "../purchase.js";
import { ReceiptError } from "../receipt.js";
import { SCHEME, readTerms } from "../terms.js";

/** The scheme `aep2`, as x402's client has it. Register it with `paying`, or check resources yourself. */
export class Aep2Client implements SchemeNetworkClient {
  readonly scheme = SCHEME;
  readonly schemeHooks: SchemeClientHooks;

  readonly #payer: Payer;
  /** The resource that a payee's entry is for, until its payment is made. */
  readonly #resources = new WeakMap<PaymentRequirements, string>();
  /** The mandates that left, by the object in which the SDK has them. */
  readonly #sent = new WeakMap<object, Sent>();

  constructor(payer: Payer) {
    this.#payer = payer;
    this.schemeHooks = {
      onBeforePaymentCreation: async ({ paymentRequired, selectedRequirements }) => {
        this.#resources.set(selectedRequirements, paymentRequired.resource.url);
      },
      onPaymentResponse: async ({ paymentPayload, settleResponse, paymentRequired }) => {
        const sent = this.#sent.get(paymentPayload.payload);
        if (sent === undefined) return;
        if (settleResponse?.success === true) {
          await believed(() => sent.accepted(settleResponse.extra?.receipt));
          const statement = settleResponse.extra?.capture;
          if (statement !== undefined) await believed(() => sent.captured(statement));
        } else if (settleResponse !== undefined || paymentRequired !== undefined) {
          await sent.refused(settleResponse?.errorReason ?? paymentRequired?.error ?? "payment_required");
        }
      },
    };
  }

  /**
   * Signs a mandate for one of a payee's entries.
   *
   * @throws PayError, LimitError, WireError, JournalError; the SDK passes their words on.
   */
  async createPaymentPayload(x402Version: number, written: PaymentRequirements): Promise<PaymentPayloadResult> {
    const resource = this.#resources.get(written);
    const terms = readTerms(written);
    if (resource === undefined || terms.method === undefined) {
      throw new PayError("no_offer", "the payee does not say which method and resource its terms are for");
    }
    const purchase = this.#payer.check(terms, terms.method, resourceOf(resource));
    const sent = await this.#payer.authorise(purchase, terms);
    await this.#payer.handIn(sent, terms.order);
    const payload = writeSignedMandate(sent.signed);
    this.#sent.set(payload, sent);
    return { x402Version, payload };
  }
}

/**
 * An x402 client that pays with `payer`, for `wrapFetchWithPayment`. It compares what the payee sells with what was
 * asked for, and leaves amounts and tokens to the payer's limits.
 *
 * @param client An `x402Client` with other schemes registered, to pay with those as well. Its spend controls are
 *   replaced: in tokens that the payer's limits do not name, nothing is paid.
 */
export function paying(payer: Payer, client = new x402Client()): x402HTTPClient {
  const network = `eip155:${payer.venue.chainId}` as const;
  const allowedAssets = [...payer.bounds.perCall()].map(([asset, most]) => ({
    network,
    asset,
    maxAmountPerPayment: most.toString(),
  }));
  client.register(network, new Aep2Client(payer)).setSpendControls({ allowedAssets });
  return new x402HTTPClient(client).onPaymentRequired(async ({ paymentRequired, requestUrl }) => {
    const [asked, offered] = [resourceOf(requestUrl), paymentRequired.resource?.url];
    if (offered !== asked) throw PayError.mismatch("a payment for", offered, asked);
  });
}

/** What is not believed stays unknown: the journal has the mandate, and no other will follow it. */
async function believed(check: () => Promise<unknown>): Promise<void> {
  try {
    await check();
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error;
    process.emitWarning(`aep2: ${error.message}`);
  }
}
