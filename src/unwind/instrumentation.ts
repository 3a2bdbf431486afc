import { lowerBound, NONE } from "../base/table.ts";
import { countedFor } from "../flow/counted-for.ts";
import { type Flow, KIND_CONDITIONAL_TAIL, KIND_INDIRECT_TAIL, KIND_TAIL_CALL, ownerOf } from "../flow/flow.ts";
import { FUNCTION_WITHOUT_SIZE, sameFamily } from "../flow/functions.ts";
import { MARK_INSTEAD, MARK_INSTR_BEGIN, MARK_INSTR_END, type Marks } from "../flow/marks.ts";
import type { Returns } from "../flow/returns.ts";
import { successors } from "../flow/successors.ts";
import { KIND_CALL, KIND_INDIRECT_CALL, KIND_RETURN } from "../isa/insn-table.ts";
import { MOST_EVENTS } from "./machine-flags.ts";

// Code that must not be instrumented may call other code only between instrumentation_begin() and instrumentation_end(): annotated no-ops that
// count up and down (include/linux/instrumentation.h). The count is walked as the frames are, but every (instruction, count) pair once.

/** A call, or a jump that leaves the function, while nothing may be instrumented, to something that may be. */
export const INSTR_EVENT_LEAVES = 1;
/** A return while the count is above zero. */
export const INSTR_EVENT_RETURN_OPEN = 2;
/** The same by a tail call that comes back. */
export const INSTR_EVENT_TAIL_OPEN = 3;

export interface InstrumentationEvent {
  /** INSTR_EVENT_* */
  readonly kind: number;
  readonly insn: number;
  readonly owner: number;
  /** Instructions on the way with the count before each, from the root to `insn`. */
  readonly path: readonly { readonly insn: number; readonly depth: number }[];
}

/** Deeper nesting is not told apart: a count that a loop drives up or down ends here. */
const MOST = 11;
const LEAST = -4;
const SPAN = MOST - LEAST + 1;
const MAX_PATH = 4096;

/**
 * @param isNoinstr whether code of a section must not be instrumented
 * @param leaves whether a call or a jump out of its function goes to code that may be instrumented; asked of each instruction once
 */
export function walkInstrumentation(
  flow: Flow,
  returns: Returns,
  isNoinstr: (section: number) => boolean,
  leaves: (insn: number) => boolean,
): InstrumentationEvent[] {
  const { code, functions, kind, marks, instead } = flow;
  const { table } = functions;
  const next = successors(flow, returns);
  const { edges } = instead;
  const events: InstrumentationEvent[] = [];
  const told = new Set<number>();
  const eventCount = new Map<number, number>();
  /** insn * SPAN + depth - LEAST -> the same of its predecessor, or -1 at a root */
  const cameFrom = new Map<number, number>();
  const ownerOfKey = new Map<number, number>();
  const verdicts = new Map<number, boolean>();
  const work: number[] = [];

  const arrive = (insn: number, depth: number, from: number, forOwner: number): void => {
    const key = insn * SPAN + Math.min(MOST, Math.max(LEAST, depth)) - LEAST;
    if (cameFrom.has(key)) return;
    cameFrom.set(key, from);
    ownerOfKey.set(key, forOwner);
    work.push(key);
  };

  const goOn = (to: number, depth: number, key: number, forOwner: number): void => {
    const there = ownerOf(flow, to);
    if (there === NONE || there === forOwner) arrive(to, depth, key, forOwner);
    else if (forOwner === NONE || sameFamily(table, forOwner, there)) arrive(to, depth, key, there);
    // Runs into another function: the frame walk reports that.
  };

  const doesLeave = (insn: number): boolean => {
    let verdict = verdicts.get(insn);
    if (verdict === undefined) {
      verdict = leaves(insn);
      verdicts.set(insn, verdict);
    }
    return verdict;
  };

  const report = (eventKind: number, key: number): void => {
    const insn = Math.floor(key / SPAN);
    if (told.has(insn)) return;
    told.add(insn);
    const owner = ownerOfKey.get(key) as number;
    const whom = countedFor(flow, owner, insn);
    const count = (eventCount.get(whom) ?? 0) + 1;
    eventCount.set(whom, count);
    if (count <= MOST_EVENTS) events.push({ kind: eventKind, insn, owner, path: pathTo(cameFrom, key) });
  };

  const step = (key: number): void => {
    const insn = Math.floor(key / SPAN);
    let depth = (key % SPAN) + LEAST;
    const forOwner = ownerOfKey.get(key) as number;
    const bits = marks.bits[insn] as number;
    if ((bits & MARK_INSTEAD) !== 0) {
      for (let e = lowerBound(edges.from, insn, 0, edges.length); e < edges.length && edges.from[e] === insn; e++)
        goOn(edges.to[e] as number, depth, key, forOwner);
      if (instead.skipped.has(insn)) return;
    }
    if ((bits & (MARK_INSTR_BEGIN | MARK_INSTR_END)) !== 0) depth += regionChange(marks, insn);
    const k = kind[insn] as number;
    const isTail = k === KIND_TAIL_CALL || k === KIND_INDIRECT_TAIL || k === KIND_CONDITIONAL_TAIL;
    if (k === KIND_RETURN) {
      if (depth > 0) report(INSTR_EVENT_RETURN_OPEN, key);
      return;
    }
    // Where no function is left, a jump is none's end: thunks, and assembly that goes on elsewhere.
    if (k === KIND_CALL || k === KIND_INDIRECT_CALL || (isTail && forOwner !== NONE)) {
      if (depth <= 0 && doesLeave(insn)) report(INSTR_EVENT_LEAVES, key);
      else if (depth > 0 && isTail) report(INSTR_EVENT_TAIL_OPEN, key);
    }
    const n = next.of(insn);
    for (const to of next.to.slice(0, n)) goOn(to, depth, key, forOwner);
  };

  const enter = (insn: number, forOwner: number): void => {
    arrive(insn, 0, -1, forOwner);
    for (let key = work.pop(); key !== undefined; key = work.pop()) step(key);
  };

  for (let f = 0; f < table.length; f++) {
    const insn = table.firstInsn[f] as number;
    if (insn === NONE || table.parent[f] !== f || marks.excluded[f] === 1) continue;
    if (((table.flags[f] as number) & FUNCTION_WITHOUT_SIZE) !== 0 || !isNoinstr(table.section[f] as number)) continue;
    enter(insn, f);
  }
  // Assembly that is no function is entered where a hint states its frame.
  for (let h = 0; h < flow.hints.length; h++) {
    const insn = flow.hints.insn[h] as number;
    if (functions.ofInsn[insn] === NONE && isNoinstr(code.insns.section[insn] as number)) enter(insn, NONE);
  }
  return events;
}

/** How many regions an instruction opens, less those that it closes. */
function regionChange({ bits, moreRegions }: Marks, insn: number): number {
  const begin = ((bits[insn] as number) & MARK_INSTR_BEGIN) !== 0 ? 1 : 0;
  const end = ((bits[insn] as number) & MARK_INSTR_END) !== 0 ? 1 : 0;
  return begin - end + (moreRegions.get(insn) ?? 0);
}

function pathTo(cameFrom: ReadonlyMap<number, number>, key: number): { insn: number; depth: number }[] {
  const path: { insn: number; depth: number }[] = [];
  for (let k = key; k >= 0 && path.length < MAX_PATH; k = cameFrom.get(k) as number)
    path.push({ insn: Math.floor(k / SPAN), depth: (k % SPAN) + LEAST });
  return path.reverse();
}
