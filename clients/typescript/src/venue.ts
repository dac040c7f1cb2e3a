/** Where a processor's payments count, by its own word. */

import type { Venue } from "./purchase.js";
import { address, fieldsOf, integer } from "./wire.js";

const identity = fieldsOf({ chainId: integer(53), wallet: address, processor: address });

/**
 * Asks the processor at `url` who it is. What it says is to be believed once, when an account is set up, and kept:
 * the account's owner named this processor in this wallet, and whoever else answers here later is somebody else.
 *
 * @throws WireError, and what `fetch` throws.
 */
export async function venueAt(url: string): Promise<Venue> {
  const response = await fetch(new URL("/", url), { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return identity(await response.json(), "");
}
