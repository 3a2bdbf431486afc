import { NONE } from "../base/table.ts";
import { TripleMap } from "../base/triple-map.ts";
import type { Flow } from "../flow/flow.ts";
import { isPrefix } from "../flow/functions.ts";
import { KIND_CALL, KIND_INDIRECT_CALL, KIND_LANDING_PAD, KIND_NOP } from "../isa/insn-table.ts";
import { EVENT_DRIFT, EVENT_MISMATCH } from "./frame-events.ts";
import { isOrcSection } from "./orc-rows.ts";
import type { Frames } from "./simulate.ts";
import { BASE_WAIVED, type FrameState, NOWHERE, type Place } from "./state.ts";
import {
  CLAIM_NONE,
  CLAIM_OPEN,
  type Claim,
  type ClaimContext,
  type ClaimWhy,
  claimWhy,
  judgeCfa,
  judgeRegister,
  judgeSignal,
} from "./witness-claims.ts";
import { findWitnessRow, RETURN_ADDRESS, type WitnessRows } from "./witness-rows.ts";

// A witness against the instructions, at every instruction of every function that was walked.

/** Subjects of a claim beside the registers, which have their own numbers. */
export const SUBJECT_CFA = 64;
export const SUBJECT_SIGNAL = 65;
/** One more than the largest. */
const SUBJECTS = 66;

/** Counts of instructions, by verdict: CLAIM_* is the index. */
export type VerdictCounts = readonly number[];

/** What the evidence supports. */
export type WitnessVerdict = "unwind data wrong" | "ours cannot follow" | "undecided";

/** One run of instructions, of those that a disagreement is about. */
export interface Stretch {
  /** First instruction of it, and the one from which control first came there. */
  readonly insn: number;
  readonly cause: number;
  /** -> frame of the witness at `insn` */
  readonly frame: number;
  /** First call in it, or NONE. */
  readonly call: number;
  /** Its last instruction, where it ends because the witness then says what already held in it. NONE without one. */
  readonly late: number;
}

/** One witness parts from the instructions in one function, in one way; stretches that begin at a row stand apart from those that do not. */
export interface Disagreement {
  readonly owner: number;
  /** A register, RETURN_ADDRESS or SUBJECT_* */
  readonly subject: number;
  readonly why: ClaimWhy;
  readonly verdict: WitnessVerdict;
  /** First instruction, by place, at which they part. */
  readonly insn: number;
  /** Instruction from which control first came there, at which they agreed or nothing was claimed: what it does is what parted them. */
  readonly cause: number;
  /** A row of the witness begins at `insn`: it says something new there, rather than going on saying what no longer holds, as the row of `cause` did. */
  readonly atRow: boolean;
  /** It is proven wrong of the same subject at `cause` already, in another way, and no row begins in between. */
  readonly follows: boolean;
  /** Instructions, and the runs that they stand in. */
  readonly count: number;
  readonly runs: number;
  /** Calls among them: every unwinding from the callee goes wrong there. Without one it takes an interrupt between two instructions. */
  readonly calls: number;
  /** -> frame of the witness at `insn` */
  readonly frame: number;
  /** First call among its instructions, or NONE: from there a stack is unwound that nothing interrupted. */
  readonly call: number;
  /** Last instruction of a stretch that ends because the witness then says what already held in it: its row comes late. NONE without one. */
  readonly late: number;
  /** All runs, in the order of the code. */
  readonly stretches: readonly Stretch[];
}

export interface WitnessComparison {
  /** Instructions of functions that were walked. */
  readonly instructions: number;
  /** Of those, the ones that a row covers. */
  readonly covered: number;
  /** subject -> counts over the covered ones */
  readonly counts: ReadonlyMap<number, VerdictCounts>;
  /** Sorted by owner, then insn. */
  readonly disagreements: readonly Disagreement[];
  /** Functions of which no instruction is covered, ascending. */
  readonly absent: readonly number[];
  /** Functions that the witness speaks of, with a call that no row covers: the first such call. Ascending by function. */
  readonly missing: readonly { readonly owner: number; readonly insn: number }[];
}

interface OpenRun {
  owner: number;
  subject: number;
  why: ClaimWhy;
  verdict: WitnessVerdict;
  insn: number;
  cause: number;
  atRow: boolean;
  follows: boolean;
  count: number;
  runs: number;
  calls: number;
  frame: number;
  call: number;
  late: number;
  last: number;
  readonly stretches: { -readonly [K in keyof Stretch]: Stretch[K] }[];
}

/** Where an instruction's claim about one subject belongs. */
interface Part {
  readonly group: OpenRun;
  readonly stretch: Stretch;
}

/** What is known at each instruction beside its frame: see src/unwind/unchanged.ts. */
export interface KeptBits {
  readonly unchanged: Uint32Array;
  readonly onceSaved: Uint32Array;
}

/** How far back the slot is looked for that a register was read back from, instructions. */
const MOST_BACK = 64;

/**
 * Linear in instructions times registers; equal pairs of frames are judged once.
 * @param redZone bytes below the stack pointer that nothing else writes; a kernel has none
 * @param each is told every claim that is wrong or open, at each instruction, with the stretch of the disagreement that it is part of
 */
export function compareWitness(
  flow: Flow,
  frames: Frames,
  kept: KeptBits,
  witness: WitnessRows,
  redZone = 0,
  each?: (insn: number, subject: number, claim: Claim, stretch: Stretch) => void,
): WitnessComparison {
  const { unchanged, onceSaved } = kept;
  const { code, functions, kind } = flow;
  const { insns, arch } = code;
  const { rows } = witness;
  const registers = witness.tracked;
  const subjects = [SUBJECT_CFA, ...registers, SUBJECT_SIGNAL];
  const counts = new Map(subjects.map((subject) => [subject, new Array<number>(CLAIM_NONE + 1).fill(0)]));
  const judged = new Judgements(registers);
  const doubtful = doubtfulFunctions(frames);
  const groups = new Map<string, OpenRun>();
  /** function and subject -> the group that one of its instructions was added to last */
  const latest = new Map<number, OpenRun>();
  const partAt = new Map<number, Part>(); // instruction and subject ->
  const coveredIn = new Set<number>();
  const walkedIn = new Set<number>();
  const missing = new Map<number, number>();
  let instructions = 0;
  let covered = 0;
  let row = 0;
  for (const section of code.sections) {
    // What replaces other code is executed in its place, under that place's rows.
    if (!isOrcSection(flow, section)) continue;
    const end = code.sectionEnd[section] as number;
    for (let i = code.sectionStart[section] as number; i < end; i++) {
      const id = frames.state[i] as number;
      const owner = id === NONE ? NONE : frames.owner.of(i);
      if (owner < 0 || isPrefix(functions.table, owner)) continue;
      const state = frames.states.all[id] as FrameState;
      if (state.base === BASE_WAIVED) continue;
      instructions++;
      const f = functions.table.parent[owner] as number;
      const offset = insns.offset[i] as number;
      const home = insns.section[i] as number;
      const k = kind[i] as number;
      if (k !== KIND_NOP && k !== KIND_LANDING_PAD) walkedIn.add(f);
      while (
        row < rows.length &&
        ((rows.section[row] as number) < home || (rows.section[row] === home && (rows.end[row] as number) <= offset))
      )
        row++;
      if (row >= rows.length || rows.section[row] !== home || (rows.start[row] as number) > offset) {
        if (isCall(k) && !missing.has(f)) missing.set(f, i);
        continue;
      }
      covered++;
      coveredIn.add(f);
      const frame = rows.frame[row] as number;
      const startsRow = rows.start[row] === offset;
      const call = isCall(k) ? 1 : 0;
      const bits = unchanged[i] as number;
      // Reached over slots that registers were read back from: its claims are no other's.
      const ownPast = onceSaved[i] !== 0 && ((onceSaved[i] as number) & ~savedMask(state)) !== 0;
      let judgement = ownPast ? undefined : judged.known(state.id, bits, frame);
      if (judgement === undefined) {
        const earlier = (register: number): Place => earlierSlot(i, register);
        judgement = judged.judge(
          { arch, state, unchanged: bits, onceSaved: onceSaved[i] as number, earlier, redZone, witness, frame },
          ownPast,
        );
      }
      judgement.uses++;
      if (judgement.holds && !(startsRow && latest.size > 0)) continue;
      for (let n = 0; n < subjects.length; n++) {
        const subject = subjects[n] as number;
        const claim = judgement.claims[n] as Claim;
        if (claim.why === undefined) {
          if (startsRow && latest.size > 0) noteLate(latest.get(f * SUBJECTS + subject), i);
          continue;
        }
        const before = latest.get(f * SUBJECTS + subject);
        const goesOn = before !== undefined && before.last === i - 1 && before.why === claim.why;
        const cause = frames.cameFrom.of(i);
        const comesOn = !goesOn && cause !== i && frameAt(cause) === frame;
        const atRow = startsRow && !goesOn && !comesOn;
        const key = `${f} ${subject} ${claim.why} ${atRow}`;
        const prior = goesOn || comesOn ? partAt.get((goesOn ? i - 1 : cause) * SUBJECTS + subject) : undefined;
        const same = prior?.group.why === claim.why ? prior : undefined;
        const group = same?.group ?? groups.get(key);
        if (group !== undefined) {
          const part = same ?? { group, stretch: stretch(i, frames.cameFrom.of(i), frame, call) };
          partAt.set(i * SUBJECTS + subject, part);
          group.count++;
          group.calls += call;
          if (!goesOn) group.runs++;
          if (same === undefined) group.stretches.push(part.stretch);
          each?.(i, subject, claim, part.stretch);
          if (call === 1) {
            const open = group.stretches[group.stretches.length - 1] as { call: number };
            if (open.call === NONE) open.call = i;
            if (group.call === NONE) group.call = i;
          }
          group.last = i;
          latest.set(f * SUBJECTS + subject, group);
          continue;
        }
        const verdict = verdictOf(claim, doubtful.has(owner) || doubtful.has(f));
        const opened: OpenRun = {
          owner: f,
          subject,
          why: claim.why,
          verdict,
          insn: i,
          cause,
          atRow,
          follows: prior !== undefined && isProven(prior.group),
          count: 1,
          runs: 1,
          calls: call,
          frame,
          call: call === 1 ? i : NONE,
          late: NONE,
          last: i,
          stretches: [stretch(i, cause, frame, call)],
        };
        groups.set(key, opened);
        const part = { group: opened, stretch: opened.stretches[0] as Stretch };
        partAt.set(i * SUBJECTS + subject, part);
        each?.(i, subject, claim, part.stretch);
        latest.set(f * SUBJECTS + subject, opened);
      }
    }
  }
  /** What the witness says at an instruction; NONE where it says nothing. A row may only take up what was said where control came from. */
  function frameAt(insn: number): number {
    if (insn === NONE) return NONE;
    const at = findWitnessRow(witness, insns.section[insn] as number, insns.offset[insn] as number);
    return at === NONE ? NONE : (rows.frame[at] as number);
  }
  /** The frame is the one of the instruction before, and only the witness says something else now. */
  function noteLate(group: OpenRun | undefined, insn: number): void {
    if (group === undefined || group.last !== insn - 1) return;
    if (frames.state[insn] !== frames.state[group.last] || frames.cameFrom.of(insn) !== group.last) return;
    (group.stretches[group.stretches.length - 1] as { late: number }).late = group.last;
    if (group.late === NONE) group.late = group.last;
  }
  /** Slot of a register that was saved on every way here and is not any more: of the first way that came here. */
  function earlierSlot(insn: number, register: number): Place {
    if ((((onceSaved[insn] as number) >>> register) & 1) === 0) return NOWHERE;
    for (let at = insn, n = 0; n < MOST_BACK; n++) {
      const from = frames.cameFrom.of(at);
      if (from === at || from === NONE) return NOWHERE;
      const slot = (frames.states.all[frames.state[from] as number] as FrameState).saved[register] as Place;
      if (slot !== NOWHERE) return slot;
      at = from;
    }
    return NOWHERE;
  }

  for (const { claims, uses } of judged.all) {
    for (let n = 0; n < subjects.length; n++) {
      const count = counts.get(subjects[n] as number) as number[];
      const { verdict } = claims[n] as Claim;
      count[verdict] = (count[verdict] as number) + uses;
    }
  }
  const disagreements = [...groups.values()].map(({ last: _, ...each }): Disagreement => each);
  disagreements.sort((a, b) => a.owner - b.owner || a.insn - b.insn || a.subject - b.subject);
  return {
    instructions,
    covered,
    counts,
    disagreements,
    absent: [...walkedIn].filter((f) => !coveredIn.has(f)).sort((a, b) => a - b),
    missing: [...missing]
      .filter(([f]) => coveredIn.has(f))
      .map(([owner, insn]) => ({ owner, insn }))
      .sort((a, b) => a.owner - b.owner),
  };
}

function stretch(insn: number, cause: number, frame: number, call: number): OpenRun["stretches"][number] {
  return { insn, cause, frame, call: call === 1 ? insn : NONE, late: NONE };
}

/** Behind a mismatch of two ways the walk goes on with one of the frames: what it says from there on is no evidence. */
function doubtfulFunctions(frames: Frames): ReadonlySet<number> {
  const found = new Set<number>();
  for (const { kind, owner } of frames.events) if (kind === EVENT_MISMATCH || kind === EVENT_DRIFT) found.add(owner);
  return found;
}

function isProven({ verdict, why }: OpenRun): boolean {
  return verdict === "unwind data wrong" && why !== claimWhy.belowStack && why !== claimWhy.neverStored;
}

function verdictOf(claim: Claim, isDoubtful: boolean): WitnessVerdict {
  if (claim.why === claimWhy.notFollowed) return "ours cannot follow";
  return claim.verdict === CLAIM_OPEN || isDoubtful ? "undecided" : "unwind data wrong";
}

/** What a pair of frames claims, in the order of the subjects. */
interface Judgement {
  readonly claims: readonly Claim[];
  /** No claim is wrong or open. */
  readonly holds: boolean;
  /** Instructions that it was asked for. */
  uses: number;
}

/** Claims of pairs of frames, each found once: a kernel has few distinct pairs, and nothing is made for those that are known. */
class Judgements {
  readonly all: Judgement[] = [];
  readonly #registers: readonly number[];
  readonly #known = new TripleMap(1024);

  constructor(registers: readonly number[]) {
    this.#registers = registers;
  }

  known(state: number, unchanged: number, frame: number): Judgement | undefined {
    const known = this.#known.get(state, unchanged | 0, frame);
    return known === NONE ? undefined : this.all[known];
  }

  /** @param ownPast the claims are those of one place and no other's */
  judge(context: ClaimContext, ownPast: boolean): Judgement {
    const { state, unchanged, frame } = context;
    const claims = [
      judgeCfa(context),
      ...this.#registers.map((register) => judgeRegister(context, register)),
      judgeSignal(context),
    ];
    if (!ownPast) this.#known.set(state.id, unchanged | 0, frame, this.all.length);
    const judgement = { claims, holds: claims.every(({ why }) => why === undefined), uses: 0 };
    this.all.push(judgement);
    return judgement;
  }
}

/** "rbx", "ra", "CFA": what a claim is about */
export function subjectName(flow: Flow, subject: number): string {
  if (subject === SUBJECT_CFA) return "CFA";
  if (subject === SUBJECT_SIGNAL) return "signal";
  if (subject === RETURN_ADDRESS) return "ra";
  return flow.code.arch.registers.name[subject] ?? `register ${subject}`;
}

function savedMask({ saved }: FrameState): number {
  let mask = 0;
  for (let r = 0; r < saved.length; r++) if (saved[r] !== NOWHERE) mask |= 1 << r;
  return mask;
}

function isCall(kind: number): boolean {
  return kind === KIND_CALL || kind === KIND_INDIRECT_CALL;
}
