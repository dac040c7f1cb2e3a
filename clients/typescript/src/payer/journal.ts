/**
 * What a payer signed, on disk before it leaves: a file of lines of JSON, only ever appended to.
 *
 * The format, and the lock, are those of the Rust payer (`crates/payer/src/journal.rs`), so programs of both
 * languages may pay from one directory at once. Whoever appends holds the lock, and reads first what the others
 * wrote. So nonces follow one another without gaps, over restarts and processes, and a day's limit is one limit.
 *
 * A line that a crash cut short was never synced, so its mandate never left: it is cut off. Anything else that
 * cannot be read is an error, and nothing is signed: a nonce used twice is a payment lost.
 */

import { randomInt } from "node:crypto";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

import type { Hex } from "viem";

import { writeSignedMandate, type SignedMandate, type WalletId } from "../mandate.js";
import { writeReceipt, type SignedReceipt } from "../receipt.js";
import { WireError, address, bytes, decimal, fieldsOf, integer, oneOf, optional, text, word, type Read } from "../wire.js";
import { lock, unlock } from "./lock.js";

/** The file in the payer's directory. */
export const JOURNAL_FILE = "payments.jsonl";
const VERSION = 1;

const time = integer(40);
const id = bytes(32);

const counted = fieldsOf({
  mandate: fieldsOf({ token: address, amount: decimal(96), nonce: decimal(64), deadline: time }),
});

/** What counts of a mandate, and the mandate as it is written. */
const signedMandate = (value: unknown, path: string) => ({ ...counted(value, path), written: value });

/** What is read of a line. Mandates and receipts in it are not looked at again, but for what counts. */
const READERS = {
  opened: fieldsOf({
    kind: oneOf("opened"),
    version: integer(32),
    account: integer(32, 1),
    chainId: integer(53),
    wallet: address,
    firstNonce: decimal(64),
  }),
  signed: fieldsOf({
    kind: oneOf("signed"),
    at: time,
    host: text,
    id,
    mandate: signedMandate,
    request: optional(fieldsOf({ key: bytes(32), method: text, resource: text, terms: text })),
  }),
  withheld: fieldsOf({ kind: oneOf("withheld"), id }),
  accepted: fieldsOf({ kind: oneOf("accepted"), at: time, id }),
  refused: fieldsOf({ kind: oneOf("refused"), at: time, id, reason: text }),
  captured: fieldsOf({ kind: oneOf("captured"), at: time, id, amount: decimal(96) }),
  answered: fieldsOf({ kind: oneOf("answered"), at: time, id }),
};

/** A line of a journal, as far as it is read. */
export type Line = { [K in keyof typeof READERS]: Read<(typeof READERS)[K]> }[keyof typeof READERS];

/** A line to be written. */
export type Entry = { readonly at: number; readonly id: bigint } & (
  | { kind: "signed"; host: string; mandate: SignedMandate; request?: Requested }
  | { kind: "withheld" }
  | { kind: "accepted"; receipt: SignedReceipt }
  | { kind: "refused"; reason: string }
  | { kind: "captured"; amount: bigint }
  | { kind: "answered" }
);

/** What a mandate was signed for: enough to know the request again, and to send the same payment. */
export interface Requested {
  /** What makes another request the same. */
  readonly key: Hex;
  readonly method: string;
  readonly resource: string;
  /** The payee's terms that were accepted, as JSON, as they came. */
  readonly terms: string;
}

/** Whose journal it is. */
export interface Owner extends WalletId {
  readonly account: number;
}

/** The journal cannot be used. Nothing is signed then. */
export class JournalError extends Error {
  override readonly name = "JournalError";
}

/** The file, and how far it was read. */
export class Journal {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #owner: Owner;
  #readTo = 0;

  private constructor(file: FileHandle, path: string, owner: Owner) {
    this.#file = file;
    this.#path = path;
    this.#owner = owner;
  }

  /**
   * Opens the journal in `directory`, makes it where there is none, and hands what it holds to `apply`.
   *
   * @throws JournalError
   */
  static async open(directory: string, owner: Owner, apply: (line: Line) => void): Promise<Journal> {
    const path = join(directory, JOURNAL_FILE);
    let journal;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      journal = new Journal(await open(path, "a+", 0o600), path, owner);
    } catch (cause) {
      throw new JournalError(`the journal ${path}: ${message(cause)}`, { cause });
    }
    try {
      await journal.locked(apply, async () => {});
      // The file's name is on disk too before anything that it holds leaves.
      const folder = await open(directory, "r");
      await folder.sync().finally(() => folder.close());
      return journal;
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /**
   * With the file locked, and all that others wrote handed to `apply`, does `work`.
   *
   * @throws JournalError, or what `work` throws.
   */
  async locked<T>(apply: (line: Line) => void, work: (held: Held) => Promise<T>): Promise<T> {
    const { fd } = this.#file;
    try {
      await lock(fd);
      try {
        await this.#catchUp(apply);
        return await work({ append: (entries) => this.#append(entries.map(written), entries.some(leaves)) });
      } finally {
        unlock(fd);
      }
    } catch (cause) {
      if (cause instanceof JournalError) throw cause;
      throw new JournalError(`the journal ${this.#path}: ${message(cause)}`, { cause });
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #append(lines: object[], sync: boolean): Promise<void> {
    if (lines.length === 0) return;
    const data = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    await this.#file.appendFile(data);
    if (sync) await this.#file.datasync();
    this.#readTo += data.length;
  }

  /** Reads what was appended since, and cuts off a line that was cut short. */
  async #catchUp(apply: (line: Line) => void): Promise<void> {
    const { size } = await this.#file.stat();
    if (size < this.#readTo) throw new JournalError(`the journal ${this.#path} is shorter than it was`);
    const fresh = Buffer.alloc(size - this.#readTo);
    for (let read = 0; read < fresh.length; ) {
      const { bytesRead } = await this.#file.read(fresh, read, fresh.length - read, this.#readTo + read);
      if (bytesRead === 0) throw new JournalError(`the journal ${this.#path} ended while it was read`);
      read += bytesRead;
    }
    for (let start = 0; start < fresh.length; ) {
      const end = fresh.indexOf(0x0a, start);
      if (end < 0) {
        await this.#file.truncate(this.#readTo);
        break;
      }
      const line = this.#parse(fresh.toString("utf8", start, end));
      if (this.#readTo === 0) this.#checkOwner(line);
      apply(line);
      this.#readTo += end + 1 - start;
      start = end + 1;
    }
    if (this.#readTo === 0) {
      const first = this.#first();
      await this.#append([first], true);
      apply(READERS.opened(first, ""));
    }
  }

  #parse(text: string): Line {
    try {
      const line = JSON.parse(text) as { kind?: unknown };
      const kind = oneOf(...(Object.keys(READERS) as Line["kind"][]))(line?.kind, "kind");
      return READERS[kind](line, "");
    } catch (cause) {
      if (!(cause instanceof WireError || cause instanceof SyntaxError)) throw cause;
      const at = `${this.#path} is damaged at byte ${this.#readTo}`;
      throw new JournalError(`the journal ${at}: ${cause.message}`, { cause });
    }
  }

  #first() {
    const { account, chainId, wallet } = this.#owner;
    // It starts a word drawn at random, so that two journals of one account seldom meet; below 2^22, since the wallet
    // keeps the word that an account is at beside its balance, which is cheap, for words below 2^23.
    const firstNonce = (BigInt(randomInt(2 ** 22)) << 7n).toString();
    return { kind: "opened", version: VERSION, account, chainId, wallet, firstNonce };
  }

  #checkOwner(first: Line): void {
    const path = this.#path;
    if (first.kind !== "opened") {
      throw new JournalError(`the journal ${path} is damaged: its first line does not say whose it is`);
    }
    if (first.version !== VERSION) {
      throw new JournalError(`the journal ${path} has version ${first.version}, this program reads ${VERSION}`);
    }
    const { account, chainId, wallet } = this.#owner;
    if (first.account !== account || first.chainId !== chainId || first.wallet !== wallet) {
      const words = (owner: Owner) =>
        `account ${owner.account} in the wallet ${owner.wallet} on chain ${owner.chainId}`;
      throw new JournalError(`the journal ${path} is that of ${words(first)}, not of ${words(this.#owner)}`);
    }
  }
}

/** What may be done while the journal is locked. */
export interface Held {
  /** Appends lines, and syncs them where a mandate is among them. */
  append(entries: Entry[]): Promise<void>;
}

function leaves({ kind }: Entry): boolean {
  return kind === "signed";
}

/** A line as it stands in the file. */
function written(entry: Entry): object {
  const { kind, at } = entry;
  const id = word(entry.id);
  switch (kind) {
    case "signed":
      return {
        kind,
        at,
        host: entry.host,
        id,
        mandate: writeSignedMandate(entry.mandate),
        ...(entry.request && { request: entry.request }),
      };
    case "withheld":
      return { kind, id };
    case "accepted":
      return { kind, at, id, receipt: writeReceipt(entry.receipt) };
    case "refused":
      return { kind, at, id, reason: entry.reason };
    case "captured":
      return { kind, at, id, amount: entry.amount.toString() };
    case "answered":
      return { kind, at, id };
  }
}

function message(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
