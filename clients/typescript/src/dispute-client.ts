/**
 * Disputing, answering and reading at a processor: `docs/disputes.md` says how it goes.
 *
 * A payer signs with the mandate's key or the account's owner, a payee and an arbiter with the key of their address.
 *
 * What the processor says of a dispute is its word, but for this, which is checked here: that its terms are what the
 * mandate's `ref` is the hash of. What the parties signed is there to be checked (`checkMessageOfAny`, `checkMessage`),
 * and so is the receipt (`checkReceipt`).
 */

import { keccak256, zeroHash, type Hex, type LocalAccount } from "viem";

import { readDisputes, type DisputeReason } from "./disputes.js";
import { mandateId as idOf, readSignedMandate } from "./mandate.js";
import {
  EVIDENCE_BYTES_MAX,
  messageHash,
  readMessage,
  readMessageOfAny,
  signMessage,
  signMessageByAny,
  writeMessage,
  writeMessageOfAny,
  type AnySigner,
  type Evidence,
} from "./messages.js";
import { ProcessorClient, ProcessorError, type ProcessorOptions, type Question } from "./processor.js";
import { reference, type Venue } from "./purchase.js";
import { readReceipt } from "./receipt.js";
import {
  WireError,
  bytes,
  decimal,
  fieldsOf,
  integer,
  oneOf,
  optional,
  text,
  word,
  type Read,
  type Reader,
} from "./wire.js";

/** How long an access is good, in seconds: whoever gets hold of one reads for no longer. */
const ACCESS_S = 120;
/** The longest dispute in JSON, in bytes: what three parties say, and the mandate. */
const DISPUTE_BYTES_MAX = 256 << 10;
/** The most disputes of one list. */
const LIMIT = 32;

const list = <T>(reader: Reader<T>): Reader<T[]> => (value, path) => {
  if (!Array.isArray(value)) throw new WireError(path, "is not a list");
  return value.map((item, index) => reader(item, `${path}[${index}]`));
};

const readDispute = fieldsOf({
  number: integer(53, 1),
  mandateId: bytes(32),
  status: oneOf("open", "ruled", "closed"),
  mandate: readSignedMandate,
  receipt: readReceipt,
  terms: fieldsOf({ method: text, resource: text, order: optional(bytes(32)), disputes: readDisputes }),
  due: decimal(96),
  openedAt: integer(40),
  decideBy: integer(40),
  dispute: (value, path) => readMessageOfAny("dispute", value, path),
  by: oneOf("owner", "key"),
  agentsDispute: optional((value, path) => readMessageOfAny("dispute", value, path)),
  answer: optional((value, path) => readMessage("answer", value, path)),
  answeredAt: optional(integer(40)),
  ruling: optional((value, path) => readMessage("ruling", value, path)),
  ruledAt: optional(integer(40)),
  evidence: list(bytes(32)),
});

/** A dispute, as the processor shows it to those whom it concerns. Amounts in base units, times in unix seconds. */
export type DisputeStatus = Read<typeof readDispute>;

const readList = fieldsOf({
  disputes: list(readDispute),
  next: (value: unknown, path: string) => (value === null ? undefined : integer(53)(value, path)),
});

/** The bytes of a piece of evidence, and what they are, as in `application/json`. */
export interface EvidenceFile {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** What a payer objects to. */
export interface DisputeOpening {
  readonly mandateId: Hex;
  /** One of those that the terms name. */
  readonly reason: DisputeReason;
  /** The same in words, at most 4,096 bytes. */
  readonly text?: string;
  /** At most eight pieces, each at most 1 MiB. */
  readonly evidence?: readonly EvidenceFile[];
  /** When it is signed, in unix seconds; now if left out. Say it again to repeat the very same dispute. */
  readonly at?: number;
}

/** What a payee says to a dispute. */
export interface DisputeReply {
  readonly mandateId: Hex;
  /** What it says that it is owed, in base units. */
  readonly captured: bigint;
  readonly text?: string;
  readonly evidence?: readonly EvidenceFile[];
  readonly at?: number;
}

/** One party's disputes at one processor. */
export class DisputeClient {
  readonly #processor: ProcessorClient;
  readonly #venue: Venue;
  readonly #signer: AnySigner;
  readonly #now: () => number;

  /**
   * @param url The processor's URL.
   * @param venue The wallet and the processor.
   * @param signer Who speaks: a payer's mandate key, or the key of an owner's, a payee's or an arbiter's address.
   * @param options How the processor is asked; and `now`, the time in unix seconds, the system's if left out.
   * @throws TypeError when the URL is none.
   */
  constructor(url: string, venue: Venue, signer: AnySigner, options: ProcessorOptions & { now?: () => number } = {}) {
    this.#processor = new ProcessorClient(url, options);
    this.#venue = venue;
    this.#signer = signer;
    this.#now = options.now ?? (() => Math.floor(Date.now() / 1000));
  }

  /**
   * Disputes a mandate, and hands the evidence in. Where it fails in between, the same with the same `at` goes on.
   *
   * @throws WireError when it is too long; ProcessorRefusal, ProcessorError
   */
  async dispute(opening: DisputeOpening): Promise<DisputeStatus> {
    const { mandateId, reason, text = "", evidence: files = [], at = this.#now() } = opening;
    const message = { mandateId, reason, text, evidence: files.map(evidenceOf), at };
    const signed = await signMessageByAny("dispute", this.#signer, this.#venue, message);
    const opened = await this.#post("v1/disputes", mandateId, writeMessageOfAny("dispute", signed));
    return this.#handIn(mandateId, files, opened);
  }

  /**
   * Answers a dispute as the payee, and hands the evidence in. It can be answered once.
   *
   * @throws TypeError when the signer is a mandate's key; and as `dispute`.
   */
  async answer(reply: DisputeReply): Promise<DisputeStatus> {
    const { mandateId, captured, text = "", evidence: files = [], at = this.#now() } = reply;
    const { dispute } = await this.disputeOf(mandateId);
    const message = {
      dispute: messageHash("dispute", dispute.message),
      captured,
      text,
      evidence: files.map(evidenceOf),
      at,
    };
    // What could not be read there is not signed here.
    readMessage("answer", writeMessage("answer", { message, signature: `0x${"00".repeat(65)}` }));
    const signed = await signMessage("answer", this.#account(), this.#venue, message);
    const path = `v1/disputes/${mandateId}/answer`;
    return this.#handIn(mandateId, files, await this.#post(path, mandateId, writeMessage("answer", signed)));
  }

  /** Those that concern the signer, in the order of opening: the ones after number `after`, and where to go on. */
  async disputes(after = 0): Promise<{ disputes: DisputeStatus[]; next: number | undefined }> {
    const path = `v1/disputes?after=${after}&limit=${LIMIT}`;
    const headers = await this.#authorization(zeroHash);
    const answer = await this.#processor.json({ method: "GET", path, headers, bytesMax: LIMIT * DISPUTE_BYTES_MAX });
    const found = sensible(() => readList(answer, ""));
    for (const dispute of found.disputes) this.#check(dispute);
    return found;
  }

  /** The dispute of one mandate. */
  async disputeOf(mandateId: Hex): Promise<DisputeStatus> {
    const headers = await this.#authorization(mandateId);
    const path = `v1/disputes/${mandateId}`;
    return this.#about(mandateId, { method: "GET", path, headers });
  }

  /**
   * The bytes of a piece of evidence. Whatever the other side says that they are, save them and open them with care.
   *
   * @throws ProcessorError where they have another hash.
   */
  async evidence(mandateId: Hex, hash: Hex): Promise<Uint8Array> {
    const headers = await this.#authorization(mandateId);
    const path = `v1/disputes/${mandateId}/evidence/${hash}`;
    const found = await this.#processor.ask({ method: "GET", path, headers, bytesMax: EVIDENCE_BYTES_MAX });
    if (keccak256(found) !== hash.toLowerCase()) throw new ProcessorError("the processor gave other evidence");
    return found;
  }

  async #post(path: string, mandateId: Hex, signed: object): Promise<DisputeStatus> {
    const headers = { "Content-Type": "application/json" };
    return this.#about(mandateId, { method: "POST", path, headers, body: JSON.stringify(signed) });
  }

  /** The dispute in an answer, which is about this mandate. */
  async #about(mandateId: Hex, question: Question): Promise<DisputeStatus> {
    const answer = await this.#processor.json({ ...question, bytesMax: DISPUTE_BYTES_MAX });
    const found = sensible(() => readDispute(answer, ""));
    if (found.mandateId !== mandateId.toLowerCase()) throw new ProcessorError("the processor gave another dispute");
    return this.#check(found);
  }

  /** Mandate, terms and dispute belong together: whoever signed the mandate agreed to these terms. */
  #check(found: DisputeStatus): DisputeStatus {
    const { method, resource, order, disputes } = found.terms;
    const { mandate } = found.mandate;
    const { token, payee, amount, account, nonce } = mandate;
    const purchase = { method, resource, venue: this.#venue, token, payee, amount, disputes };
    const ref = reference(purchase, order === undefined ? { account, nonce } : { order });
    const ids = [word(idOf(this.#venue, mandate)), found.dispute.message.mandateId];
    if (ref !== mandate.ref || ids.some((id) => id !== found.mandateId)) {
      throw new ProcessorError("the processor gave terms that are not the mandate's");
    }
    return found;
  }

  async #handIn(mandateId: Hex, files: readonly EvidenceFile[], found: DisputeStatus): Promise<DisputeStatus> {
    for (const { bytes } of files) {
      const path = `v1/disputes/${mandateId}/evidence/${keccak256(bytes)}`;
      // Whoever says who it is does not wait for strangers.
      const headers = { "Content-Type": "application/octet-stream", ...(await this.#authorization(mandateId)) };
      await this.#processor.ask({ method: "POST", path, headers, body: Uint8Array.from(bytes) });
    }
    return files.length === 0 ? found : this.disputeOf(mandateId);
  }

  async #authorization(about: Hex): Promise<Record<string, string>> {
    return { Authorization: await accessHeader(this.#signer, this.#venue, about, this.#now() + ACCESS_S) };
  }

  #account(): LocalAccount {
    if ("signDigest" in this.#signer) throw new TypeError("a payee answers with the key of its address");
    return this.#signer;
  }
}

/**
 * What the header `Authorization` says to read of disputes at the venue's processor.
 *
 * @param about The mandate's id, or zero for all that concerns the signer.
 * @param until The last second, in unix seconds, at most an hour ahead.
 */
export async function accessHeader(signer: AnySigner, venue: Venue, about: Hex, until: number): Promise<string> {
  const access = { processor: venue.processor, about, until };
  const signed = await signMessageByAny("access", signer, venue, access);
  return `AEP2 ${Buffer.from(JSON.stringify(writeMessageOfAny("access", signed))).toString("base64url")}`;
}

/** What a message says of a piece of evidence. */
export function evidenceOf({ bytes, mediaType }: EvidenceFile): Evidence {
  return { hash: keccak256(bytes), mediaType, size: bytes.length };
}

function sensible<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    throw new ProcessorError(`the processor's answer makes no sense: ${cause.message}`, { cause });
  }
}
