/** Payers in temporary directories, and what their journals say. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { MandateKey } from "../../src/key.js";
import { JOURNAL_FILE } from "../../src/payer/journal.js";
import { atMost } from "../../src/payer/limits.js";
import { Payer, type PayerConfig } from "../../src/payer/payer.js";
import { TOKEN, VENUE } from "./processor.js";

/** A directory that goes when the test does. */
export function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "aep2-x402-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A payer that may spend 100,000 in the tests' token. */
export async function payer(t: TestContext, config: Partial<PayerConfig> = {}): Promise<Payer> {
  const opened = await Payer.open({
    account: 7,
    venue: VENUE,
    key: new MandateKey(`0x${"07".repeat(32)}`),
    limits: { tokens: { [TOKEN]: atMost(100_000n) } },
    directory: config.directory ?? directory(t),
    ...config,
  });
  t.after(() => opened.close());
  return opened;
}

/** The lines of a journal, of one kind. */
export function journal(directory: string, kind: string): Record<string, any>[] {
  const lines = readFileSync(join(directory, JOURNAL_FILE), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).filter((line) => line.kind === kind);
}
