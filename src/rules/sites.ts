import { countedFor } from "../flow/counted-for.ts";
import { ownerOf } from "../flow/flow.ts";
import { MARK_RETPOLINE_SAFE } from "../flow/marks.ts";
import { MOST_EVENTS } from "../unwind/machine-flags.ts";
import type { Report, RuleContext } from "./rule.ts";

// What the rules on branches and returns of a mitigated kernel share: the instructions as the compiler left them, before relocations and
// annotations make something else of them, and who is exempt.

/** An annotation says that the branch, the return or the marker is meant as it is (ANNOTATE_RETPOLINE_SAFE, ANNOTATE_UNRET_SAFE). */
export function isAnnotatedSafe(context: RuleContext, insn: number): boolean {
  return ((context.flow.marks.bits[insn] as number) & MARK_RETPOLINE_SAFE) !== 0;
}

// include/linux/init.h, __init. It runs before user space and is freed; a module is loaded when user space long is there.
const INIT_SECTION = ".init.text";

/** Code that no user of the machine can have trained a predictor against. */
export function runsBeforeUserSpace(context: RuleContext, insn: number): boolean {
  const { object, insns } = context.flow.code;
  return !context.checks.module && object.sectionName[insns.section[insn] as number] === INIT_SECTION;
}

/** Reports an instruction by a message of the rule; of one function the first MOST_EVENTS, so that a file built with a wrong option stays readable. */
export type TellSite = (insn: number, message?: string, more?: Partial<Report>) => void;

export function tellSites(context: RuleContext, report: (report: Report) => void): TellSite {
  const told = new Map<number, number>();
  return (insn, message = "default", more = {}) => {
    const owner = ownerOf(context.flow, insn);
    const whom = countedFor(context.flow, owner, insn);
    const count = told.get(whom) ?? 0;
    told.set(whom, count + 1);
    if (count < MOST_EVENTS) report({ message, at: insn, owner, ...more });
  };
}
