/** Disputing at a processor: what is sent, what is signed, and what is believed of the answers. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { keccak256, zeroHash, type Hex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

import { DisputeClient, accessHeader } from "../../src/dispute-client.js";
import type { Disputes } from "../../src/disputes.js";
import { MandateKey } from "../../src/key.js";
import { writeSignedMandate } from "../../src/mandate.js";
import { checkMessage, checkMessageOfAny, messageHash, readMessageOfAny } from "../../src/messages.js";
import { ProcessorClient, ProcessorError, ProcessorRefusal } from "../../src/processor.js";
import { reference } from "../../src/purchase.js";
import { Signer } from "../../src/signer.js";
import { WireError, word } from "../../src/wire.js";
import { TOKEN, VENUE, receiptOf } from "../support/processor.js";
import { PAYEE } from "../support/terms.js";

const KEY = new MandateKey(`0x${"07".repeat(32)}`);
const OWNER = privateKeyToAccount(`0x${"0a".repeat(32)}`);
const SELLER = privateKeyToAccount(`0x${"0b".repeat(32)}`);
const DISPUTES: Disputes = {
  arbiter: SELLER.address,
  windowSeconds: 60,
  rulingSeconds: 120,
  reasons: ["other", "overcharge", "unauthorized"],
  silenceRefunds: false,
};
const TERMS = { method: "GET", resource: "http://shop.example/joke", order: word(3n), disputes: DISPUTES };
const PRICE = { token: TOKEN, payee: PAYEE, amount: 1000n };
const MANDATE = {
  ...PRICE,
  account: 7,
  nonce: 0n,
  deadline: 2_000_000_000,
  ref: reference({ ...TERMS, ...PRICE, venue: VENUE }, TERMS),
  prev: 0n,
};
const SIGNED = writeSignedMandate(new Signer(KEY, VENUE).sign(MANDATE));
const LOG = { bytes: Buffer.from("the log"), mediaType: "text/plain" };
const NOW = 1_900_000_000;

interface Call {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

interface Answer {
  status: number;
  body: string | Buffer;
  headers?: Record<string, string>;
}

/** A register of one dispute, which shows to everybody what it was told, and what it is made to say instead. */
async function register(t: TestContext) {
  const receipt = await receiptOf(MANDATE);
  const mandateId: Hex = receipt.receipt.mandateId;
  const state = {
    mandateId,
    calls: [] as Call[],
    shown: undefined as Record<string, unknown> | undefined,
    evidence: new Map<string, Buffer>(),
    lie: undefined as ((path: string) => Answer | undefined) | undefined,
    url: "",
  };
  const show = () => ({ ...state.shown, evidence: [...state.evidence.keys()] });
  const honest = ({ method, path, body }: Call): Answer => {
    const json = (value: unknown, status = 200) => ({ status, body: JSON.stringify(value) });
    if (path === "/v1/disputes" && method === "POST") {
      const times = { openedAt: NOW, decideBy: NOW + 180 };
      const said = { dispute: JSON.parse(body.toString()), due: "1000", by: "key", terms: TERMS, mandate: SIGNED };
      state.shown = { number: 1, mandateId, status: "open", receipt, ...times, ...said };
      return json(show(), 201);
    }
    if (state.shown === undefined) return json({ error: { code: "unknown_dispute", message: "none" } }, 404);
    if (path.startsWith("/v1/disputes?")) return json({ disputes: [show()], next: 1 });
    if (path.endsWith("/answer")) {
      state.shown = { ...state.shown, answer: JSON.parse(body.toString()), answeredAt: NOW };
      return json(show());
    }
    const hash = /\/evidence\/(0x[0-9a-f]{64})$/.exec(path)?.[1];
    if (hash !== undefined && method === "POST") {
      assert.equal(hash, keccak256(body));
      state.evidence.set(hash, body);
      return { status: 200, body: "" };
    }
    return hash === undefined ? json(show()) : { status: 200, body: state.evidence.get(hash) ?? "" };
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url: path = "", headers } = request;
    const call = { method, path, headers, body: Buffer.concat(chunks) };
    state.calls.push(call);
    const answer = state.lie?.(path) ?? honest(call);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = (signer: ConstructorParameters<typeof DisputeClient>[2]) =>
    new DisputeClient(state.url, VENUE, signer, { now: () => NOW, pauseMs: 1 });
  return { state, client };
}

/** The access in a header `Authorization`. */
function accessOf({ headers }: Call): unknown {
  const [scheme, encoded = ""] = (headers.authorization ?? "").split(" ");
  assert.deepEqual([scheme, /^[A-Za-z0-9_-]+$/.test(encoded)], ["AEP2", true]);
  return JSON.parse(Buffer.from(encoded, "base64url").toString());
}

test("a payer disputes with its mandate's key, and its evidence follows", async (t) => {
  const { state, client } = await register(t);
  const { mandateId } = state;
  const found = await client(KEY).dispute({ mandateId, reason: "other", text: "It was empty.", evidence: [LOG] });
  assert.deepEqual(state.calls.map(({ method, path }) => `${method} ${path}`), [
    "POST /v1/disputes",
    `POST /v1/disputes/${mandateId}/evidence/${keccak256(LOG.bytes)}`,
    `GET /v1/disputes/${mandateId}`,
  ]);
  const [opened, brought, read] = state.calls;
  const signed = await checkMessageOfAny("dispute", JSON.parse(opened!.body.toString()), KEY.publicKey, VENUE);
  const piece = { hash: keccak256(LOG.bytes), mediaType: "text/plain", size: LOG.bytes.length };
  assert.deepEqual(signed, { mandateId, reason: "other", text: "It was empty.", evidence: [piece], at: NOW });
  assert.deepEqual(brought?.body, LOG.bytes);
  const access = await checkMessageOfAny("access", accessOf(read!), KEY.publicKey, VENUE);
  assert.deepEqual([access.processor, access.about], [VENUE.processor, mandateId]);
  assert.ok(access.until > NOW && access.until <= NOW + 3_600);
  assert.deepEqual([found.status, found.due, found.decideBy, found.evidence], ["open", 1000n, NOW + 180, [piece.hash]]);
});

test("an owner disputes with an ordinary key, and lists what concerns it", async (t) => {
  const { state, client } = await register(t);
  const { mandateId } = state;
  await client(OWNER).dispute({ mandateId, reason: "unauthorized", at: 5 });
  const opened = JSON.parse(state.calls[0]!.body.toString());
  assert.equal((await checkMessageOfAny("dispute", opened, OWNER.address, VENUE)).at, 5);
  const { disputes, next } = await client(OWNER).disputes(0);
  assert.deepEqual([disputes.length, disputes[0]?.mandateId, next], [1, mandateId, 1]);
  const access = await checkMessageOfAny("access", accessOf(state.calls[1]!), OWNER.address, VENUE);
  assert.equal(access.about, zeroHash);
});

test("a payee answers the very dispute that was opened, with the key of its address and no other", async (t) => {
  const { state, client } = await register(t);
  const { mandateId } = state;
  const opened = await client(KEY).dispute({ mandateId, reason: "overcharge" });
  const found = await client(SELLER).answer({ mandateId, captured: 400n, text: "See the log.", evidence: [LOG] });
  const wire = JSON.parse(state.calls.find(({ path }) => path.endsWith("/answer"))!.body.toString());
  const answer = await checkMessage("answer", wire, SELLER.address, VENUE);
  assert.equal(answer.dispute, messageHash("dispute", opened.dispute.message));
  assert.deepEqual([answer.captured, found.answer?.message], [400n, answer]);
  await assert.rejects(client(KEY).answer({ mandateId, captured: 0n }), TypeError);
});

test("what no processor could read is not signed or sent", async (t) => {
  const { state, client } = await register(t);
  const { mandateId } = state;
  const nine = Array.from({ length: 9 }, (_, at) => ({ ...LOG, bytes: Buffer.from([at]) }));
  const large = { ...LOG, bytes: Buffer.alloc((1 << 20) + 1) };
  for (const wrong of [
    { text: "é".repeat(2_049) },
    { text: "\ud83d" },
    { evidence: nine },
    { evidence: [LOG, LOG] },
    { evidence: [large] },
    { evidence: [{ ...LOG, mediaType: "text/plain\r\nX: y" }] },
    { reason: "fraud" as "other" },
  ]) {
    await assert.rejects(client(KEY).dispute({ mandateId, reason: "other", ...wrong }), WireError);
  }
  assert.equal(state.calls.length, 0);
});

test("evidence is believed by its hash, and disputes are about what was asked for", async (t) => {
  const { state, client } = await register(t);
  const { mandateId } = state;
  const payer = client(KEY);
  await payer.dispute({ mandateId, reason: "other", evidence: [LOG] });
  const hash = keccak256(LOG.bytes);
  assert.deepEqual(Buffer.from(await payer.evidence(mandateId, hash)), LOG.bytes);
  state.evidence.set(hash, Buffer.from("another log"));
  await assert.rejects(payer.evidence(mandateId, hash), ProcessorError);

  const good = JSON.stringify({ ...state.shown, evidence: [] });
  for (const [what, body] of [
    ["another mandate", good.replaceAll(mandateId, word(9n))],
    ["another's dispute", good.replace(`{"dispute":{"mandateId":"${mandateId}`, `{"dispute":{"mandateId":"${word(9n)}`)],
    ["another amount", good.replace('"amount":"1000","nonce"', '"amount":"1001","nonce"')],
    ["another resource", good.replace("shop.example/joke", "shop.example/jokes")],
    ["another arbiter", good.replace(`"arbiter":"${SELLER.address}"`, `"arbiter":"${OWNER.address}"`)],
    ["another order", good.replace(`"order":"${word(3n)}"`, `"order":"${word(4n)}"`)],
    ["another step", good.replace('"open"', '"won"')],
    ["nothing", "{}"],
    ["no JSON", "no"],
  ] as const) {
    assert.notEqual(body, good, what);
    state.lie = (path) => ({ status: 200, body: path.includes("?") ? `{"disputes":[${body}],"next":null}` : body });
    await assert.rejects(payer.disputeOf(mandateId), ProcessorError, what);
    if (what !== "another mandate") await assert.rejects(payer.disputes(), ProcessorError, what);
  }
  state.lie = () => ({ status: 200, body: good });
  assert.deepEqual((await payer.disputeOf(mandateId)).terms.disputes, DISPUTES);
});

test("a processor that refuses is not asked again, one that is busy is, and an endless answer is not read", async (t) => {
  const { state, client } = await register(t);
  const { mandateId } = state;
  await assert.rejects(client(KEY).disputeOf(mandateId), (error) => {
    return error instanceof ProcessorRefusal && error.code === "unknown_dispute";
  });
  assert.equal(state.calls.length, 1);
  let busy = 2;
  state.lie = () => (busy-- > 0 ? { status: 503, body: "" } : undefined);
  await client(KEY).dispute({ mandateId, reason: "other" });
  assert.equal(state.calls.length, 4);
  state.lie = () => ({ status: 503, body: "" });
  await assert.rejects(client(KEY).disputeOf(mandateId), /does not answer: status 503/);
  state.lie = () => ({ status: 200, body: Buffer.alloc(2 << 20, 0x20) });
  await assert.rejects(client(KEY).disputeOf(mandateId), /more than/);
  assert.throws(() => new ProcessorClient("nowhere"), TypeError);
});

test("what is said to a processor goes nowhere else: redirections are not followed", async (t) => {
  const { state, client } = await register(t);
  const { mandateId } = state;
  for (const status of [301, 302, 307, 308]) {
    const headers = { Location: "/elsewhere" };
    state.lie = (path) => (path === "/elsewhere" ? undefined : { status, body: "", headers });
    await assert.rejects(client(KEY).dispute({ mandateId, reason: "other" }), ProcessorError);
    await assert.rejects(client(KEY).disputeOf(mandateId), ProcessorError);
  }
  assert.ok(state.calls.length > 0 && state.calls.every(({ path }) => path !== "/elsewhere"));
});

test("an access names one processor and one mandate, in the form that headers take", async () => {
  const header = await accessHeader(KEY, VENUE, word(7n), NOW);
  const written = JSON.parse(Buffer.from(header.slice("AEP2 ".length), "base64url").toString());
  assert.ok(header.startsWith("AEP2 ") && !/[+/=\s]/.test(header.slice(5)));
  const { message } = readMessageOfAny("access", written);
  assert.deepEqual(message, { processor: VENUE.processor, about: word(7n), until: NOW });
  await assert.rejects(checkMessageOfAny("access", written, KEY.publicKey, { ...VENUE, chainId: 1 }));
});
