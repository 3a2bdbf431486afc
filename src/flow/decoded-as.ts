import {
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_JUMP,
  KIND_OTHER,
  KIND_RETURN,
} from "../isa/insn-table.ts";
import { type Flow, KIND_INDIRECT_TAIL, KIND_TABLE_JUMP } from "./flow.ts";

/** What the flow may make of an instruction, by what it was decoded as; only what rules ask for. */
const refined = {
  [KIND_RETURN]: [KIND_RETURN],
  [KIND_INDIRECT_CALL]: [KIND_INDIRECT_CALL],
  [KIND_INDIRECT_JUMP]: [KIND_INDIRECT_TAIL, KIND_TABLE_JUMP],
  [KIND_CONTEXT_CALL]: [KIND_CONTEXT_CALL, KIND_OTHER],
  [KIND_CONTEXT_RETURN]: [KIND_CONTEXT_RETURN, KIND_OTHER],
} as const;

/** Rows that the bytes alone make one of these kinds, ascending: a `ret` and not a jump to the return thunk. */
export function decodedAs(flow: Flow, ...kinds: readonly (keyof typeof refined)[]): number[] {
  const { kind } = flow.code.insns;
  const wanted = new Set<number>(kinds);
  const may = new Set(kinds.flatMap((each): readonly number[] => refined[each]));
  return Array.from(flow.rows.of(...may)).filter((row) => wanted.has(kind[row] as number));
}
