/**
 * Paying: an account, a key, limits, and a journal of what was signed.
 *
 * A `Payer` turns a purchase into a signed mandate once it is for the payer's own wallet and processor, its limits
 * allow it, and the mandate is on disk. It may be used by many calls at once, and several processes may pay from one
 * directory: those that wait together share a lock of the journal and a sync.
 *
 * **Chains.** A mandate follows one whose receipt came back, and never another. Mandates that are on their way at the
 * same time follow different ones: the accepted ones wait in a list, a signature takes one out, and its own mandate
 * takes that one's place when it is accepted. One that was refused gives back what it would have followed; one that
 * was not answered gives back nothing. Restarts begin new chains.
 */

import { zeroAddress, type Address, type Hex } from "viem";

import type { PaymentRequirements } from "@x402/core/types";

import { longerSeconds } from "../disputes.js";
import type { MandateKey } from "../key.js";
import { readSignedMandate, writeSignedMandate } from "../mandate.js";
import { ProcessorClient, ProcessorRefusal } from "../processor.js";
import { preimage, reference, signatories, type Purchase, type Venue } from "../purchase.js";
import { SKEW_S, checkReceipt, checkStatement, type IssueTimes, type SignedReceipt } from "../receipt.js";
import { Signer, type Released, type Signed } from "../signer.js";
import { readTerms, type Terms } from "../terms.js";
import { WireError, address, word } from "../wire.js";
import { NotHandedInError, PayError } from "./error.js";
import { Journal, JournalError, type Entry, type Line, type Requested } from "./journal.js";
import { Bounds, Known, type Limits } from "./limits.js";
import { Waiting } from "./unanswered.js";

/** What a payer agrees to of disputes. */
export interface AcceptedDisputes {
  /** Whom it lets decide, by address. */
  readonly arbiters: readonly string[];
  /** The URL of its processor, which it tells before its payee has a mandate that can be disputed. */
  readonly processor: string;
}

/** Who pays, and within which bounds. */
export interface PayerConfig {
  /** The account that pays. */
  readonly account: number;
  /** Its wallet, and its processor: receipts of no other are worth anything to it. */
  readonly venue: Venue;
  /** The key that is registered on the account. */
  readonly key: MandateKey;
  /** What may be spent. */
  readonly limits: Limits;
  /** Where the journal is. All that pay from this account on this machine share it. */
  readonly directory: string;
  /** What is agreed to of disputes. Terms that name an arbiter are not signed, if left out. */
  readonly disputes?: AcceptedDisputes;
  /**
   * The longest time to settlement that is agreed to, in seconds; an hour if left out. Payments that can be disputed
   * may take longer, by their times to dispute and to decide and a third of them.
   */
  readonly settleWithinSecondsMax?: number;
  /** How much later than needed a mandate expires, in seconds, for clocks that differ; 300 if left out. */
  readonly deadlineMarginSeconds?: number;
  /**
   * By how many seconds the processor's clock may differ; 90 if left out. With a receipt from further away, nothing
   * shows that the processor has the mandate.
   */
  readonly skewSeconds?: number;
  /** The time in unix seconds; the system's if left out. */
  readonly now?: () => number;
}

/** The longest time that a payee's order is waited for, in seconds, whatever it asks for. */
const TIMEOUT_S_MAX = 600;
/** How many chains are kept going in one token. */
const CHAINS_MAX = 64;
/** How many payments share a lock and a sync. */
const TOGETHER_MAX = 64;

/** One turn at the journal: what it writes, and what it answers once that is on disk. */
interface Turn {
  readonly work: () => { entries: Entry[]; answer: unknown };
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One account's key, limits and journal. */
export class Payer {
  readonly #config: PayerConfig;
  readonly #signer: Signer;
  readonly #journal: Journal;
  readonly #known: Known;
  readonly #waiting: Waiting;
  readonly #arbiters: ReadonlySet<Address>;
  readonly #processor: ProcessorClient | undefined;
  readonly #chains = new Map<Address, Released[]>();
  readonly #turns: Turn[] = [];
  #serving: Promise<void> | undefined;
  #failed: JournalError | undefined;

  /** What may be spent. */
  readonly bounds: Bounds;
  /** Where its payments count. */
  readonly venue: Venue;

  private constructor(config: PayerConfig, venue: Venue, journal: Journal, known: Known, waiting: Waiting) {
    this.#config = config;
    this.venue = venue;
    this.bounds = new Bounds(config.limits);
    this.#signer = new Signer(config.key, venue);
    this.#journal = journal;
    this.#known = known;
    this.#waiting = waiting;
    const { disputes } = config;
    this.#arbiters = new Set(disputes?.arbiters.map(arbiterOf));
    this.#processor = disputes && new ProcessorClient(disputes.processor);
  }

  /**
   * Opens the payer's journal, or makes it.
   *
   * @throws JournalError when it cannot be read or made, or is another account's; WireError and
   *   TypeError when what is said about disputes is no address or no URL.
   */
  static async open(config: PayerConfig): Promise<Payer> {
    const { chainId, wallet, processor } = config.venue;
    const venue = { chainId, wallet: address(wallet, "wallet"), processor: address(processor, "processor") };
    const [known, waiting] = [new Known(), new Waiting()];
    const { account, directory, disputes } = config;
    disputes?.arbiters.forEach(arbiterOf);
    if (disputes !== undefined) new URL(disputes.processor);
    const journal = await Journal.open(directory, { account, ...venue }, (line) => {
      known.apply(line);
      waiting.apply(line);
    });
    return new Payer(config, venue, journal, known, waiting);
  }

  /** The time, in unix seconds. */
  now(): number {
    return this.#config.now?.() ?? Math.floor(Date.now() / 1000);
  }

  /**
   * Checks what can be checked of a payee's terms before anything is signed: that they are for this payer's wallet
   * and processor, let nobody decide about disputes who is not accepted, settle soon enough, and are within the
   * limits for one payment. Gives what they sell.
   *
   * @throws PayError, LimitError
   */
  check(terms: Terms, method: string, resource: string): Purchase {
    for (const field of ["chainId", "wallet", "processor"] as const) {
      const [offered, expected] = [terms.offer.venue[field], this.venue[field]];
      if (offered !== expected) throw PayError.mismatch(field, offered, expected);
    }
    if (terms.method !== undefined && terms.method !== method) {
      throw PayError.mismatch("method", terms.method, method);
    }
    const { disputes } = terms.offer;
    if (disputes !== undefined && !this.#arbiters.has(disputes.arbiter)) {
      const what = `the payee's terms let ${disputes.arbiter} decide about disputes`;
      const why = "which is none of the arbiters that this payer accepts";
      throw new PayError("disputes", `${what}, ${why}: if you trust it, name it in \`disputes.arbiters\` of the payer`);
    }
    const most = (this.#config.settleWithinSecondsMax ?? 3_600) + longerSeconds(disputes);
    if (terms.settleWithinSeconds > most) {
      throw PayError.mismatch("seconds to settle within", terms.settleWithinSeconds, `at most ${most}`);
    }
    const purchase = { ...terms.offer, method, resource };
    this.bounds.checkCall({ ...purchase, host: new URL(resource).host });
    return purchase;
  }

  /**
   * Signs a mandate for a purchase. It is on disk when this resolves, and is to be sent then, or withheld. With
   * `request`, the same request finds it by `unanswered` until it has its answer.
   *
   * @throws LimitError, JournalError; nothing is signed then.
   */
  async authorise(purchase: Purchase, terms: Terms, request?: Requested): Promise<Sent> {
    const { token, payee, amount } = purchase;
    const { account, deadlineMarginSeconds = 300, skewSeconds: skew = SKEW_S } = this.#config;
    // Nobody saw the mandate before.
    const from = this.now();
    const { settleWithinSeconds, maxTimeoutSeconds } = terms;
    const { host } = new URL(purchase.resource);
    const [signed, followed] = await this.#turn(() => {
      const now = this.now();
      this.bounds.check({ token, payee, amount, host }, this.#known, now);
      const nonce = this.#known.nextNonce;
      if (nonce === undefined || nonce >> 64n > 0n) throw new JournalError("there is no nonce left");
      const ref = reference(purchase, terms.order === undefined ? { account, nonce } : { order: terms.order });
      const wait = Math.min(maxTimeoutSeconds, TIMEOUT_S_MAX);
      const deadline = now + settleWithinSeconds + wait + deadlineMarginSeconds;
      const followed = this.#chains.get(token)?.pop();
      const signed = this.#signer.sign({ account, token, payee, amount, nonce, deadline, ref }, followed);
      const entry: Entry = { kind: "signed", at: now, host, id: signed.id, mandate: signed, ...(request && { request }) };
      this.#waiting.take(word(signed.id));
      return { entries: [entry], answer: [signed, followed] as const };
    });
    const times = () => ({ from, now: this.now(), skew });
    const letGo = () => this.#waiting.letGo(word(signed.id));
    return new Sent(signed, purchase, times, (outcome) => this.#conclude(signed, outcome, followed), letGo);
  }

  /**
   * Hands the mandate in at the processor, where its terms agree to disputes; else does nothing. To be called before the
   * payment goes to its payee, however often. `order` is the payee's number, as in the terms.
   *
   * A processor holds a mandate for disputes only if it is told of them when it accepts it, and it accepts it once. A
   * payee that kept that to itself would have the mandate settled at once, with nobody to complain to.
   *
   * @throws PayError where the processor refuses: nothing is paid. NotHandedInError where it is silent, or its receipt
   *   is not what the terms say: the same request hands the same mandate in again.
   */
  async handIn(sent: Sent, order: Hex | undefined): Promise<void> {
    const told = preimage(sent.purchase, order);
    if (told === undefined) return;
    try {
      if (this.#processor === undefined) throw new Error("this payer accepts no disputes");
      const receipt = await this.#processor.handIn(sent.signed, told);
      // It may have been accepted at any time since it was signed.
      const times = { from: 0, now: this.now(), skew: this.#config.skewSeconds ?? SKEW_S };
      await checkReceipt(receipt, sent.signed.mandate, signatories(sent.purchase), times);
    } catch (error) {
      if (!(error instanceof ProcessorRefusal)) throw new NotHandedInError(sent.id, error);
      const { code, message } = error;
      await sent.refused(code);
      const words = `the processor refused the payment: ${message}`;
      throw new PayError("refused_by_processor", words, code, { cause: error });
    }
  }

  /**
   * The payment that was signed for this request and has no final answer, by any program that pays from this
   * directory. Where there is one it is to be sent again, and nothing else is to be signed.
   *
   * @throws LimitError where the limits for one payment do not allow it any more; JournalError
   */
  async unanswered(key: Hex): Promise<{ sent: Sent; written: PaymentRequirements } | undefined> {
    const found = await this.#turn(() => ({ entries: [], answer: this.#waiting.find(key, this.now()) }));
    if (found === undefined) return undefined;
    const letGo = () => this.#waiting.letGo(found.id);
    try {
      const { method, resource, terms } = found.request;
      const written = JSON.parse(terms) as PaymentRequirements;
      const purchase = { ...readTerms(written).offer, method, resource };
      this.bounds.checkCall({ ...purchase, host: new URL(resource).host });
      const signed = { ...readSignedMandate(found.mandate.written), id: BigInt(found.id) };
      const { skewSeconds: skew = SKEW_S } = this.#config;
      const times = () => ({ from: found.at, now: this.now(), skew });
      // It is in no chain of this payer's any more.
      const tell = (outcome: Outcome) => this.#note(signed, outcome);
      return { sent: new Sent(signed, purchase, times, tell, letGo), written };
    } catch (error) {
      letGo();
      throw error;
    }
  }

  /**
   * What was spent in `token` in the last 24 hours, in base units, by all that share the journal: in all, or on one
   * host.
   *
   * @throws JournalError
   */
  spent(token: string, host?: string): Promise<bigint> {
    const of = address(token, "token");
    return this.#turn(() => ({ entries: [], answer: this.#known.spent(of, this.now(), host) }));
  }

  /** Closes the journal, once everything that was asked before is in it. */
  async close(): Promise<void> {
    this.#failed ??= new JournalError("the payer is closed");
    await this.#serving;
    await this.#journal.close();
  }

  /** Writes down what became of a mandate, and lets another follow what may be followed. */
  async #conclude(signed: Signed, outcome: Outcome, followed: Released | undefined): Promise<void> {
    await this.#note(signed, outcome);
    if (outcome.kind === "captured" || outcome.kind === "answered") return;
    const next = outcome.kind === "accepted" ? this.#signer.released(signed) : followed;
    const { token } = signed.mandate;
    const chains = this.#chains.get(token) ?? [];
    if (next !== undefined && chains.length < CHAINS_MAX) this.#chains.set(token, [...chains, next]);
  }

  #note(signed: Signed, outcome: Outcome): Promise<void> {
    const entry = { ...outcome, at: this.now(), id: signed.id };
    return this.#turn(() => ({ entries: [entry], answer: undefined }));
  }

  #turn<T>(work: () => { entries: Entry[]; answer: T }): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#failed);
      this.#turns.push({ work, resolve: resolve as (answer: unknown) => void, reject });
      this.#serving ??= this.#serve();
    });
  }

  /** Takes all that wait, locks the journal once for them, syncs once, and only then answers. */
  async #serve(): Promise<void> {
    while (this.#turns.length > 0) {
      const turns = this.#turns.splice(0, TOGETHER_MAX);
      let begun = false;
      try {
        const answers = await this.#journal.locked(
          (line) => this.#apply(line),
          async (held) => {
            begun = true;
            const { entries, answers } = this.#work(turns);
            await held.append(entries);
            return answers;
          },
        );
        for (const answer of answers) answer();
      } catch (error) {
        const failed = error instanceof JournalError ? error : new JournalError(String(error), { cause: error });
        // What is on disk is not certain then, and neither are nonces and sums: nothing more is signed.
        if (begun) this.#failed = failed;
        for (const { reject } of [...turns, ...(begun ? this.#turns.splice(0) : [])]) reject(failed);
      }
    }
    this.#serving = undefined;
  }

  /** Does what was asked, one after the other: each sees what the ones before it did. */
  #work(turns: Turn[]): { entries: Entry[]; answers: (() => void)[] } {
    const entries: Entry[] = [];
    const answers = turns.map(({ work, resolve, reject }) => {
      try {
        const done = work();
        for (const entry of done.entries) this.#count(entry);
        entries.push(...done.entries);
        return () => resolve(done.answer);
      } catch (error) {
        return () => reject(error);
      }
    });
    return { entries, answers };
  }

  #count(entry: Entry): void {
    const id = word(entry.id);
    switch (entry.kind) {
      case "signed": {
        const mandate = { mandate: entry.mandate.mandate, written: writeSignedMandate(entry.mandate) };
        return this.#apply({ ...entry, id, mandate, request: entry.request });
      }
      case "accepted":
        return;
      default:
        return this.#apply({ ...entry, id });
    }
  }

  #apply(line: Line): void {
    this.#known.apply(line);
    this.#waiting.apply(line);
  }
}

/** An arbiter's address: not the zero address, which in a receipt means nobody. @throws WireError */
function arbiterOf(arbiter: string): Address {
  const found = address(arbiter, "disputes.arbiters");
  if (found === zeroAddress) throw new WireError("disputes.arbiters", "has the zero address");
  return found;
}

/** What became of a mandate. */
type Outcome =
  | { kind: "accepted"; receipt: SignedReceipt }
  | { kind: "refused"; reason: string }
  | { kind: "withheld" }
  | { kind: "captured"; amount: bigint }
  | { kind: "answered" };

/**
 * A signed mandate that is on disk, to be sent now. Say once how it fared; where nothing is said, nothing is built
 * upon it.
 */
export class Sent {
  readonly #times: () => IssueTimes;
  readonly #tell: (outcome: Outcome) => Promise<void>;
  readonly #letGo: () => void;
  #concluded = false;

  /** @internal */
  constructor(
    /** The mandate. */
    readonly signed: Signed,
    /** What it pays for. */
    readonly purchase: Purchase,
    times: () => IssueTimes,
    tell: (outcome: Outcome) => Promise<void>,
    letGo: () => void,
  ) {
    this.#times = times;
    this.#tell = tell;
    this.#letGo = letGo;
  }

  /** The mandate's id, as it is written. */
  get id(): Hex {
    return word(this.signed.id);
  }

  /**
   * An answer came, with this as its receipt. It is believed when it is the processor's promise for this mandate.
   *
   * @throws ReceiptError; nothing is known then. ClockError where it is, but a clock is wrong.
   */
  async accepted(value: unknown): Promise<SignedReceipt> {
    const receipt = await checkReceipt(value, this.signed.mandate, signatories(this.purchase), this.#times());
    await this.#conclude({ kind: "accepted", receipt });
    return receipt;
  }

  /** The payee refused it. It may still be handed in, and counts as spent. */
  refused(reason: string): Promise<void> {
    return this.#conclude({ kind: "refused", reason });
  }

  /** It did not leave, and never will. */
  withheld(): Promise<void> {
    return this.#conclude({ kind: "withheld" });
  }

  /**
   * The processor states what was captured, in base units. Where the statement holds, the rest counts for no limit
   * any more.
   *
   * @throws ReceiptError when it does not.
   */
  async captured(statement: unknown): Promise<bigint> {
    const { receipt } = await checkStatement(statement, this.signed.mandate, signatories(this.purchase), this.#times());
    await this.#tell({ kind: "captured", amount: receipt.amount });
    return receipt.amount;
  }

  /** The request has its answer, to the end: the same request is a new purchase from here on. */
  answered(): Promise<void> {
    return this.#tell({ kind: "answered" });
  }

  /** Nobody waits for its answer any more, and it has none: the same request sends it again. */
  letGo(): void {
    this.#letGo();
  }

  async #conclude(outcome: Outcome): Promise<void> {
    if (this.#concluded) return;
    this.#concluded = true;
    await this.#tell(outcome);
  }
}
