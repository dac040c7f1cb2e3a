/**
 * Asking a processor, by its own interface (`docs/api.md`): answers are bounded, and asked for again where there is none.
 */

import { setTimeout as sleep } from "node:timers/promises";

import { writeSignedMandate, type SignedMandate } from "./mandate.js";
import type { Preimage } from "./purchase.js";
import { fieldsOf, text } from "./wire.js";

/** The processor refuses: asking again will not help. */
export class ProcessorRefusal extends Error {
  override readonly name = "ProcessorRefusal";

  constructor(
    /** Its code, stable. */
    readonly code: string,
    message: string,
  ) {
    super(`${code}: ${message}`);
  }
}

/** The processor gave no answer to act on. Whether it did what was asked is not known. */
export class ProcessorError extends Error {
  override readonly name = "ProcessorError";
}

/** How a processor is asked. */
export interface ProcessorOptions {
  /** How often it is asked in all, where it does not answer; 3 if left out. */
  readonly attempts?: number;
  /** Between two attempts, in milliseconds, twice as long each time; 200 if left out. */
  readonly pauseMs?: number;
  /** How long an answer is waited for, in milliseconds; 5,000 if left out. */
  readonly timeoutMs?: number;
}

/** What is asked. */
export interface Question {
  readonly method: "GET" | "POST";
  /** Below the processor's URL, without a slash in front. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** The longest answer that is read, in bytes; 64 KiB if left out. */
  readonly bytesMax?: number;
}

/** The longest answer that is read, in bytes. A receipt takes about 600. */
const BYTES_MAX = 64 << 10;
/** Statuses that another attempt may change. */
const PASSING = [408, 429, 500, 502, 503, 504];

const refusal = fieldsOf({ error: fieldsOf({ code: text, message: text }) });
const accepted = fieldsOf({ receipt: (value: unknown) => value });

/** A processor at a URL. */
export class ProcessorClient {
  readonly #base: string;
  readonly #attempts: number;
  readonly #pauseMs: number;
  readonly #timeoutMs: number;

  /** @throws TypeError when the URL is none. */
  constructor(url: string, options: ProcessorOptions = {}) {
    this.#base = new URL(url).href.replace(/\/*$/, "/");
    this.#attempts = options.attempts ?? 3;
    this.#pauseMs = options.pauseMs ?? 200;
    this.#timeoutMs = options.timeoutMs ?? 5_000;
  }

  /**
   * Hands in a mandate, with what its `ref` was made of. Gives the receipt as it came: `checkReceipt` says whether it is
   * one.
   *
   * @throws ProcessorRefusal, ProcessorError
   */
  async handIn(signed: SignedMandate, terms: Preimage): Promise<unknown> {
    const body = JSON.stringify({ ...writeSignedMandate(signed), terms });
    const headers = { "Content-Type": "application/json" };
    const answer = await this.json({ method: "POST", path: "v1/mandates", headers, body });
    return sensible(() => accepted(answer, "").receipt);
  }

  /**
   * Asks for JSON.
   *
   * @throws ProcessorRefusal, ProcessorError
   */
  async json(question: Question): Promise<unknown> {
    const bytes = await this.ask(question);
    return sensible(() => parse(bytes));
  }

  /**
   * Asks, again where there is no answer or the processor is busy, and gives the answer's bytes.
   *
   * @throws ProcessorRefusal, ProcessorError
   */
  async ask(question: Question): Promise<Uint8Array> {
    for (let attempt = 1, pause = this.#pauseMs; ; attempt++, pause *= 2) {
      let why: unknown;
      try {
        const { status, ok, bytes } = await this.#once(question);
        if (ok) return bytes;
        if (!PASSING.includes(status)) throw refused(status, bytes);
        why = `status ${status}`;
      } catch (error) {
        if (error instanceof ProcessorRefusal || error instanceof ProcessorError) throw error;
        why = error;
      }
      if (attempt >= this.#attempts) {
        throw new ProcessorError(`the processor does not answer: ${words(why)}`, { cause: why });
      }
      await sleep(pause);
    }
  }

  async #once({ method, path, headers, body, bytesMax = BYTES_MAX }: Question) {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      ...(headers && { headers }),
      ...(body !== undefined && { body }),
      // What is handed in is for this processor.
      redirect: "error",
      signal: AbortSignal.timeout(this.#timeoutMs),
    });
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > bytesMax) throw new ProcessorError(`the processor answers with more than ${bytesMax} bytes`);
      chunks.push(chunk);
    }
    return { status: response.status, ok: response.ok, bytes: Buffer.concat(chunks) };
  }
}

function refused(status: number, bytes: Uint8Array): ProcessorRefusal | ProcessorError {
  try {
    const { code, message } = refusal(parse(bytes), "").error;
    return new ProcessorRefusal(code, message);
  } catch {
    return new ProcessorError(`the processor answers with status ${status} and no reason`);
  }
}

function parse(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

function sensible<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new ProcessorError(`the processor's answer makes no sense: ${words(cause)}`, { cause });
  }
}

/** An error with its causes: Node's `fetch` says why it failed only there. */
function words(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${words(error.cause)}`;
}
