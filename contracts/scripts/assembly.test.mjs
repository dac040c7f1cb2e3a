import assert from "node:assert/strict";
import { test } from "node:test";

import { assemblyBlocks } from "./assembly.mjs";

const blocksOf = (...lines) => assemblyBlocks(lines.join("\n")).map(({ first, last }) => [first, last]);

test("a block ends with its own brace", () => {
  assert.deepEqual(blocksOf("f() {", "assembly {", "if x { y() }", "}", "}"), [[2, 4]]);
  assert.deepEqual(blocksOf('assembly ("memory-safe") {', "}", 'assembly "evmasm" {', "{", "}", "}"), [[1, 2], [3, 6]]);
});

test("braces and names in comments and strings count for nothing", () => {
  assert.deepEqual(blocksOf("// assembly {", "/* assembly", "{ */", 'string s = "assembly {\\" {";', "s = '}';"), []);
  assert.deepEqual(
    blocksOf("assembly {", "// }", '/* " } */', 'let z := "}\\"}"', "let y := '\\'}'", "}", "contract C {}"),
    [[1, 6]],
  );
});

test("names that contain the word are names", () => {
  assert.deepEqual(blocksOf("function assemblyOf() {}", "reassembly {", "}"), []);
});

test("what does not end is an error", () => {
  assert.throws(() => assemblyBlocks("assembly { { }"), /does not end/);
});
