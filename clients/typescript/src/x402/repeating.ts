/**
 * The same payment gets the same answer, for payees on Express or another framework over Node's own HTTP server.
 *
 * Connections break after the payment went out, and payers send it again. The handler must not run twice, and x402's SDK
 * keeps no answers. So they are kept here, around the SDK's middleware: paid ones, as long as they are small, for as long
 * as a payer may ask again. What is kept is what was sent, whether or not anybody was still there to read it.
 */

import { createHash } from "node:crypto";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";

import { decodeHeader } from "./headers.js";

/** How much is kept. */
export interface RepeatingConfig {
  /** For how long, in seconds; 600 if left out. */
  readonly keepSeconds?: number;
  /** The longest answer that is kept, in bytes; 256 KiB if left out. */
  readonly answerBytesMax?: number;
  /** All of them together, in bytes; 64 MiB if left out. The oldest go first. */
  readonly answersBytesMax?: number;
}

/** An answer as it was sent. Without a body it is not there yet. */
interface Kept {
  readonly until: number;
  status: number;
  headers: OutgoingHttpHeaders;
  body: Buffer | undefined;
}

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** What an answer takes beside its body, in bytes, near enough. */
const HEAD_BYTES = 4_096;

/** Middleware that goes before the SDK's: `app.use(repeating(), paymentMiddleware(…))`. */
export function repeating(config: RepeatingConfig = {}): Middleware {
  const { keepSeconds = 600, answerBytesMax = 256 << 10, answersBytesMax = 64 << 20 } = config;
  // In the order of asking: the oldest come first.
  const answers = new Map<string, Kept>();
  let bytes = 0;

  const forget = (key: string) => {
    const kept = answers.get(key);
    if (kept !== undefined && answers.delete(key)) bytes -= size(kept);
  };
  const makeRoom = (now: number) => {
    for (const [key, kept] of answers) {
      if (kept.until >= now && bytes <= answersBytesMax) break;
      forget(key);
    }
  };

  return (request, response, next) => {
    const payment = request.headers["payment-signature"];
    if (typeof payment !== "string") return next();
    const { originalUrl = request.url } = request as IncomingMessage & { originalUrl?: string };
    const key = createHash("sha256").update(`${request.method} ${originalUrl}\n${payment}`).digest("base64");
    const now = Date.now() / 1000;
    makeRoom(now);
    const known = answers.get(key);
    if (known?.body !== undefined) return void repeat(response, known, known.body);
    if (known !== undefined) return void response.writeHead(409, { "Retry-After": "1" }).end();

    const kept: Kept = { until: now + keepSeconds, status: 0, headers: {}, body: undefined };
    answers.set(key, kept);
    bytes += size(kept);
    copy(response, answerBytesMax, (body) => {
      forget(key);
      if (body === undefined || !isPaid(response)) return;
      answers.set(key, Object.assign(kept, { status: response.statusCode, headers: response.getHeaders(), body }));
      bytes += size(kept);
    });
    next();
  };
}

function repeat(response: ServerResponse, { status, headers }: Kept, body: Buffer): void {
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
  response.statusCode = status;
  response.end(body);
}

function size({ body }: Kept): number {
  return HEAD_BYTES + (body?.length ?? 0);
}

/** Whether an answer says that it was paid for. */
function isPaid(response: ServerResponse): boolean {
  const said = response.getHeader("PAYMENT-RESPONSE");
  try {
    return (decodeHeader(String(said), "PAYMENT-RESPONSE") as { success?: unknown }).success === true;
  } catch {
    return false;
  }
}

/** Copies what a response sends, and hands it over when it ends: nothing where it is longer than `most`. */
function copy(response: ServerResponse, most: number, ended: (body: Buffer | undefined) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const take = (chunk: unknown, encoding: unknown) => {
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return;
    const data = typeof chunk === "string" ? Buffer.from(chunk, toEncoding(encoding)) : Buffer.from(chunk);
    length += data.length;
    if (length <= most) chunks.push(data);
    else chunks.length = 0;
  };
  const { write, end } = response;
  response.write = function (this: ServerResponse, ...given: unknown[]) {
    take(given[0], given[1]);
    return Reflect.apply(write, response, given);
  } as typeof write;
  response.end = function (this: ServerResponse, ...given: unknown[]) {
    take(given[0], given[1]);
    Object.assign(response, { write, end });
    ended(length <= most ? Buffer.concat(chunks) : undefined);
    return Reflect.apply(end, response, given);
  } as typeof end;
}

function toEncoding(encoding: unknown): BufferEncoding {
  return typeof encoding === "string" && Buffer.isEncoding(encoding) ? encoding : "utf8";
}
