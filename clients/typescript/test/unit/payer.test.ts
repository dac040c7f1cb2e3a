/** The payer: its journal, its limits, its chains. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { privateKeyToAccount } from "viem/accounts";

import { MandateKey } from "../../src/key.js";
import { PayError } from "../../src/payer/error.js";
import { JOURNAL_FILE, JournalError } from "../../src/payer/journal.js";
import { LimitError, atMost } from "../../src/payer/limits.js";
import type { Payer, PayerConfig, Sent } from "../../src/payer/payer.js";
import { receiptDigest, statementDigest, writeReceipt, writeStatement } from "../../src/receipt.js";
import { Released, Signer } from "../../src/signer.js";
import { WireError, word } from "../../src/wire.js";
import { TOKEN, VENUE, WHO } from "../support/processor.js";
import { PAYEE, terms, written } from "../support/terms.js";
import { directory, journal, payer } from "../support/wallet.js";

const PROCESSOR = privateKeyToAccount(`0x${"51".repeat(32)}`);
const JOKE = "http://shop.example/joke";
/** How long a mandate is good: to be settled, to be handed in, and the margin. */
const GOOD_S = 600 + 120 + 300;

/** Signs for a call that costs so much. */
async function sign(from: Payer, amount = 1000n, resource = JOKE, change: object = {}): Promise<Sent> {
  const asked = terms({ amount: amount.toString(), ...change });
  return from.authorise(from.check(asked, "GET", resource), asked);
}

async function receipt({ signed }: Sent) {
  const { account, nonce, token, payee, amount, deadline } = signed.mandate;
  const times = { issuedAt: deadline - GOOD_S, deadline, settleBy: deadline };
  const message = { mandateId: word(signed.id), ...WHO, account, nonce, token, payee, amount, ...times };
  return writeReceipt({ receipt: message, signature: await PROCESSOR.sign({ hash: receiptDigest(VENUE, message) }) });
}

async function statement({ signed }: Sent, amount: bigint) {
  const message = { mandateId: word(signed.id), ...WHO, amount, issuedAt: signed.mandate.deadline - GOOD_S };
  const signature = await PROCESSOR.sign({ hash: statementDigest(VENUE, message) });
  return writeStatement({ receipt: message, signature });
}

async function refusedBy(limit: LimitError["limit"], signing: () => Promise<unknown>) {
  await assert.rejects(signing, (error) => error instanceof LimitError && error.limit === limit);
}

const config = (limits: PayerConfig["limits"]) => ({ limits });

test("a mandate is on disk before anybody can send it, in a file of its owner's", async (t) => {
  const folder = directory(t);
  const from = await payer(t, { directory: folder });
  const sent = await sign(from);
  const [line] = journal(folder, "signed");
  assert.deepEqual([line?.id, line?.host, line?.mandate.mandate.nonce], [
    sent.id,
    "shop.example",
    sent.signed.mandate.nonce.toString(),
  ]);
  assert.equal(statSync(join(folder, JOURNAL_FILE)).mode & 0o077, 0);
});

test("nonces go on over restarts, in one word drawn at random", async (t) => {
  const folder = directory(t);
  const first = await payer(t, { directory: folder });
  const before = (await sign(first)).signed.mandate.nonce;
  await first.close();
  const after = (await sign(await payer(t, { directory: folder }))).signed.mandate.nonce;
  assert.deepEqual([before % 128n, after], [0n, before + 1n]);
  const elsewhere = (await sign(await payer(t))).signed.mandate.nonce;
  assert.notEqual(elsewhere, before);
});

test("calls, payers and processes that pay at once never use a nonce twice, nor leave one out", async (t) => {
  const folder = directory(t);
  const here = [await payer(t, { directory: folder }), await payer(t, { directory: folder })];
  const script = fileURLToPath(new URL("../support/signs.js", import.meta.url));
  const run = promisify(execFile);
  const there = [0, 1].map(async () => {
    const { stdout } = await run(process.execPath, [script, folder, "10"], { timeout: 60_000 });
    return JSON.parse(stdout) as string[];
  });
  const mine = here.flatMap((from) => Array.from({ length: 10 }, () => sign(from, 1n)));
  const nonces = (await Promise.all(mine)).map(({ signed }) => signed.mandate.nonce);
  nonces.push(...(await Promise.all(there)).flat().map(BigInt));
  nonces.sort((a, b) => (a < b ? -1 : 1));
  assert.deepEqual(nonces, Array.from({ length: 40 }, (_, index) => (nonces[0] ?? 0n) + BigInt(index)));
});

test("several payers count against one day's limit", async (t) => {
  const folder = directory(t);
  const limits = config({ tokens: { [TOKEN]: atMost(1500n) } });
  const [one, two] = [await payer(t, { directory: folder, ...limits }), await payer(t, { directory: folder, ...limits })];
  await sign(one);
  await refusedBy("perHost", () => sign(two));
});

test("a line that was cut short is cut off, and its mandate's nonce is free", async (t) => {
  const folder = directory(t);
  const path = join(folder, JOURNAL_FILE);
  const before = await payer(t, { directory: folder });
  const { nonce } = (await sign(before)).signed.mandate;
  await before.close();
  appendFileSync(path, '{"kind":"signed","at":17');
  const after = await payer(t, { directory: folder });
  assert.equal((await sign(after)).signed.mandate.nonce, nonce + 1n);
  await after.close();
  await payer(t, { directory: folder });
  assert.equal(journal(folder, "signed").length, 2);
});

test("a journal that is damaged, of another version or another account's signs nothing", async (t) => {
  const folder = directory(t);
  const path = join(folder, JOURNAL_FILE);
  const before = await payer(t, { directory: folder });
  await sign(before);
  await before.close();
  const good = readFileSync(path, "utf8");
  for (const [what, text] of [
    ["not JSON", good.replace('{"kind":"signed"', "{kind")],
    ["no kind", good.replace('"kind":"signed"', '"kind":"sighed"')],
    ["no nonce", good.replace(/"nonce":"/, '"nonce":"x')],
    ["version", good.replace('"version":1', '"version":2')],
    ["beheaded", good.slice(good.indexOf("\n") + 1)],
  ] as const) {
    assert.notEqual(text, good, what);
    writeFileSync(path, text);
    await assert.rejects(payer(t, { directory: folder }), JournalError, what);
  }
  writeFileSync(path, good);
  await assert.rejects(payer(t, { directory: folder, account: 8 }), /that of account 7 .* not of account 8/);
  await payer(t, { directory: folder });
});

test("a journal that was written while it was open is read before anything is signed; a shorter one fails", async (t) => {
  const folder = directory(t);
  const path = join(folder, JOURNAL_FILE);
  const from = await payer(t, { directory: folder });
  await sign(from);
  writeFileSync(path, "");
  await assert.rejects(sign(from), JournalError);
  await assert.rejects(sign(from), JournalError, "it failed before");
});

test("a disk that fails ends it: nothing that may not be there leaves, and nothing is built on it", async (t) => {
  const folder = directory(t);
  const from = await payer(t, { directory: folder });
  const { nonce } = (await sign(from)).signed.mandate;
  const file = await open(join(folder, JOURNAL_FILE));
  t.after(() => file.close());
  const broken = t.mock.method(Object.getPrototypeOf(file), "datasync", () => Promise.reject(new Error("EIO")));
  const outcomes = await Promise.allSettled([sign(from), sign(from)]);
  assert.deepEqual(outcomes.map(({ status }) => status), ["rejected", "rejected"]);
  broken.mock.restore();
  await assert.rejects(sign(from), JournalError);
  const after = await payer(t, { directory: folder });
  assert.ok((await sign(after)).signed.mandate.nonce > nonce + 1n, "what may have reached the disk counts");
});

test("a journal as the Rust payer writes it is read, and goes on", async (t) => {
  const folder = directory(t);
  const id = word(5n);
  const mandate = {
    mandate: { account: 7, token: TOKEN, payee: PAYEE, amount: "40000", nonce: "640", deadline: 2_000_000_000, ref: id, prev: word(0n) },
    key: { x: word(1n), y: word(2n) },
    signature: { r8: { x: word(3n), y: word(4n) }, s: word(5n) },
  };
  const at = Math.floor(Date.now() / 1000);
  const lines = [
    { kind: "opened", version: 1, account: 7, chainId: VENUE.chainId, wallet: VENUE.wallet, firstNonce: "640" },
    { kind: "signed", at, host: "shop.example", id, mandate },
    { kind: "refused", at, id, reason: "bad_signature" },
    { kind: "captured", at, id, amount: "30000" },
  ];
  writeFileSync(join(folder, JOURNAL_FILE), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const from = await payer(t, { directory: folder });
  assert.equal(await from.spent(TOKEN), 30_000n);
  assert.equal((await sign(from)).signed.mandate.nonce, 641n);
});

test("no limit is exceeded, and what is not named is not allowed", async (t) => {
  const allowance = { perCall: 1000n, perHost: 1500n, perDay: 2500n };
  const from = await payer(t, config({ tokens: { [TOKEN]: allowance }, hosts: ["shop.example", "other.example"] }));
  await refusedBy("perCall", () => sign(from, 1001n));
  await refusedBy("token", () => sign(from, 1n, JOKE, { asset: VENUE.wallet }));
  await refusedBy("host", () => sign(from, 1n, "http://shop.example:81/joke"));
  await sign(from, 1000n);
  await refusedBy("perHost", () => sign(from, 501n));
  await sign(from, 500n);
  await sign(from, 1000n, "http://other.example/");
  await refusedBy("perDay", () => sign(from, 1n, "http://other.example/"));
  const picky = await payer(t, config({ tokens: { [TOKEN]: allowance }, payees: [VENUE.processor] }));
  await refusedBy("payee", () => sign(picky));
});

test("calls at once cannot exceed together what one by one they may not", async (t) => {
  const folder = directory(t);
  const from = await payer(t, { directory: folder, ...config({ tokens: { [TOKEN]: atMost(3000n) } }) });
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => sign(from)));
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 3);
  assert.equal(journal(folder, "signed").length, 3);
});

test("what counts is what was signed, less what was provably not captured, for a day", async (t) => {
  let now = 1_800_000_000;
  const from = await payer(t, { now: () => now });
  const [withheld, refused, captured] = [await sign(from), await sign(from), await sign(from)];
  await withheld.withheld();
  await refused.refused("insufficient_funds");
  assert.equal(await from.spent(TOKEN), 2000n, "who refused it may still hand it in");
  assert.equal(await captured.captured(await statement(captured, 300n)), 300n);
  assert.equal(await from.spent(TOKEN), 1300n);
  await assert.rejects(refused.captured(await statement(captured, 0n)));
  assert.equal(await from.spent(TOKEN), 1300n);
  now += 86_400;
  assert.equal(await from.spent(TOKEN), 0n);
});

test("only a mandate whose receipt came back is followed", async (t) => {
  const from = await payer(t);
  const prev = ({ signed }: Sent) => signed.mandate.prev;
  const first = await sign(from);
  const beside = await sign(from);
  assert.deepEqual([prev(first), prev(beside)], [0n, 0n], "nothing was accepted yet");
  await assert.rejects(beside.accepted(await receipt(first)), "another's receipt");
  await first.accepted(await receipt(first));
  const second = await sign(from);
  assert.equal(prev(second), first.signed.id);
  await second.refused("no");
  const third = await sign(from);
  assert.equal(prev(third), first.signed.id, "a refused mandate gives back what it would have followed");
  const unanswered = await sign(from);
  assert.equal(prev(unanswered), 0n, "the only chain is on its way");
  await third.accepted(await receipt(third));
  await third.accepted(await receipt(third));
  const [fourth, fifth] = [await sign(from), await sign(from)];
  assert.deepEqual([prev(fourth), prev(fifth)], [third.signed.id, 0n], "each mandate is followed once");
});

test("a signer follows nothing that it did not sign itself, in the same token and account", () => {
  const key = new MandateKey(`0x${"07".repeat(32)}`);
  const [own, other] = [new Signer(key, VENUE), new Signer(key, VENUE)];
  const terms = { account: 7, token: TOKEN, payee: PAYEE, amount: 1n, nonce: 1n, deadline: 1, ref: word(1n) };
  const signed = own.sign(terms);
  const released = own.released(signed);
  assert.equal(own.sign({ ...terms, nonce: 2n }, released).mandate.prev, signed.id);
  assert.equal(own.sign({ ...terms, nonce: 2n, account: 8 }, released).mandate.prev, 0n);
  assert.equal(own.sign({ ...terms, nonce: 2n, token: PAYEE }, released).mandate.prev, 0n);
  assert.equal(other.sign({ ...terms, nonce: 2n }, released).mandate.prev, 0n);
  assert.equal(own.sign({ ...terms, nonce: 2n }, new Released(own, { ...signed, id: 9n })).mandate.prev, 0n);
  assert.throws(() => own.released({ ...signed }), /not signed by this signer/);
  assert.throws(() => Object.assign(signed.mandate, { amount: 9n }), TypeError);
});

test("terms for another place, or that settle too late, are not signed", async (t) => {
  const from = await payer(t);
  for (const [what, change, extra] of [
    ["chain", { network: "eip155:1" }, {}],
    ["wallet", {}, { wallet: VENUE.wallet.replace("aa", "ab") }],
    ["processor", {}, { processor: PAYEE }],
    ["method", {}, { method: "POST" }],
    ["time", {}, { settleWithinSeconds: 3601 }],
  ] as const) {
    const check = () => from.check(terms(change, extra), "GET", JOKE);
    assert.throws(check, (error) => error instanceof PayError && error.code === "mismatch", what);
  }
  for (const [what, change, extra] of [
    ["scheme", { scheme: "exact" }, {}],
    ["the address 0 as payee", { payTo: `0x${"00".repeat(20)}` }, {}],
    ["the wallet as payee", { payTo: VENUE.wallet }, {}],
    ["the token as payee", { payTo: TOKEN }, {}],
    ["amount", { amount: "01" }, {}],
    ["nothing", { amount: "0" }, {}],
    ["domain", {}, { name: "AnotherWallet" }],
    ["order", {}, { order: "0x00" }],
    ["network", { network: "eip155:01" }, {}],
  ] as const) {
    assert.throws(() => terms(change, extra), WireError, `${what} ${JSON.stringify(written(change, extra))}`);
  }
});

test("malformed agreements on disputes are not read", () => {
  const disputes = {
    arbiter: VENUE.wallet,
    windowSeconds: 60,
    rulingSeconds: 120,
    reasons: ["other"],
    silenceRefunds: false,
  };
  for (const malformed of [null, {}, { ...disputes, reasons: [] }, { ...disputes, memo: "" }]) {
    assert.throws(() => terms({}, { disputes: malformed }), WireError);
  }
});
