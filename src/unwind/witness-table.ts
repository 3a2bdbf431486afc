import { NONE } from "../base/table.ts";
import {
  CFA_DEREF,
  CFA_EXPRESSION,
  CFA_NOT_SAID,
  CFA_UNDEFINED,
  FRAME_FULL_REGS,
  FRAME_PARTIAL_REGS,
  findRule,
  RULE_EXPRESSION,
  RULE_NOT_SAID,
  type WitnessRows,
} from "./witness-rows.ts";

// The rows of several witnesses side by side: where each begins and ends, cut so that within one span every witness says one thing.

export interface WitnessSpan {
  /** First byte and behind the last, offsets in the section. */
  readonly start: number;
  readonly end: number;
  /** In the order of the witnesses: the row's frame, or NONE where the witness says nothing. */
  readonly frames: readonly number[];
}

/** The spans of bytes `start` to before `end` of `section`, without gaps; neighbours differ in the frame of one witness at least. */
export function witnessSpans(
  witnesses: readonly WitnessRows[],
  section: number,
  start: number,
  end: number,
): WitnessSpan[] {
  const lanes = witnesses.map((witness) => laneOf(witness, section, start, end));
  const cuts = new Set<number>([start]);
  for (const lane of lanes)
    for (const { from, to } of lane) {
      if (from > start) cuts.add(from);
      if (to < end) cuts.add(to);
    }
  const at = new Int32Array(lanes.length);
  const spans: { start: number; end: number; frames: number[] }[] = [];
  for (const from of [...cuts].sort((a, b) => a - b)) {
    const frames = lanes.map((lane, n) => {
      while (lane[at[n] as number] !== undefined && lane[at[n] as number]!.to <= from) at[n] = (at[n] as number) + 1;
      const row = lane[at[n] as number];
      return row !== undefined && row.from <= from ? row.frame : NONE;
    });
    const before = spans.at(-1);
    if (before !== undefined) before.end = from;
    if (before?.frames.every((frame, n) => frame === frames[n]) === true) continue;
    spans.push({ start: from, end, frames });
  }
  const last = spans.at(-1);
  if (last !== undefined) last.end = end;
  return spans;
}

interface LaneRow {
  readonly from: number;
  readonly to: number;
  readonly frame: number;
}

function laneOf({ rows }: WitnessRows, section: number, start: number, end: number): LaneRow[] {
  const found: LaneRow[] = [];
  let low = 0;
  let high = rows.length;
  // The first row of the section that ends behind `start`: rows are sorted and do not overlap.
  while (low < high) {
    const middle = (low + high) >> 1;
    const s = rows.section[middle] as number;
    if (s < section || (s === section && (rows.end[middle] as number) <= start)) low = middle + 1;
    else high = middle;
  }
  for (let row = low; row < rows.length; row++) {
    if (rows.section[row] !== section || (rows.start[row] as number) >= end) break;
    found.push({ from: rows.start[row] as number, to: rows.end[row] as number, frame: rows.frame[row] as number });
  }
  return found;
}

/** What two witnesses say of one place. */
export interface FrameComparison {
  /** Registers (RETURN_ADDRESS among them) of which both speak and say other things. */
  readonly registers: readonly number[];
  /** "unlike": each gives the CFA by another register or in another way, and which is right is not seen from the two. */
  readonly cfa: "same" | "differs" | "unlike";
}

/** Compares what both track; where one of them does not say, or says it by an expression, nothing differs. */
export function compareFrames(a: WitnessRows, inA: number, b: WitnessRows, inB: number): FrameComparison {
  const registers: number[] = [];
  for (const register of a.tracked) {
    if (!b.tracked.includes(register) || isWholeSet(a, inA) || isWholeSet(b, inB)) continue;
    const left = findRule(a, inA, register);
    const right = findRule(b, inB, register);
    if (isSilent(a, left) || isSilent(b, right)) continue;
    if (!isSameRule(a, left, b, right)) registers.push(register);
  }
  return { registers, cfa: compareCfa(a, inA, b, inB) };
}

function compareCfa(a: WitnessRows, inA: number, b: WitnessRows, inB: number): FrameComparison["cfa"] {
  const [left, right] = [a.frames, b.frames];
  const kind = left.cfa[inA] as number;
  const other = right.cfa[inB] as number;
  const isOpen = (cfa: number) => cfa === CFA_NOT_SAID || cfa === CFA_EXPRESSION;
  if (isOpen(kind) || isOpen(other)) return "same";
  if (kind !== other) return "unlike";
  if (kind === CFA_UNDEFINED) return "same";
  if (left.cfaRegister[inA] !== right.cfaRegister[inB]) return "unlike";
  const same = left.cfaOffset[inA] === right.cfaOffset[inB] && left.cfaBehind[inA] === right.cfaBehind[inB];
  // Another slot of the same register may hold the same word.
  return same ? "same" : kind === CFA_DEREF ? "unlike" : "differs";
}

/** The rules of its registers follow from where the set of them was saved, and are not listed. */
function isWholeSet({ frames }: WitnessRows, frame: number): boolean {
  return ((frames.flags[frame] as number) & (FRAME_FULL_REGS | FRAME_PARTIAL_REGS)) !== 0;
}

function isSilent({ rules }: WitnessRows, rule: number): boolean {
  if (rule === NONE) return false;
  const kind = rules.rule[rule];
  return kind === RULE_NOT_SAID || kind === RULE_EXPRESSION;
}

function isSameRule(a: WitnessRows, left: number, b: WitnessRows, right: number): boolean {
  if (left === NONE || right === NONE) return left === right;
  const [x, y] = [a.rules, b.rules];
  return x.rule[left] === y.rule[right] && x.base[left] === y.base[right] && x.offset[left] === y.offset[right];
}
