/** Terms as the tests' payees write them. */

import { getAddress } from "viem";

import { readTerms, type Terms } from "../../src/terms.js";
import { NETWORK, TOKEN, VENUE } from "./processor.js";

export const PAYEE = getAddress(`0x${"cc".repeat(20)}`);

/** One entry of `accepts`. */
export function written(change: object = {}, extra: object = {}) {
  return {
    scheme: "aep2",
    network: NETWORK,
    amount: "1000",
    asset: TOKEN,
    payTo: PAYEE,
    maxTimeoutSeconds: 120,
    extra: {
      wallet: VENUE.wallet,
      processor: VENUE.processor,
      settleWithinSeconds: 600,
      name: "AEP2DebitWallet",
      version: "1",
      capture: "full",
      ...extra,
    },
    ...change,
  };
}

/** The same, understood. */
export function terms(change: object = {}, extra: object = {}): Terms {
  return readTerms(written(change, extra));
}
