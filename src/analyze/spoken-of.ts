import type { ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { readNoreturnFunctions } from "../dwarf/noreturn.ts";
import type { Flow } from "../flow/flow.ts";
import { functionName, isPrefix } from "../flow/functions.ts";
import { readTableSizes } from "../flow/table-entries.ts";
import type { WitnessRows } from "../unwind/witness-rows.ts";
import type { TreeFacts } from "./analyze-object.ts";
import { stableName } from "./names.ts";
import { witnessesOfObject } from "./witnesses-of-object.ts";

// Whether an object says anything at all of what a finding is about: no finding is an acquittal only where somebody was heard.

export interface SpokenOf {
  /** A function of this name, or a part or copy of it, is in the object. */
  hasFunction(name: string): boolean;
  /**
   * The witness speaks of the function: one of frames has rows in each of its parts, "debug information" says of it that it does not return,
   * "annotation" says the size of some jump table of the object.
   */
  speaks(witness: string, name: string): boolean;
}

/** @throws FormatError for input that is no object of a known machine */
export function spokenOf(source: ByteSource, facts: TreeFacts): SpokenOf {
  const { flow, witnesses } = witnessesOfObject(source, { facts });
  const parts = partsByName(flow);
  // Read now: nobody says how long the source stays open.
  const noreturn = noreturnNames(flow);
  const hasSizes = readTableSizes(flow.code).size > 0;
  return {
    hasFunction: (name) => parts.has(stableName(name)),
    speaks(witness, name) {
      if (witness === "debug information") return noreturn.has(stableName(name));
      if (witness === "annotation") return hasSizes;
      const rows = witnesses.find((each) => each.witness === witness);
      const own = parts.get(stableName(name)) ?? [];
      return rows !== undefined && own.length > 0 && own.every((f) => hasRow(flow, rows, f));
    },
  };
}

/** Name in the source -> functions that have code. */
function partsByName({ code, functions }: Flow): Map<string, number[]> {
  const { table } = functions;
  const parts = new Map<string, number[]>();
  for (let f = 0; f < table.length; f++) {
    if (functions.hasCode[f] === 0 || isPrefix(table, f)) continue;
    const name = stableName(functionName(code, functions, f));
    const list = parts.get(name);
    if (list === undefined) parts.set(name, [f]);
    else list.push(f);
  }
  return parts;
}

function hasRow({ functions: { table } }: Flow, { rows }: WitnessRows, f: number): boolean {
  const [section, start, end] = [table.section[f], table.start[f] as number, table.end[f] as number];
  for (let r = 0; r < rows.length; r++)
    if (rows.section[r] === section && (rows.start[r] as number) < end && (rows.end[r] as number) > start) return true;
  return false;
}

function noreturnNames({ code }: Flow): ReadonlySet<string> {
  try {
    return new Set(readNoreturnFunctions(code.object).map(({ name }) => name));
  } catch (error) {
    if (error instanceof FormatError) return new Set();
    throw error;
  }
}
