import { NONE } from "../base/table.ts";
import { describeState, type FrameState } from "../unwind/state.ts";
import { claimWhy } from "../unwind/witness-claims.ts";
import { type Disagreement, subjectName } from "../unwind/witness-compare.ts";
import { describeFrame, type WitnessRows } from "../unwind/witness-rows.ts";
import type { Evidence } from "./finding.ts";
import type { Report, RuleContext } from "./rule.ts";
import { frameWay } from "./ways.ts";

// What the rules about unwind data share: which of the places where a witness is wrong come from one cause, and what is said of them.

/** How a witness comes to be wrong. */
export type Cause =
  /** One of its rows begins there and says what does not hold. */
  | "wrong"
  /** One of its rows says what has held for some instructions already. */
  | "late"
  /** The code changes the frame, and no row ever follows it. */
  | "untold";

/** Places of one function at which all that is wrong begins at one instruction, whoever says it. */
export interface WrongPlace {
  readonly cause: Cause;
  readonly owner: number;
  /** First instruction of it; of a late row the last one. */
  readonly insn: number;
  /** First call among its instructions, or NONE. */
  readonly call: number;
  readonly said: readonly { readonly rows: WitnessRows; readonly each: Disagreement }[];
}

function causeOf({ atRow, late }: Disagreement): Cause {
  return atRow ? "wrong" : late !== NONE ? "late" : "untold";
}

/**
 * Where clang's epilogues have given registers back, its rows go on naming the slots: they hold the value until an interrupt writes there, and no
 * call is behind them. That is a property of the compiler, counted by scripts/witness-table.ts and told of no function.
 *
 * In the order of the functions: what the instructions prove to be wrong.
 */
export function wrongPlaces(context: RuleContext): WrongPlace[] {
  const places = new Map<string, WrongPlace & { said: { rows: WitnessRows; each: Disagreement }[] }>();
  for (const { rows, comparison } of context.witnesses?.frames() ?? []) {
    for (const each of comparison.disagreements) {
      if (
        each.verdict !== "unwind data wrong" ||
        each.why === claimWhy.belowStack ||
        context.flow.marks.excluded[each.owner] === 1
      )
        continue;
      const cause = causeOf(each);
      const insn = cause === "late" ? each.late : each.insn;
      const key = `${each.owner} ${cause} ${insn} ${each.call}`;
      const place = places.get(key);
      if (place === undefined)
        places.set(key, { cause, owner: each.owner, insn, call: each.call, said: [{ rows, each }] });
      else place.said.push({ rows, each });
    }
  }
  return [...places.values()].sort((a, b) => a.owner - b.owner || a.insn - b.insn);
}

/** Says of whom and what a place is, with the states on both sides and the instruction before it. */
export function reportWrongPlace(
  context: RuleContext,
  message: string,
  { cause, owner, insn, said }: WrongPlace,
): Report {
  const { flow, frames } = context;
  const { arch } = flow.code;
  const subjects = [...new Set(said.map(({ each }) => subjectName(flow, each.subject)))];
  const state = frames.states.all[frames.state[insn] as number] as FrameState;
  const evidence: Evidence[] = [{ witness: "instructions", says: describeState(arch, state) }];
  for (const { rows, each } of said) {
    if (evidence.some(({ witness }) => witness === rows.witness)) continue;
    evidence.push({ witness: rows.witness, says: describeFrame(arch, rows, each.frame) });
  }
  const notes = new Map<number, string>();
  const before = frames.cameFrom.of(insn);
  if (before !== NONE && before !== insn) notes.set(before, "they part behind this");
  return {
    message,
    at: insn,
    owner,
    words: { subject: subjects.join(", ") },
    // Of a change that no row follows the line is that of the change.
    ...(cause === "untold" && before !== NONE ? { placedAt: before } : {}),
    way: { ...frameWay(context, insn), notes },
    evidence,
  };
}
