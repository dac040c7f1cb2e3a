// Where a Solidity file has inline assembly.

/** What is not code, or what begins a block of assembly, or a brace. */
const TOKEN = /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'|[A-Za-z_$][\w$]*|[{}]/g;

/**
 * The blocks, as the lines of their braces, from 1. What is between `assembly` and its brace, a dialect or
 * flags, has no braces but in strings, which are not code.
 */
export function assemblyBlocks(source) {
  const lineOf = (index) => source.slice(0, index).split("\n").length;
  const blocks = [];
  let awaited = false;
  let depth = 0;
  for (const { 0: token, index } of source.matchAll(TOKEN)) {
    if (token === "assembly") awaited = true;
    else if (token === "{" && (depth > 0 || awaited)) {
      if (depth === 0) blocks.push({ first: lineOf(index) });
      [awaited, depth] = [false, depth + 1];
    } else if (token === "}" && depth > 0) {
      depth--;
      if (depth === 0) blocks.at(-1).last = lineOf(index);
    }
  }
  if (depth > 0) throw new Error("a block of assembly does not end");
  return blocks;
}
