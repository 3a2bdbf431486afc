import { lowerBound, NONE } from "../base/table.ts";
import { STB_WEAK } from "../elf/constants.ts";
import {
  KIND_CALL,
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_INDIRECT_CALL,
  KIND_NOP,
  KIND_RETURN,
} from "../isa/insn-table.ts";
import { type Flow, KIND_CONDITIONAL_TAIL, KIND_INDIRECT_TAIL, KIND_TABLE_JUMP, KIND_TAIL_CALL } from "./flow.ts";
import { MARK_RETPOLINE_SAFE } from "./marks.ts";
import type { Outside } from "./outside.ts";
import type { Returns } from "./returns.ts";
import { successors } from "./successors.ts";

// The ways from where the kernel is entered to where it untrains the return predictor. What marks both is in arch/x86/include/asm:
// VALIDATE_UNRET_BEGIN (unwind_hints.h), and VALIDATE_UNRET_END (nospec-branch.h), a no-op that is annotated like a safe branch.

export interface EarlyBranch {
  /** The return, the indirect branch, the call of a function in another object in which one of the two comes first, or the last of the section. */
  readonly insn: number;
  readonly kind: "returns-first" | "branches-first" | "runs-off";
  /** From the entry to `insn`, first to last. */
  readonly way: readonly number[];
}

/**
 * Every return, indirect branch and end of a section that control comes to before the marker, over direct calls into their callees. A callee that is done
 * without one has untrained (it could not return otherwise), so that a way ends at its first call. Each instruction is visited once.
 */
export function findEarlyBranches(flow: Flow, returns: Returns, outside: Outside): EarlyBranch[] {
  const { marks, kind, functions, code, instead, target, symbol } = flow;
  const found: EarlyBranch[] = [];
  const cameFrom = new Map<number, number>();
  const work: number[] = [];
  const next = successors(flow, returns);
  const { edges, skipped } = instead;
  const visit = (insn: number, from: number): void => {
    if (cameFrom.has(insn)) return;
    cameFrom.set(insn, from);
    work.push(insn);
  };
  const tell = (insn: number, early: EarlyBranch["kind"]): void => {
    const way: number[] = [];
    for (let i = insn; i !== NONE; i = cameFrom.get(i) as number) way.push(i);
    found.push({ insn, kind: early, way: way.reverse() });
  };
  const call = (insn: number): void => {
    const named = symbol.at(insn);
    const name = named === NONE ? "" : (code.object.symbolName[named] as string);
    const replaced =
      named !== NONE && code.object.symbols.binding[named] === STB_WEAK && outside.isOverridden(name) === true;
    if (target.at(insn) !== NONE && !replaced) {
      visit(target.at(insn), insn);
      return;
    }
    const there = name === "" ? undefined : outside.untraining(name);
    if (there === "returns-first" || there === "branches-first") tell(insn, there);
  };
  const step = (insn: number): void => {
    for (let e = lowerBound(edges.from, insn, 0, edges.length); e < edges.length && edges.from[e] === insn; e++)
      visit(edges.to[e] as number, insn);
    if (skipped.has(insn)) return;
    switch (kind[insn]) {
      case KIND_INDIRECT_CALL:
      case KIND_INDIRECT_TAIL:
      case KIND_TABLE_JUMP:
        tell(insn, "branches-first");
        return;
      case KIND_RETURN:
        tell(insn, "returns-first");
        return;
      case KIND_NOP:
        if (((marks.bits[insn] as number) & MARK_RETPOLINE_SAFE) !== 0) return;
        break;
      case KIND_CALL:
      case KIND_TAIL_CALL:
        call(insn);
        return;
      case KIND_CONDITIONAL_TAIL:
        call(insn);
        break;
      case KIND_CONTEXT_CALL:
      case KIND_CONTEXT_RETURN:
        // Inside a function it comes back behind itself.
        if (functions.ofInsn[insn] !== NONE && flow.next.of(insn) !== NONE) visit(flow.next.of(insn), insn);
        return;
    }
    const count = next.of(insn);
    if (next.runsOff) tell(insn, "runs-off");
    for (let n = 0; n < count; n++) visit(next.to[n] as number, insn);
  };
  for (const i of [...marks.unretBegins].sort((a, b) => a - b)) {
    visit(i, NONE);
    for (let insn = work.pop(); insn !== undefined; insn = work.pop()) step(insn);
  }
  return found;
}
