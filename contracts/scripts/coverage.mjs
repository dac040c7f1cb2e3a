// Runs the tests with coverage and prints, for each source file, which share of its lines and branches they
// reach. Fails if DebitWallet and Guarantee, all their parts together, are below 95 % in either, or a test fails.
//
// forge measures code compiled by way of Yul and hardly optimised (`--ir-minimum`): without Yul the wallet
// has too many variables for the stack, and optimised code has lost its lines. Tests of gas (contracts named
// ...Gas...) are left out: what they measure is not what is deployed.
//
// That compiler has no lines for inline assembly: forge lists them and counts none, though the statements
// before and after them are counted. So they are left out of both sides of the share, and instead each
// function that has assembly must have been run. Which tests hold its branches: contracts/README.md.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { assemblyBlocks } from "./assembly.mjs";

const PERCENT_MIN = 95;

/** forge does not recognise deployed code a sixth of which are immutables: it counts the constructor alone. */
const UNRECOGNISED = "src/Groth16Verifier.sol";

/** The source files of the wallet and its guarantee. */
const isWallet = (file) =>
  ["src/DebitWallet.sol", "src/Guarantee.sol"].includes(file) || /^src\/(wallet|guarantee)\//.test(file);

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
  // What tests deploy is then what was compiled for this: test/base/Deployed.sol.
  { stdio: "inherit", env: { ...process.env, COVERAGE: "1" } },
);
if (status !== 0) process.exit(status ?? 1);

/** What an LCOV report says of each file: `[line, hits]` of lines and branches, `[line, name, hits]` of functions. */
function read(lcov) {
  const files = [];
  for (const line of lcov.split("\n")) {
    const at = line.indexOf(":");
    const [key, fields] = [line.slice(0, at), line.slice(at + 1).split(",")];
    if (key === "SF") files.push({ file: fields[0], lines: [], branches: [], functions: [] });
    const current = files.at(-1);
    if (key === "DA") current.lines.push(fields.map(Number));
    // "-" where the line itself was not reached.
    if (key === "BRDA") current.branches.push([Number(fields[0]), Number(fields[3]) || 0]);
    if (key === "FN") current.functions.push([Number(fields[0]), fields[1]]);
    if (key === "FNDA") current.functions.find(([, name]) => name === fields[1]).push(Number(fields[0]));
  }
  return files;
}

/** A file without its assembly. */
function leaveOutAssembly({ file, lines, branches, functions }) {
  const blocks = assemblyBlocks(readFileSync(join(root, file), "utf8"));
  const outside = ([line]) => !blocks.some(({ first, last }) => line > first && line < last);
  const around = blocks.map(({ first }) => functions.filter(([line]) => line <= first).at(-1));
  const kept = { lines: lines.filter(outside), branches: branches.filter(outside) };
  return {
    file,
    ...kept,
    left: { lines: lines.length - kept.lines.length, branches: branches.length - kept.branches.length, blocks: blocks.length },
    neverRun: around.filter(([, , hits]) => !(hits > 0)).map(([, name]) => name),
  };
}

const merge = (name, files) => ({
  file: name,
  lines: files.flatMap(({ lines }) => lines),
  branches: files.flatMap(({ branches }) => branches),
});
const hit = (items) => items.filter(([, hits]) => hits > 0).length;
const percent = (items) => (items.length === 0 ? 100 : (100 * hit(items)) / items.length);
const cell = (items) => `${percent(items).toFixed(1).padStart(5)} % ${`${hit(items)}/${items.length}`.padStart(9)}`;
const total = (files, what) => files.reduce((sum, { left }) => sum + left[what], 0);

const files = read(readFileSync(report, "utf8"))
  .filter(({ file }) => file.startsWith("src/") && file !== UNRECOGNISED)
  .map(leaveOutAssembly);
const walletFiles = files.filter(({ file }) => isWallet(file));
const wallet = merge("DebitWallet, all parts", walletFiles);

console.log(`\n${"".padEnd(30)}  ${"lines".padStart(17)}  ${"branches".padStart(17)}  lines not reached`);
for (const own of [...files, wallet]) {
  const missed = own === wallet ? [] : own.lines.filter(([, hits]) => hits === 0).map(([line]) => line);
  console.log(`${own.file.padEnd(30)}  ${cell(own.lines)}  ${cell(own.branches)}  ${missed.join(" ")}`);
}
console.log(
  `(left out: ${total(walletFiles, "lines")} lines and ${total(walletFiles, "branches")} branches in the wallet's ` +
    `${total(walletFiles, "blocks")} blocks of assembly, which forge does not count, run or not)`,
);
console.log(`(left out: ${UNRECOGNISED}, of which forge sees the constructor alone, for all its immutables)`);

if (wallet.lines.length === 0) throw new Error("the report does not have the wallet");
for (const what of ["lines", "branches"]) {
  if (percent(wallet[what]) < PERCENT_MIN) {
    console.error(`DebitWallet: ${percent(wallet[what]).toFixed(1)} % of ${what}, at least ${PERCENT_MIN} % are needed`);
    process.exitCode = 1;
  }
}
for (const name of walletFiles.flatMap(({ neverRun }) => neverRun)) {
  console.error(`DebitWallet: no test runs ${name}, which has assembly`);
  process.exitCode = 1;
}
