import { bytesSource } from "../../src/base/bytes.ts";
import { NONE } from "../../src/base/table.ts";
import { openObject } from "../../src/elf/object.ts";
import { buildCode, type Code, insnAt } from "../../src/flow/code.ts";
import { buildFlow, type Flow } from "../../src/flow/flow.ts";
import { buildFunctions, type Functions, functionName } from "../../src/flow/functions.ts";
import { type ExternalReturns, type Returns, solveReturns } from "../../src/flow/returns.ts";
import { successors } from "../../src/flow/successors.ts";
import { findArch } from "../../src/isa/index.ts";
import { type FlagsResult, walkFlags } from "../../src/unwind/machine-flags.ts";
import { type Frames, simulateFrames } from "../../src/unwind/simulate.ts";
import { describeState } from "../../src/unwind/state.ts";
import { assemble } from "./assemble.ts";
import { fixtureFacts, fixtureFolder } from "./rule-fixtures.ts";

/** One object through every stage of the engine, and names to ask it by. */
export interface BuiltFlow {
  readonly code: Code;
  readonly functions: Functions;
  readonly flow: Flow;
  readonly returns: Returns;
  readonly frames: Frames;
  readonly flags: FlagsResult;
  /** Row of the instruction at a symbol of the assembly text, or `ahead` rows behind it. */
  at(symbol: string, ahead?: number): number;
  /** Row of the function that a symbol names, aliases included. */
  f(symbol: string): number;
  nameOf(f: number): string;
  /** The frame before the instruction at a symbol, in the words of a report; "" where nothing leads there. */
  frame(symbol: string, ahead?: number): string;
  /** Where control goes from the instruction at a symbol, as rows, sorted. */
  after(symbol: string, ahead?: number): number[];
}

export function buildFlowOf(bytes: Uint8Array, external: ExternalReturns = listedReturns): BuiltFlow {
  const object = openObject(bytesSource(bytes));
  const arch = findArch(object.machine)!;
  const code = buildCode(object, arch);
  const functions = buildFunctions(code);
  const flow = buildFlow(code, functions);
  const returns = solveReturns(flow, external);
  const frames = simulateFrames(flow, returns);
  const flags = walkFlags(flow, returns, (symbol) => fixtureFacts.accessSafe.has(symbol));
  const symbolRow = (name: string): number => {
    const row = object.symbolName.indexOf(name);
    if (row < 0) throw new Error(`no symbol ${name}`);
    return row;
  };
  const at = (name: string, ahead = 0): number => {
    const symbol = symbolRow(name);
    const insn = insnAt(code, object.symbols.section[symbol]!, object.symbols.value[symbol]!);
    if (insn === NONE) throw new Error(`no instruction at ${name}`);
    return insn + ahead;
  };
  return {
    code,
    functions,
    flow,
    returns,
    frames,
    flags,
    at,
    f: (name) => functions.ofSymbol.get(symbolRow(name)) ?? NONE,
    nameOf: (f) => (f === NONE ? "" : functionName(code, functions, f)),
    frame(name, ahead) {
      const id = frames.state[at(name, ahead)]!;
      return id === NONE ? "" : describeState(arch, frames.states.all[id]!);
    },
    after(name, ahead) {
      const next = successors(flow, returns);
      const count = next.of(at(name, ahead));
      return next.to.slice(0, count).sort((a, b) => a - b);
    },
  };
}

/** Callees outside of the object: the fixtures' list, and nothing known of the rest. */
function listedReturns(symbol: string): true | undefined {
  return fixtureFacts.noreturn.has(symbol) ? true : undefined;
}

/** Assembly text with the macros of test/rules/macros.inc at hand. */
export function assembleFlow(source: string, external?: ExternalReturns): BuiltFlow {
  const { bytes } = assemble(`\t.include "${fixtureFolder}/macros.inc"\n${source}\n`);
  return external === undefined ? buildFlowOf(bytes) : buildFlowOf(bytes, external);
}

/** One row of a finished table as an object. */
export function rowOf(table: { readonly length: number }, row: number): Record<string, number> {
  const columns = Object.entries<unknown>({ ...table }).filter(([name]) => name !== "length") as [
    string,
    ArrayLike<number>,
  ][];
  return Object.fromEntries(columns.map(([name, column]) => [name, column[row]!]));
}
