// Writes test/vectors/groth16-1x4.json: a verifying key, a proof and its public inputs, by this project's
// prover, for the shape of one lane of four slots. Needs the `aep2` program (`make build`).
//
// Key and payments come from a seed in words and are the same every time; the proof is another each time, as
// Groth16 proofs are. snarkjs, handed the same proof in its own format, must write the same words for
// Solidity.
//
// usage: node scripts/make-vectors.mjs AEP2_PROGRAM

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SHAPE = "1x4";
const SEED = "contracts' test vectors";

const program = process.argv[2];
if (!program) throw new Error("usage: node scripts/make-vectors.mjs AEP2_PROGRAM");
const target = fileURLToPath(new URL(`../test/vectors/groth16-${SHAPE}.json`, import.meta.url));
const { groth16 } = createRequire(new URL("../../fixtures/generate/package.json", import.meta.url))("snarkjs");

const folder = mkdtempSync(join(tmpdir(), "vectors-"));
const file = (name) => join(folder, name);
const json = (name) => JSON.parse(readFileSync(file(name), "utf8"));
const aep2 = (...args) => execFileSync(program, ["--quiet", ...args], { cwd: folder, stdio: "inherit" });

try {
  aep2("setup", "--shape", SHAPE, "--seed", SEED, "--keys", "keys");
  aep2("sample", "--shape", SHAPE, "--seed", SEED, "--out", "window.json");
  aep2("prove", "window.json", "--shape", SHAPE, "--keys", "keys", "--out", "batch.json");
  for (const form of ["snarkjs", "calldata"]) aep2("export", "batch.json", "--as", form, "--keys", "keys");

  const theirs = await groth16.exportSolidityCallData(json("proof.json"), json("public.json"));
  const { proofWords, publicInputs } = json("calldata.json");
  const words = JSON.parse(`[${theirs}]`).flat(3).map(BigInt);
  const ours = [...proofWords, ...publicInputs].map(BigInt);
  if (ours.length !== words.length || ours.some((word, i) => word !== words[i])) {
    throw new Error("snarkjs writes other words for Solidity");
  }
  if (!(await groth16.verify(json("verification_key.json"), json("public.json"), json("proof.json")))) {
    throw new Error("snarkjs refuses the proof");
  }
  copyFileSync(file("calldata.json"), target);
  console.log(`${target}: written`);
} finally {
  rmSync(folder, { recursive: true });
}
// snarkjs leaves worker threads running.
process.exit();
