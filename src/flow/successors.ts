import { lowerBound, NONE } from "../base/table.ts";
import {
  KIND_BRANCH,
  KIND_BUG,
  KIND_CALL,
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_JUMP,
  KIND_RETURN,
} from "../isa/insn-table.ts";
import { type Flow, KIND_INDIRECT_TAIL, KIND_INTRA_CALL, KIND_TABLE_JUMP, KIND_TAIL_CALL } from "./flow.ts";
import { MARK_UNREACHABLE } from "./marks.ts";
import type { Returns } from "./returns.ts";

/** Where control goes after an instruction has executed. */
export interface Successors {
  /** Rows, valid in [0, count) after a call of `of`. */
  readonly to: number[];
  /** Fills `to` and returns how many there are. Instead-edges are not among them: those are taken before the instruction. */
  of(insn: number): number;
  /** True when control would go behind the last instruction of a section. */
  runsOff: boolean;
}

export function successors(flow: Flow, returns: Returns): Successors {
  const { kind, target, next, tables, marks } = flow;
  const { from, to: tableTo } = tables.edges;
  const to: number[] = [];
  const result: Successors = {
    to,
    runsOff: false,
    of(insn) {
      result.runsOff = false;
      let count = 0;
      switch (kind[insn]) {
        case KIND_RETURN:
        case KIND_BUG:
        case KIND_CONTEXT_RETURN:
        case KIND_CONTEXT_CALL:
        case KIND_TAIL_CALL:
        case KIND_INDIRECT_TAIL:
          return 0;
        case KIND_JUMP:
        case KIND_INTRA_CALL: {
          const away = target.at(insn);
          if (away !== NONE) to[count++] = away;
          return count;
        }
        case KIND_TABLE_JUMP: {
          for (let e = lowerBound(from, insn, 0, from.length); e < from.length && from[e] === insn; e++) {
            to[count++] = tableTo[e] as number;
          }
          return count;
        }
        case KIND_CALL:
          if (returns.deadCall.has(insn)) return 0;
          break;
        case KIND_BRANCH: {
          const away = target.at(insn);
          if (away !== NONE) to[count++] = away;
          break;
        }
      }
      if (((marks.bits[insn] as number) & MARK_UNREACHABLE) !== 0) return count;
      const behind = next.of(insn);
      if (behind === NONE) result.runsOff = true;
      else to[count++] = behind;
      return count;
    },
  };
  return result;
}
