/**
 * Paying and being paid with AEP2 mandates.
 *
 * - `Payer` and `payingFetch`: a `fetch` that pays 402s within limits;
 * - `paying` (also at `@aep2/x402/client`): the same payer for x402's own SDK;
 * - `Aep2Server` (also at `@aep2/x402/server`): the scheme for payees that use x402's SDK;
 * - `DisputeClient`: disputing what was paid, answering, reading;
 * - the protocol beneath: mandates, keys, references, receipts.
 */

export {
  DisputeClient,
  accessHeader,
  evidenceOf,
  type DisputeOpening,
  type DisputeReply,
  type DisputeStatus,
  type EvidenceFile,
} from "./dispute-client.js";
export { disputesHash, longerSeconds, readDisputes, type DisputeReason, type Disputes } from "./disputes.js";
export { MandateKey, isKey, verify, verifyDigest, verifySignedMandate } from "./key.js";
export {
  mandateDomain,
  mandateId,
  readSignedMandate,
  writeSignedMandate,
  type Mandate,
  type Point,
  type Signature,
  type SignedMandate,
  type WalletId,
} from "./mandate.js";
export {
  OutcomeStatus,
  checkMessage,
  checkMessageOfAny,
  messageDigest,
  messageHash,
  readMessage,
  readMessageOfAny,
  signMessage,
  signMessageByAny,
  writeMessage,
  writeMessageOfAny,
  type AnySignedMessage,
  type AnySigner,
  type Evidence,
  type KeySignedMessage,
  type KeyedKind,
  type MessageKind,
  type Messages,
  type SignedMessage,
} from "./messages.js";
export { NotHandedInError, PayError, UnansweredError, type PayErrorCode } from "./payer/error.js";
export {
  payingFetch,
  paymentOf,
  type FetchOptions,
  type KnownTerms,
  type PayingFetch,
  type Payment,
} from "./payer/fetch.js";
export { JOURNAL_FILE, JournalError } from "./payer/journal.js";
export { LimitError, atMost, type Allowance, type Limits } from "./payer/limits.js";
export { Payer, Sent, type AcceptedDisputes, type PayerConfig } from "./payer/payer.js";
export { ProcessorClient, ProcessorError, ProcessorRefusal, type ProcessorOptions } from "./processor.js";
export {
  preimage,
  reference,
  resourceOf,
  signatories,
  type PaymentContext,
  type Preimage,
  type Purchase,
  type Signatories,
  type Venue,
} from "./purchase.js";
export {
  ClockError,
  ReceiptError,
  checkReceipt,
  checkStatement,
  readReceipt,
  readStatement,
  signCapture,
  type CaptureStatement,
  type IssueTimes,
  type SignedReceipt,
} from "./receipt.js";
export { Released, Signer, type MandateTerms, type Signed } from "./signer.js";
export { SCHEME, readTerms, type Terms } from "./terms.js";
export { WireError } from "./wire.js";
export { venueAt } from "./venue.js";
export { Aep2Client, paying } from "./x402/client.js";
export { Aep2Server, repeating, type Aep2ServerConfig, type RepeatingConfig } from "./x402/server.js";
