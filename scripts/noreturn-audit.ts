// node scripts/noreturn-audit.ts BUILD TREE   every member of the build's vmlinux.a, against the tree's list of functions that never return: what it
// names wrongly, what it lacks (by DW_AT_noreturn and by the bodies), and calls after which the compiler dropped the code of a callee that returns.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bytesSource } from "../src/base/bytes.ts";
import { FormatError } from "../src/base/errors.ts";
import { NONE } from "../src/base/table.ts";
import { readNoreturnFunctions } from "../src/dwarf/noreturn.ts";
import { STB_GLOBAL, STB_LOCAL } from "../src/elf/constants.ts";
import { openObject } from "../src/elf/object.ts";
import { KernelIndex, VMLINUX } from "../src/facts/kernel-index.ts";
import type { ObjectFacts } from "../src/facts/object-facts.ts";
import { summarizeFlow } from "../src/facts/summarize.ts";
import { factsOfTexts } from "../src/facts/tree-facts.ts";
import { buildCode, placeName } from "../src/flow/code.ts";
import { buildFlow } from "../src/flow/flow.ts";
import { buildFunctions } from "../src/flow/functions.ts";
import { solveReturns } from "../src/flow/returns.ts";
import { findArch } from "../src/isa/index.ts";
import { KIND_CALL, KIND_RETURN } from "../src/isa/insn-table.ts";
import { simulateFrames } from "../src/unwind/simulate.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const [build, tree] = positionals;
if (build === undefined || tree === undefined) throw new Error("a build folder and its tree are wanted");
const texts = factsOfTexts((path) =>
  existsSync(join(tree, path)) ? readFileSync(join(tree, path), "utf8") : undefined,
);
if (texts === undefined) throw new Error(`${tree} has no object tool`);

/** The functions that never return, as one object's debug information has them. */
interface Declared {
  readonly definedIn: string[];
  readonly declaredIn: string[];
}
const declared = new Map<string, Declared>();
/** callee -> calls of it, from other objects than its own */
const calls = new Map<string, string[]>();
/** function that others can call, and that none takes the place of -> a return of it that is reached */
const returning = new Map<string, string>();
const listed = texts.noreturn;
const objects = new Map<string, ObjectFacts>();
const unread: string[] = [];
const members = execFileSync("ar", ["t", "vmlinux.a"], { cwd: build, encoding: "utf8", maxBuffer: 1 << 26 });
for (const member of members.trim().split("\n")) {
  try {
    const object = openObject(bytesSource(new Uint8Array(readFileSync(join(build, member)))));
    const arch = findArch(object.machine);
    if (arch === undefined) continue;
    const code = buildCode(object, arch);
    const flow = buildFlow(code, buildFunctions(code), texts.formats);
    objects.set(member, summarizeFlow(flow));
    const { symbols, symbolName } = object;
    const returns = solveReturns(flow, (symbol) => (listed.has(symbol) ? true : undefined));
    const { state } = simulateFrames(flow, returns);
    for (const i of flow.turns) {
      const f = flow.kind[i] === KIND_RETURN && state[i] !== NONE ? (flow.functions.ofInsn[i] as number) : NONE;
      if (f === NONE) continue;
      const whole = flow.functions.table.symbol[flow.functions.table.parent[f] as number] as number;
      const name = symbolName[whole] as string;
      if (symbols.binding[whole] === STB_GLOBAL && !returning.has(name))
        returning.set(name, `${member} ${placeName(code, i)}`);
    }
    for (const i of flow.turns) {
      const symbol = flow.kind[i] === KIND_CALL ? flow.symbol.at(i) : NONE;
      if (symbol === NONE || symbols.section[symbol] !== NONE || symbols.binding[symbol] === STB_LOCAL) continue;
      const name = symbolName[symbol] as string;
      const list = calls.get(name) ?? [];
      list.push(`${member} ${placeName(code, i)}`);
      calls.set(name, list);
    }
    for (const { name, isExternal, isDefined } of readNoreturnFunctions(object)) {
      if (isDefined && !isExternal) continue;
      const known = declared.get(name) ?? { definedIn: [], declaredIn: [] };
      (isDefined ? known.definedIn : known.declaredIn).push(member);
      declared.set(name, known);
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    unread.push(`${member}: ${error.message}`);
  }
}

// By the bodies alone: what the list says of a function must not decide about it.
const bodies = KernelIndex.build([{ unit: VMLINUX, objects }], { isListedNoreturn: () => false }).outsideFor("");
const isDefined = (name: string): boolean => bodies.isFunction(name) !== undefined;
const print = (what: string, names: readonly string[]): void => {
  console.log(`\n${what}: ${names.length}`);
  for (const name of names) console.log(`  ${name}`);
};
const callsOf = (name: string): string => {
  const list = calls.get(name) ?? [];
  return list.length === 0
    ? "no call from another object"
    : `${list.length} calls from other objects, the first ${list[0]}`;
};

console.log(`${objects.size} objects, ${listed.size} names listed, ${declared.size} functions declared noreturn`);
const names = [...listed].sort();
print(
  "listed, and a return of it is reached",
  names.filter((name) => returning.has(name)).map((name) => `${name}: ${returning.get(name)}`),
);
print(
  "listed, and no source of the tree has the name",
  names.filter((name) => !isDefined(name) && !isInTree(name)),
);
const unlisted = [...declared.keys()].filter((name) => !listed.has(name)).sort();
const says = (name: string): string => `${name}: ${callsOf(name)}`;
print(
  "declared noreturn, its body never returns, and the list lacks it",
  unlisted.filter((name) => bodies.neverReturns(name) === true).map(says),
);
print(
  "declared noreturn, and a return of it is reached: its callers have no code behind the call",
  [...declared.keys()]
    .filter((name) => returning.has(name))
    .sort()
    .map((name) => `${says(name)}; ${returning.get(name)}`),
);
print(
  "declared noreturn, unlisted, and not known by its body (weak, assembly, an indirect jump, or none here)",
  unlisted
    .filter(
      (name) => bodies.neverReturns(name) !== true && !returning.has(name) && (isDefined(name) || calls.has(name)),
    )
    .map(says),
);
print(
  "listed, its body never returns, called, and nothing declares it noreturn",
  names.filter((name) => bodies.neverReturns(name) === true && calls.has(name) && !declared.has(name)).map(says),
);
print("unread", unread);

/** Whether the name stands in a source besides the list and what is copied from it. */
function isInTree(name: string): boolean {
  try {
    const found = execFileSync(
      "grep",
      [
        "-rlwF",
        "--include=*.[chS]",
        "--include=*.rs",
        "-e",
        name,
        "arch",
        "block",
        "certs",
        "crypto",
        "drivers",
        "fs",
      ].concat(
        [
          "include",
          "init",
          "io_uring",
          "ipc",
          "kernel",
          "lib",
          "mm",
          "net",
          "rust",
          "samples",
          "security",
          "sound",
          "virt",
        ].filter((folder) => existsSync(join(tree as string, folder))),
      ),
      { cwd: tree as string, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    );
    return found.trim() !== "";
  } catch {
    return false;
  }
}
