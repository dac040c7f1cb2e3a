// Runs the tests with coverage and prints, for each source file, which share of its lines and branches they
// reach. Fails if DebitWallet, all its parts together, is below 95 % in either, or a test fails.
//
// forge measures code compiled by way of Yul and hardly optimised (`--ir-minimum`): without Yul the wallet
// has too many variables for the stack, and optimised code has lost its lines. Tests of gas (contracts named
// ...Gas...) are left out: what they measure is not what is deployed.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PERCENT_MIN = 95;

/** forge does not recognise deployed code a sixth of which are immutables: it counts the constructor alone. */
const UNRECOGNISED = "src/Groth16Verifier.sol";

/** The wallet's source files. */
const isWallet = (file) => file === "src/DebitWallet.sol" || file.startsWith("src/wallet/");

const root = fileURLToPath(new URL("..", import.meta.url));
// A cache of its own: the ordinary build is not thrown away.
const folder = join(root, "cache/coverage");
const report = join(folder, "lcov.info");

mkdirSync(folder, { recursive: true });
const { status } = spawnSync(
  join(root, "bin/forge"),
  [
    "coverage", "--ir-minimum", "--no-match-contract", "Gas", "--report", "lcov", "--report-file", report,
    "--out", join(folder, "out"), "--cache-path", join(folder, "cache"), ...process.argv.slice(2),
  ],
  { stdio: "inherit" },
);
if (status !== 0) process.exit(status ?? 1);

/** Counts of an LCOV report: LF and BRF are what there is, LH and BRH what was reached. */
function read(lcov) {
  const files = [];
  for (const line of lcov.split("\n")) {
    const [key, value] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)];
    if (key === "SF") files.push({ file: value, LF: 0, LH: 0, BRF: 0, BRH: 0, missed: [] });
    const current = files.at(-1);
    if (["LF", "LH", "BRF", "BRH"].includes(key)) current[key] = Number(value);
    if (key === "DA" && value.split(",")[1] === "0") current.missed.push(value.split(",")[0]);
  }
  return files;
}

const sum = (name, files) =>
  files.reduce(
    (total, { LF, LH, BRF, BRH }) => ({
      ...total,
      LF: total.LF + LF,
      LH: total.LH + LH,
      BRF: total.BRF + BRF,
      BRH: total.BRH + BRH,
    }),
    { file: name, LF: 0, LH: 0, BRF: 0, BRH: 0, missed: [] },
  );
const percent = (hit, found) => (found === 0 ? 100 : (100 * hit) / found);
const cell = (hit, found) => `${percent(hit, found).toFixed(1).padStart(5)} % ${`${hit}/${found}`.padStart(9)}`;

const files = read(readFileSync(report, "utf8")).filter(
  ({ file }) => file.startsWith("src/") && file !== UNRECOGNISED,
);
const wallet = sum("DebitWallet, all parts", files.filter(({ file }) => isWallet(file)));

console.log(`\n${"".padEnd(30)}  ${"lines".padStart(17)}  ${"branches".padStart(17)}  lines not reached`);
for (const { file, LF, LH, BRF, BRH, missed } of [...files, wallet]) {
  console.log(`${file.padEnd(30)}  ${cell(LH, LF)}  ${cell(BRH, BRF)}  ${missed.join(" ")}`);
}
console.log(`(${UNRECOGNISED} is left out: of code with so many immutables forge sees the constructor alone)`);
if (wallet.LF === 0) throw new Error("the report does not have the wallet");
for (const [what, hit, found] of [["lines", wallet.LH, wallet.LF], ["branches", wallet.BRH, wallet.BRF]]) {
  if (percent(hit, found) < PERCENT_MIN) {
    console.error(`DebitWallet: ${percent(hit, found).toFixed(1)} % of ${what}, at least ${PERCENT_MIN} % are needed`);
    process.exitCode = 1;
  }
}
