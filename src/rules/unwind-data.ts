import { NONE } from "../base/table.ts";
import { describeState, type FrameState } from "../unwind/state.ts";
import type { ClaimWhy } from "../unwind/witness-claims.ts";
import { type Stretch, subjectName } from "../unwind/witness-compare.ts";
import { describeFrame, type WitnessRows } from "../unwind/witness-rows.ts";
import type { Evidence } from "./finding.ts";
import type { Report, RuleContext, Witnesses } from "./rule.ts";
import { shapeOf } from "./unwind-data-shape.ts";
import { claimWords } from "./unwind-data-words.ts";
import { frameWay } from "./ways.ts";

// What the rules about unwind data share: which of the places where a witness is wrong come from one cause, and what is said of them.

/** As much of a RuleContext as says which places are wrong, and what each looks like. */
export interface UnwindDataContext extends Pick<RuleContext, "flow" | "frames"> {
  readonly witnesses: Pick<Witnesses, "frames"> | undefined;
}

/** How a witness comes to be wrong. */
export type Cause =
  /** One of its rows begins there and says what does not hold. */
  | "wrong"
  /** One of its rows says what has held for some instructions already. */
  | "late"
  /** The code changes the frame, and no row ever follows it. */
  | "untold";

/** What one witness says there of one subject. */
export interface WrongClaim {
  readonly rows: WitnessRows;
  readonly subject: number;
  readonly why: ClaimWhy;
  /** Where that witness begins to be wrong, for how long, and behind what. */
  readonly stretch: Stretch;
}

/** Places of one function at which all that is wrong begins at one instruction, whoever says it. */
export interface WrongPlace {
  readonly cause: Cause;
  readonly owner: number;
  /** First instruction of it; of a late row the last one. */
  readonly insn: number;
  /** First call among its instructions, or NONE. */
  readonly call: number;
  readonly said: readonly WrongClaim[];
  /** Where else they part in the same way; a place by itself only where a known defect explains this one. */
  readonly later: readonly WrongPlace[];
}

/** In the order of the functions: what the instructions prove to be wrong. One for each disagreement and cause, at the first stretch of it. */
export function wrongPlaces(context: UnwindDataContext): WrongPlace[] {
  const places = new Map<string, WrongPlace & { said: WrongClaim[]; later: WrongPlace[] }>();
  for (const { rows, comparison } of context.witnesses?.frames() ?? []) {
    for (const { verdict, owner, subject, why, atRow, follows, stretches } of comparison.disagreements) {
      if (verdict !== "unwind data wrong" || follows || context.flow.marks.excluded[owner] === 1) continue;
      for (const cause of ["wrong", "late", "untold"] as const) {
        const own = stretches.filter(({ late }) => causeOf(atRow, late) === cause);
        const all = own.map((stretch): WrongPlace => {
          const insn = cause === "late" ? stretch.late : stretch.insn;
          return { cause, owner, insn, call: stretch.call, said: [{ rows, subject, why, stretch }], later: [] };
        });
        const [first, ...later] = all;
        if (first === undefined) continue;
        const call = own.find((stretch) => stretch.call !== NONE)?.call ?? NONE;
        const key = `${owner} ${cause} ${first.insn} ${call}`;
        const place = places.get(key);
        if (place === undefined) places.set(key, { ...first, call, said: [...first.said], later });
        else {
          place.said.push(...first.said);
          // What several witnesses say is one's own words once, the first one's.
          if (rows === place.said[0]?.rows) place.later.push(...later);
        }
      }
    }
  }
  return [...places.values()].sort((a, b) => a.owner - b.owner || a.insn - b.insn);
}

function causeOf(atRow: boolean, late: number): Cause {
  return atRow ? "wrong" : late !== NONE ? "late" : "untold";
}

/** Says of whom and what a place is, with the states on both sides and the instruction before it. */
export function reportWrongPlace(context: RuleContext, message: string, place: WrongPlace): Report {
  const { cause, owner, insn, said, later } = place;
  const { flow, frames } = context;
  const { arch } = flow.code;
  const subjects = [...new Set(said.map(({ subject }) => subjectName(flow, subject)))];
  const state = frames.states.all[frames.state[insn] as number] as FrameState;
  const evidence: Evidence[] = [{ witness: "instructions", says: describeState(arch, state) }];
  for (const { rows, stretch } of said) {
    if (evidence.some(({ witness }) => witness === rows.witness)) continue;
    evidence.push({ witness: rows.witness, says: describeFrame(arch, rows, stretch.frame) });
  }
  const notes = new Map<number, string>();
  const before = frames.cameFrom.of(insn);
  if (before !== NONE && before !== insn) notes.set(before, "they part behind this");
  return {
    message,
    at: insn,
    owner,
    words: { subject: subjects.join(", "), ...claimWords(arch, state, place) },
    // Of a change that no row follows the line is that of the change.
    ...(cause === "untold" && before !== NONE ? { placedAt: before } : {}),
    way: { ...frameWay(context, insn), notes },
    evidence,
    shape: shapeOf(context, place),
    later: later.map((next) => ({
      at: next.insn,
      shape: () => shapeOf(context, next),
      report: () => reportWrongPlace(context, message, next),
    })),
  };
}
