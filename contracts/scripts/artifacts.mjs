// Writes artifacts/*.json: what the Rust side deploys and calls. With --check it writes nothing and fails
// if a committed artifact is not what the sources give.
//
// Each contract is compiled by itself, with the settings of foundry.toml: what else lies in the project,
// or in forge's cache, cannot change a byte of it.

import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const CONTRACTS = {
  DebitWallet: "src/DebitWallet.sol",
  Guarantee: "src/Guarantee.sol",
  Groth16Verifier: "src/Groth16Verifier.sol",
  TestUSD: "src/tokens/TestUSD.sol",
};

/** EIP-170: a contract with more bytes of code cannot be deployed. */
const CODE_BYTES_MAX = 24_576;

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path) => readFileSync(join(root, path), "utf8");

/** foundry.toml in the compiler's words. */
function settings() {
  const forge = join(root, "bin/forge");
  const config = JSON.parse(execFileSync(forge, ["config", "--json"], { cwd: root, encoding: "utf8" }));
  return {
    evmVersion: config.evm_version,
    metadata: { appendCBOR: config.cbor_metadata, bytecodeHash: config.bytecode_hash },
    optimizer: { enabled: config.optimizer, runs: config.optimizer_runs },
    remappings: config.remappings,
    viaIR: config.via_ir,
  };
}

/** SHA-256 over the paths and texts of all sources that went in, in the paths' order. */
function hashSources(paths) {
  const hash = createHash("sha256");
  for (const path of [...paths].sort()) hash.update(`${path}\0${read(path)}\0`);
  return `0x${hash.digest("hex")}`;
}

/** Where the constructor writes immutables into the code: byte ranges, in order. */
const immutableRanges = (references) =>
  Object.values(references)
    .flat()
    .map(({ start, length }) => [start, length])
    .sort(([a], [b]) => a - b);

function compile(name, path, settings) {
  const input = {
    language: "Solidity",
    sources: { [path]: { content: read(path) } },
    settings: {
      ...settings,
      outputSelection: {
        [path]: {
          [name]: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"],
        },
      },
    },
  };
  const imported = (file) => (existsSync(join(root, file)) ? { contents: read(file) } : { error: "no such file" });
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: imported }));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join("\n"));

  const { abi, evm } = output.contracts[path][name];
  const bytes = evm.deployedBytecode.object.length / 2;
  if (bytes > CODE_BYTES_MAX) throw new Error(`${name} has ${bytes} bytes of code, more than ${CODE_BYTES_MAX}`);
  return {
    contractName: name,
    source: path,
    sourcesSha256: hashSources(Object.keys(output.sources)),
    compiler: `solc ${solc.version()}`,
    settings,
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
    immutableRanges: immutableRanges(evm.deployedBytecode.immutableReferences ?? {}),
  };
}

/** A line for each entry of the ABI, so that a change shows as the lines that it touches. */
function layOut({ abi, ...artifact }) {
  const fields = Object.entries({ ...artifact, abi: null }).map(([key, value]) => {
    const text =
      key === "abi" ? `[\n${abi.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n")}\n  ]` : JSON.stringify(value);
    return `  ${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${fields.join(",\n")}\n}\n`;
}

/** Which of an artifact's fields differ. */
function differences(before, after) {
  const [old, now] = [JSON.parse(before), JSON.parse(after)];
  const keys = Object.keys({ ...old, ...now });
  const changed = keys.filter((key) => JSON.stringify(old[key]) !== JSON.stringify(now[key]));
  return changed.length > 0 ? changed.join(", ") : "layout";
}

const check = process.argv.includes("--check");
const using = settings();
let stale = 0;
for (const [name, path] of Object.entries(CONTRACTS)) {
  const text = layOut(compile(name, path, using));
  const file = `artifacts/${name}.json`;
  const before = existsSync(join(root, file)) ? read(file) : undefined;
  const bytes = (JSON.parse(text).deployedBytecode.length - 2) / 2;
  if (before === text) {
    console.log(`${file}: as committed, ${bytes} bytes of code`);
  } else if (check) {
    stale++;
    console.error(`contracts/${file}: ${before ? `differs in ${differences(before, text)}` : "missing"}`);
  } else {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
    console.log(`${file}: written, ${bytes} bytes of code`);
  }
}
if (stale > 0) {
  console.error("The artifacts are not what the sources give. Run `make contracts-artifacts` and commit what it writes.");
  process.exitCode = 1;
}
