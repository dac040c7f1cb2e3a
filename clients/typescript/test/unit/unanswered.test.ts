/** Payments that were sent and not answered: the same purchase sends the same mandate, as in the Rust payer. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { readSignedMandate, mandateId } from "../../src/mandate.js";
import { PayError, UnansweredError } from "../../src/payer/error.js";
import { payingFetch, type PayingFetch } from "../../src/payer/fetch.js";
import { requestKey } from "../../src/payer/request-key.js";
import { encodeHeader } from "../../src/x402/headers.js";
import { NETWORK, VENUE, receiptOf } from "../support/processor.js";
import { written } from "../support/terms.js";
import { directory, journal, payer } from "../support/wallet.js";

/** How a paid request is answered: an entry of the table that every payer is tested with. */
interface Case {
  what: string;
  break?: "closed" | "silent" | "head" | "body" | "stream";
  status?: number;
  retryAfter?: number;
  settled?: object;
  receipt?: boolean;
  told?: "unanswered" | "answer" | "cut" | "refused";
  again?: "same" | "new";
}

const TABLE = new URL("../../../../../fixtures/answers.json", import.meta.url);
const CASES = JSON.parse(readFileSync(TABLE, "utf8")) as Case[];
const WELL: Case = { what: "well", status: 200, receipt: true };
const SILENT = CASES.find((entry) => entry.break === "silent") ?? WELL;

/** A payee that answers paid requests as it is told, and the mandates that it saw. */
async function scripted(t: TestContext, first: Case) {
  const payee = { now: first, url: "", seen: [] as string[], mandates: () => new Set(payee.seen).size };
  const server = createServer(async (request, response) => {
    const payment = request.headers["payment-signature"] as string | undefined;
    if (payment === undefined) {
      const accepts = [written({}, { order: `0x${"0d".repeat(32)}` })];
      response.writeHead(402, { "PAYMENT-REQUIRED": encodeHeader({ x402Version: 2, accepts }) });
      return void response.end();
    }
    const { payload } = JSON.parse(Buffer.from(payment, "base64").toString());
    const { mandate } = readSignedMandate(payload);
    payee.seen.push(String(mandateId(VENUE, mandate)));
    const settled = payee.now.receipt
      ? { success: true, transaction: "", network: NETWORK, extra: { receipt: await receiptOf(mandate) } }
      : payee.now.settled;
    answer(payee.now, settled, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  payee.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer`;
  return payee;
}

function answer(now: Case, settled: object | undefined, response: ServerResponse): void {
  const socket = response.socket;
  if (now.break === "silent") return;
  if (now.break === "closed") return void socket?.destroy();
  if (now.break === "head") return void socket?.end("HTTP/1.1 200 OK\r\nconte");
  const headers: Record<string, string> = {};
  if (settled !== undefined) headers["PAYMENT-RESPONSE"] = encodeHeader(settled);
  if (now.retryAfter !== undefined) headers["Retry-After"] = String(now.retryAfter);
  if (now.break === undefined) {
    response.writeHead(now.status ?? 200, { ...headers, "Content-Length": 4 });
    return void response.end("paid");
  }
  response.writeHead(200, now.break === "body" ? { ...headers, "Content-Length": 4 } : headers);
  response.write("pa", () => setTimeout(() => socket?.destroy(), 20));
}

async function told(asked: Promise<Response>): Promise<string> {
  let response;
  try {
    response = await asked;
  } catch (error) {
    if (error instanceof UnansweredError) return "unanswered";
    if (error instanceof PayError && error.code === "refused") return "refused";
    throw error;
  }
  return response.text().then(
    () => "answer",
    () => "cut",
  );
}

/** A paying fetch from a directory, as if its process had just begun. */
async function begun(t: TestContext, folder: string): Promise<PayingFetch> {
  return payingFetch(await payer(t, { directory: folder }), { attempts: 2, pauseMs: 1, timeoutMs: 400 });
}

for (const entry of CASES) {
  test(`nothing is paid twice after ${entry.what}`, async (t) => {
    const folder = directory(t);
    const payee = await scripted(t, entry);
    const pay = await begun(t, folder);
    assert.equal(await told(pay(payee.url)), entry.told);
    assert.equal(payee.mandates(), 1);
    const restarted = await begun(t, folder);
    payee.now = WELL;
    const mandates = entry.again === "same" ? 1 : 2;
    const [first, second] = entry.again === "same" ? [restarted, pay] : [pay, restarted];
    assert.equal(await told(first(payee.url)), "answer");
    assert.equal(payee.mandates(), mandates);
    // What has its answer is bought anew.
    assert.equal(await told(second(payee.url)), "answer");
    assert.equal(payee.mandates(), mandates + 1);
    assert.equal(journal(folder, "signed").length, mandates + 1);
  });
}

test("another body or another user is another purchase; a trace's number is not", async (t) => {
  const payee = await scripted(t, SILENT);
  const pay = await begun(t, directory(t));
  for (const [mandates, init] of [
    [1, { headers: { authorization: "one" } }],
    [2, { headers: { authorization: "another" } }],
    [3, { method: "POST", body: "one" }],
    [4, { method: "POST", body: "another" }],
    [5, { headers: { traceparent: "1" } }],
    [5, { headers: { traceparent: "2", "x-request-id": "3" } }],
    [5, { headers: { authorization: "one" } }],
  ] as const) {
    assert.equal(await told(pay(payee.url, init)), "unanswered");
    assert.equal(payee.mandates(), mandates);
  }
});

test("a payment whose deadline has passed is not sent again", async (t) => {
  const payee = await scripted(t, SILENT);
  let ahead = 0;
  const now = () => Math.floor(Date.now() / 1000) + ahead;
  const pay = payingFetch(await payer(t, { now }), { attempts: 1, timeoutMs: 200 });
  assert.equal(await told(pay(payee.url)), "unanswered");
  ahead = 3_600;
  assert.equal(await told(pay(payee.url)), "unanswered");
  assert.equal(payee.mandates(), 2);
});

test("a payment that the Rust payer left is found by its request", async () => {
  // The Rust payer's tests have the same.
  const url = "https://api.example.com/joke?about=money";
  const request = new Request(url, { headers: { accept: "text/plain", traceparent: "1" } });
  const key = "0x5a2b3f8e5938736646902eaaeacaf4051ef7f70d1a38fef48d3a00d821b72d65";
  assert.equal(await requestKey(request, "GET", url), key);
});
