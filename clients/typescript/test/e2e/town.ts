/**
 * A town for tests: a real `aep2 serve` with its embedded chain in a process of its own, and accounts opened and
 * funded by the program itself. `AEP2_BIN` names the program.
 */

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

import { createPublicClient, defineChain, erc20Abi, getAddress, http, type Address, type Chain } from "viem";

import { MandateKey } from "../../src/key.js";
import { atMost } from "../../src/payer/limits.js";
import { Payer } from "../../src/payer/payer.js";
import type { Venue } from "../../src/purchase.js";
import { venueAt } from "../../src/venue.js";

/** Small shapes and short windows, so that a test need not wait. */
const SETTINGS = `
[chain]
embedded_listen = "127.0.0.1:0"
embedded_block_time_ms = 200

[http]
listen = "127.0.0.1:0"

[windows]
shapes = ["1x4-capture", "4x4-capture"]
age_s_max = 4
capture_within_s = 8
poll_interval_ms = 50
`;

const START_MS_MAX = 180_000;
const COMMAND_MS_MAX = 60_000;
const SETTLED_MS_MAX = 300_000;

const run = promisify(execFile);

/** What the server says when it is ready. */
interface Ready {
  http: string;
  rpc: string;
  processor: string;
  deployment: string;
  tokens: [string, ...string[]];
}

export class Town {
  readonly #directory: string;
  readonly #program: string;
  readonly #server: ChildProcess;
  readonly #ready: Ready;
  readonly #payers: Payer[] = [];
  readonly #services: ChildProcess[] = [];
  readonly venue: Venue;

  private constructor(directory: string, program: string, server: ChildProcess, ready: Ready, venue: Venue) {
    this.#directory = directory;
    this.#program = program;
    this.#server = server;
    this.#ready = ready;
    this.venue = venue;
  }

  static async start(): Promise<Town> {
    const program = process.env.AEP2_BIN;
    if (program === undefined) throw new Error("AEP2_BIN does not name the aep2 program");
    const directory = mkdtempSync(join(tmpdir(), "aep2-town-"));
    writeFileSync(join(directory, "aep2.toml"), SETTINGS);
    const server = await begin(program, ["serve", "--config", "aep2.toml"], directory);
    const ready = server.ready as Ready;
    return new Town(directory, program, server.process, ready, await venueAt(ready.http));
  }

  /** The processor, as x402's facilitator. */
  get facilitator(): string {
    return this.#ready.http;
  }

  get network(): `eip155:${number}` {
    return `eip155:${this.venue.chainId}`;
  }

  get token(): Address {
    return getAddress(this.#ready.tokens[0]);
  }

  /** The embedded chain, for viem. */
  get chain(): Chain {
    const nativeCurrency = { name: "Ether", symbol: "ETH", decimals: 18 };
    const rpcUrls = { default: { http: [this.#ready.rpc] } };
    return defineChain({ id: this.venue.chainId, name: "embedded", nativeCurrency, rpcUrls });
  }

  /** An account of its own for a development account, funded with `baseUnits`, and its key's file. */
  async account(owner: number, baseUnits: bigint): Promise<{ account: number; key: string }> {
    const key = join(this.#directory, `agent-${owner}.json`);
    const from = ["--from-dev-account", String(owner)];
    const open = ["account", "open", "--processor", this.#ready.processor, "--new-mandate-key", key];
    const { account } = (await this.#aep2([...open, ...from])) as { account: number };
    const deposit = ["deposit", "--account", String(account), "--base-units", String(baseUnits), "--mint"];
    await this.#aep2([...deposit, ...from]);
    await this.#until(async () => {
      const known = await this.get(`/v1/accounts/${account}`);
      return BigInt(known?.purses?.[0]?.free ?? 0) >= baseUnits ? true : known;
    }, "the account is not funded");
    return { account, key };
  }

  /** A payer with an account of its own, which may spend `limit`, and lets these arbiters decide about disputes. */
  async payer(owner: number, baseUnits: bigint, limit = baseUnits, arbiters: Address[] = []): Promise<Payer> {
    const { account, key } = await this.account(owner, baseUnits);
    const payer = await Payer.open({
      account,
      venue: this.venue,
      key: MandateKey.fromFile(key),
      limits: { tokens: { [this.token]: atMost(limit) } },
      directory: join(this.#directory, `journal-${owner}`),
      disputes: { arbiters, processor: this.#ready.http },
    });
    this.#payers.push(payer);
    return payer;
  }

  /** The mandate key of a payer's account. */
  key(owner: number): MandateKey {
    return MandateKey.fromFile(join(this.#directory, `agent-${owner}.json`));
  }

  /** A wallet made and funded by the program itself, and its directory. */
  async wallet(owner: number, tokens: string): Promise<{ account: number; directory: string }> {
    const directory = join(this.#directory, `wallet-${owner}`);
    const from = ["--wallet", directory, "--from-dev-account", String(owner)];
    const create = ["wallet", "create", "--processor", this.#ready.http];
    const { account } = (await this.#aep2([...create, ...from])) as { account: number };
    await this.#aep2(["wallet", "fund", "--amount", tokens, "--mint", ...from]);
    await this.#until(async () => {
      const known = await this.get(`/v1/accounts/${account}`);
      return BigInt(known?.purses?.[0]?.free ?? 0) > 0n ? true : known;
    }, "the wallet is not funded");
    return { account, directory };
  }

  /** A gateway of the program's in front of `upstream`; where payers reach it. */
  async gateway(upstream: string, payeeKey: string, price: bigint): Promise<string> {
    const file = join(this.#directory, "gateway.toml");
    writeFileSync(join(this.#directory, "payee.key"), payeeKey, { mode: 0o600 });
    writeFileSync(
      file,
      `upstream = "${upstream}"
admin_listen = "127.0.0.1:0"
# The processor takes captures for 8 seconds: what fails at the end of these is still not charged.
answer_within_s = 3
[payee]
processor = "${this.#ready.http}"
key_file = "payee.key"
[[routes]]
path = "/{*path}"
price = "${price}"
`,
    );
    const what = ["gateway", "--config", file, "--listen", "127.0.0.1:0"];
    return ((await this.begin(...what)) as { origin: string }).origin;
  }

  /** Starts a service of the program's that ends with the town. Gives what it says when it is ready. */
  async begin(...what: string[]): Promise<unknown> {
    const service = await begin(this.#program, what, this.#directory);
    this.#services.push(service.process);
    return service.ready;
  }

  /** What the program prints for `aep2 WHAT --json`. */
  async aep2(...what: string[]): Promise<any> {
    const { stdout } = await run(this.#program, [...what, "--json"], { timeout: COMMAND_MS_MAX });
    return JSON.parse(stdout);
  }

  /** What an address has of the token, on chain. */
  balance(of: Address): Promise<bigint> {
    const client = createPublicClient({ chain: this.chain, transport: http() });
    return client.readContract({ abi: erc20Abi, address: this.token, functionName: "balanceOf", args: [of] });
  }

  /** Waits until each of these mandates is settled on chain. Gives what each paid. */
  async settled(ids: string[]): Promise<bigint[]> {
    const amounts: bigint[] = [];
    for (const id of ids) {
      await this.#until(async () => {
        const mandate = await this.get(`/v1/mandates/${id}`);
        if (mandate?.status !== "settled") return mandate;
        amounts.push(BigInt(mandate.amount));
        return true;
      }, `${id} is not settled`);
    }
    return amounts;
  }

  /** What the processor answers to `GET path`; nothing where that is not 200. */
  async get(path: string): Promise<any> {
    const response = await fetch(`${this.#ready.http}${path}`, { signal: AbortSignal.timeout(10_000) });
    return response.ok ? response.json() : undefined;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#payers.map((payer) => payer.close()));
    for (const child of [...this.#services, this.#server]) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #aep2(what: string[]): Promise<unknown> {
    const at = ["--deployment", this.#ready.deployment, "--rpc", this.#ready.rpc, "--json"];
    const options = { cwd: this.#directory, timeout: COMMAND_MS_MAX };
    const { stdout } = await run(this.#program, [...what, ...at], options);
    return JSON.parse(stdout);
  }

  /** Asks until the answer is `true`. */
  async #until(ask: () => Promise<unknown>, problem: string): Promise<void> {
    const until = performance.now() + SETTLED_MS_MAX;
    for (;;) {
      const answer = await ask();
      if (answer === true) return;
      if (performance.now() > until) throw new Error(`${problem}: ${JSON.stringify(answer)}`);
      await sleep(100);
    }
  }
}

/** Starts a program that goes on until it is ended, and waits until it says in JSON that it is ready. */
async function begin(program: string, what: string[], cwd: string): Promise<{ process: ChildProcess; ready: unknown }> {
  const child = spawn(program, [...what, "--json"], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  // Whatever becomes of the tests, it does not outlive them.
  process.once("exit", () => child.kill("SIGKILL"));
  let said = "";
  child.stderr.on("data", (data) => (said = (said + data).slice(-10_000)));
  const first = once(createInterface(child.stdout), "line", { signal: AbortSignal.timeout(START_MS_MAX) });
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`aep2 ${what[0]} ended with ${code}: ${said}`);
  });
  const [line] = (await Promise.race([first, ended])) as string[];
  ended.catch(() => {});
  return { process: child, ready: JSON.parse(line ?? "") };
}
