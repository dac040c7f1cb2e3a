/** What the README shows runs as it stands there. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";

import { Town } from "./town.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** A port that was free a moment ago. */
async function port(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return String(port);
}

test("the examples buy and sell", async (t) => {
  const town = await Town.start();
  t.after(() => town.stop());
  const { account, key } = await town.account(1, 100_000n);
  const payee = generatePrivateKey();
  const common = { ...process.env, PROCESSOR: town.facilitator };

  const env = { ...common, PAYEE_KEY: payee, PORT: await port() };
  const seller = spawn(process.execPath, [join(ROOT, "examples/sell.mjs")], { env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => seller.kill("SIGKILL"));
  const lines = createInterface(seller.stdout);
  const [said] = (await once(lines, "line", { signal: AbortSignal.timeout(30_000) })) as [string];
  const url = said.replace("selling at ", "");

  const buyer = { ...common, ACCOUNT: String(account), AGENT_KEY: key, DIRECTORY: join(key, "../bought") };
  const arguments_ = [join(ROOT, "examples/buy.mjs"), url];
  const { stdout } = await promisify(execFile)(process.execPath, arguments_, { env: buyer, timeout: 60_000 });
  assert.match(stdout, /^200 \{"joke":"A mandate walks into a batch\."\}\npaid with 0x[0-9a-f]{64} settled by \d+\n$/);
  const id = /paid with (0x[0-9a-f]{64})/.exec(stdout)?.[1] ?? "";
  assert.deepEqual(await town.settled([id]), [1000n]);
  assert.equal(await town.balance(privateKeyToAddress(payee)), 1000n);
});
