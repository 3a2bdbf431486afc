import { NONE } from "../base/table.ts";
import type { Flow } from "./flow.ts";

type Parts = Pick<Flow, "code" | "functions" | "instead">;

/** The symbol that names an instruction in code without a function: one that covers it, or a label on it; of a replacement that of its place. */
export function symbolOfCode({ code, functions, instead }: Parts, insn: number): number {
  const row = instead.replacementOf.get(insn);
  const place = row === undefined ? insn : (instead.alternatives.from[row] as number);
  const section = code.insns.section[place] as number;
  const offset = code.insns.offset[place] as number;
  const covering = functions.symbolCovering(section, offset);
  return covering === NONE ? functions.labelAt(section, offset) : covering;
}

/**
 * Whom events are counted for, where there is a bound: the function, or, for code without one, the symbol that names it, as a number below NONE; NONE
 * where nothing does. All assembly of a kernel together would be told less of than each of its objects.
 */
export function countedFor(flow: Parts, owner: number, insn: number): number {
  if (owner >= 0) return owner;
  const symbol = insn === NONE ? NONE : symbolOfCode(flow, insn);
  return symbol === NONE ? NONE : NONE - 1 - symbol;
}
