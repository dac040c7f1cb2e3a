/**
 * The page of an issuer's owner, in a real browser: log in, decide, see a budget move, freeze.
 *
 * `AEP2_CHROMIUM` names the browser. `AEP2_SCREENSHOTS` names a folder for pictures of the page, narrow and wide, light
 * and dark, for people to look at.
 */

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import puppeteer, { type Browser, type Page } from "puppeteer-core";

import { Town } from "./town.js";

const CHROMIUM = [process.env.AEP2_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const PAYEE = "0x00000000000000000000000000000000000000A1";

let town: Town;
let browser: Browser;
let folder: string;
let issuer: string;
let token: string;
let terms: (amount: bigint) => object;
let card: { id: string; token: string };

/** What the issuer answers to an owner. */
async function owner(method: string, path: string, body?: object): Promise<any> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  const answer = await fetch(`${issuer}v1/owner/${path}`, init);
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

/** An agent asks for a payment. A bearer card needs no signature. */
async function ask(amount: bigint, purpose: string): Promise<{ status: number; body: any }> {
  const requestKey = `0x${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex")}`;
  const body = { requestKey, method: "GET", resource: "https://api.example/answers", terms: terms(amount), purpose };
  const headers = { authorization: `AEP2-Card ${card.token}`, "content-type": "application/json" };
  const answer = await fetch(`${issuer}v1/issue`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

before(async () => {
  const program = CHROMIUM.find((path) => path !== undefined && existsSync(path));
  assert.ok(program, "there is no Chromium: scripts/setup.sh installs it, or AEP2_CHROMIUM names it");
  town = await Town.start();
  folder = mkdtempSync(join(tmpdir(), "aep2-issuer-"));
  const [directory, tokenFile] = [join(folder, "issuer"), join(folder, "owner.token")];
  await town.aep2("issuer", "init", "--directory", directory, "--token-file", tokenFile, "--owner", "Ada Lovelace");
  token = readFileSync(tokenFile, "utf8").trim();
  issuer = ((await town.begin("issuer", "serve", "--config", directory, "--listen", "127.0.0.1:0")) as { url: string }).url;

  const { wallet } = await owner("POST", "wallets", { name: "research", processorUrl: town.facilitator });
  await owner("PATCH", `wallets/${wallet.id}`, { account: 4_000_000 });
  const made = await owner("POST", "cards", {
    name: "reading agent",
    wallet: wallet.id,
    bearer: true,
    restrictions: {
      budgets: [{ token: town.token, amount: "1000", period: "day" }],
      perPayment: { [town.token]: "500" },
      approveAbove: { [town.token]: "100" },
    },
  });
  card = { id: made.card.id, token: made.token };
  terms = (amount) => ({
    scheme: "aep2",
    network: town.network,
    amount: String(amount),
    asset: town.token,
    payTo: PAYEE,
    maxTimeoutSeconds: 60,
    extra: {
      wallet: town.venue.wallet,
      processor: town.venue.processor,
      settleWithinSeconds: 600,
      name: "AEP2DebitWallet",
      version: "1",
      capture: "full",
    },
  });
  browser = await puppeteer.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu"] });
});

after(async () => {
  await browser?.close();
  await town?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The text of the page. */
const text = (page: Page): Promise<string> => page.$eval("body", (body) => body.innerText);

/** Presses a button and waits for the page after it. */
async function press(page: Page, selector: string): Promise<void> {
  await Promise.all([page.waitForNavigation({ waitUntil: "load" }), page.click(selector)]);
}

test("an owner logs in, decides, sees the budget move, and freezes the card at once", async () => {
  const page = await browser.newPage();
  const wrong: string[] = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("dialog", (dialog) => dialog.accept());

  await page.goto(issuer);
  assert.match(await text(page), /Log in with your owner's token/);
  await page.type("#token", token);
  await page.click("button[type=submit]");
  await page.waitForSelector("#cards");
  assert.match(await text(page), /reading agent/);

  // What an agent wants is there when the page is opened, with the agent's words as words.
  assert.equal((await ask(300n, "<b>three</b> papers")).status, 202);
  await page.reload();
  const request = await page.$eval("[data-approval]", (one) => (one as unknown as { innerText: string }).innerText);
  assert.match(request, /reading agent wants to pay 300/);
  assert.match(request, /<b>three<\/b> papers/);
  assert.ok(request.includes(PAYEE), "whom it pays, in full");
  await shoot(page);

  await press(page, "[data-approval] button[value=approve]");
  assert.equal((await ask(300n, "the same again")).status, 201);
  // The page brings its figures up to date by itself.
  await page.evaluate("document.activeElement?.blur()");
  await page.waitForFunction(
    `document.querySelector('[data-card="${card.id}"] .limit').innerText.includes("300 of 1000")`,
    { timeout: 15_000 },
  );
  await page.waitForSelector("tr[data-payment]");

  // A request that comes while the owner looks takes no place on the page: it is announced.
  assert.equal((await ask(400n, "and now?")).status, 202);
  await page.waitForFunction(`document.querySelector("#notice").innerText.includes("have changed")`, { timeout: 15_000 });
  assert.equal(await page.$("[data-approval]"), null);

  await press(page, `[data-card="${card.id}"] button[value=freeze]`);
  const refused = await ask(1n, "after the freeze");
  assert.equal(refused.status, 403);
  assert.equal(refused.body.error.code, "card_frozen");
  assert.match(await text(page), /frozen/);
  assert.deepEqual(wrong, [], "the browser found nothing wrong");
});

test("everything is reached by the keyboard, and the page fits a telephone", async () => {
  const page = await browser.newPage();
  await page.setViewport({ width: 360, height: 740 });
  await page.goto(issuer);
  await page.waitForSelector("#cards");
  const wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  assert.equal(wide, 0, "nothing is beyond the edge");
  const reached = new Set<string>();
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press("Tab");
    reached.add(String(await page.evaluate("document.activeElement?.value || document.activeElement?.innerText")));
  }
  for (const what of ["approve", "refuse", "unfreeze", "revoke", "Log out"]) {
    assert.ok(reached.has(what), `${what} is reached by Tab: ${[...reached].join(", ")}`);
  }
  const unnamed = await page.$$eval("button, input:not([type=hidden]), svg[role=img]", (all) =>
    all.filter((one) => !(one as any).innerText && !one.getAttribute("aria-label") && !(one as any).labels?.length).length,
  );
  assert.equal(unnamed, 0, "everything has a name for who cannot see it");
});

/** Pictures of the page, where a folder for them is named. */
async function shoot(page: Page): Promise<void> {
  const pictures = process.env.AEP2_SCREENSHOTS;
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const width of [360, 768, 1440]) {
      await page.setViewport({ width, height: 900 });
      await page.screenshot({ path: join(pictures, `issuer-${width}-${scheme}.png`), fullPage: true });
    }
  }
}
