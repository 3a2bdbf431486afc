import type { WitnessesOfObject } from "../../src/analyze/witnesses-of-object.ts";
import { NONE } from "../../src/base/table.ts";
import { placeName } from "../../src/flow/code.ts";
import { compareHints } from "../../src/unwind/hint-compare.ts";
import { describeState } from "../../src/unwind/state.ts";
import type { WitnessRows } from "../../src/unwind/witness-rows.ts";

/** A hint of assembly is held against the frame that control brings to it, way by way. */
export interface HintSum {
  objects: number;
  hinted: number;
  alone: number;
  /** Verdict and class -> the ways */
  readonly classes: Map<string, string[]>;
}

/** CLAIM_* -> word */
const claims = ["same", "true", "wrong", "open", "nothing claimed"];

export function newHintSum(): HintSum {
  return { objects: 0, hinted: 0, alone: 0, classes: new Map() };
}

export function addHints(sum: HintSum, member: string, found: WitnessesOfObject, witness: WitnessRows): void {
  const { flow, returns, frames } = found;
  const { hinted, ways, alone } = compareHints(flow, returns, frames, witness);
  sum.objects++;
  sum.hinted += hinted;
  sum.alone += alone.length;
  for (const { insn, from, brought, verdict, why } of ways) {
    const key = why === undefined ? claims[verdict]! : `${claims[verdict]}, ${why}`;
    const group = sum.classes.get(key) ?? [];
    const way = from === NONE ? "whoever calls it" : placeName(flow.code, from);
    group.push(`${member} ${placeName(flow.code, insn)} from ${way}: ${describeState(flow.code.arch, brought)}`);
    sum.classes.set(key, group);
  }
}

export function describeHints({ objects, hinted, alone, classes }: HintSum): string[] {
  if (objects === 0) return [];
  const lines = [`- hints: ${objects} objects, ${hinted} instructions, of which no way is known to ${alone}`];
  for (const [key, ways] of [...classes].sort()) lines.push(`  - ${key}: ${ways.length} ways, as ${ways[0]}`);
  return lines;
}
