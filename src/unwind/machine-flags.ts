import { lowerBound, NONE, TableBuilder } from "../base/table.ts";
import { TripleMap } from "../base/triple-map.ts";
import { countedFor } from "../flow/counted-for.ts";
import { type Flow, KIND_CONDITIONAL_TAIL, KIND_INDIRECT_TAIL, KIND_TAIL_CALL, ownerOf } from "../flow/flow.ts";
import { sameFamily } from "../flow/functions.ts";
import { MARK_INSTEAD } from "../flow/marks.ts";
import type { Returns } from "../flow/returns.ts";
import { type Successors, successors } from "../flow/successors.ts";
import {
  KIND_ACCESS_CLOSE,
  KIND_ACCESS_OPEN,
  KIND_CALL,
  KIND_DIRECTION_CLEAR,
  KIND_DIRECTION_SET,
  KIND_INDIRECT_CALL,
  KIND_RETURN,
  OP_POP_FLAGS,
  OP_PUSH_FLAGS,
} from "../isa/insn-table.ts";
import {
  chooseEvents,
  FLAG_EVENT_CALL_DIRECTION,
  FLAG_EVENT_CALL_OPEN,
  FLAG_EVENT_DOUBLE_OPEN,
  FLAG_EVENT_DOUBLE_SET,
  FLAG_EVENT_REDUNDANT_CLEAR,
  FLAG_EVENT_REDUNDANT_CLOSE,
  FLAG_EVENT_RETURN_CLOSED,
  FLAG_EVENT_RETURN_DIRECTION,
  FLAG_EVENT_RETURN_OPEN,
  FLAG_EVENT_SAFE_CLOSES,
  FLAG_EVENT_STACK_EXHAUSTED,
  type FlagEvent,
  isClearedBehind,
} from "./flag-events.ts";

// Two machine flags that must not leak: user access (AC on x86 with SMAP) and the direction flag. Both are walked together over the same
// flow as the frames, but every (instruction, flags) pair once, since two paths may legally meet with different flags and part again.

/**
 * Flags before an instruction: bit 0 user access open, bit 1 direction set, bits 2 and 3 that something was told of them on the way here, bits 4
 * and 5 that a call was, above them the saved access bits of pushed flags.
 */
export type FlagState = number;
export const ACCESS_OPEN = 1;
export const DIRECTION_SET = 2;
/** Behind a clear or a close too many the flag is followed, and nothing more is told of it until it is set: one defect makes one finding. */
const TOLD_ACCESS = 4;
const TOLD_DIRECTION = 8;
/** Of the calls of a region on one way, the first one counts. */
const CALLED_ACCESS = 16;
const CALLED_DIRECTION = 32;
const FLAG_BITS = 63;
const STACK_SHIFT = 6;
/** Pushed flags: a leading 1 and then one bit each, so 2^16 is a stack of 16. */
const EMPTY_STACK = 1;
const MAX_STACK = 1 << 16;

export interface FlagsResult {
  readonly events: readonly FlagEvent[];
  /** function -> events beyond MOST_EVENTS, that are not among `events` */
  readonly untold: ReadonlyMap<number, number>;
}

const visitSchema = {
  /** -> instruction */ insn: "i32",
  /** FlagState before it */ flags: "i32",
  /** -> visit that first led here, NONE at a root */ from: "i32",
  /** -> function that it was walked for, or NONE */ owner: "i32",
} as const;

const MAX_PATH = 4096;
/** Events of one kind that one function is told; each holds a path, so that without a bound they would outgrow the object by far. */
export const MOST_EVENTS = 20;

/**
 * @param isAccessSafe whether the tree lists a function as callable with user access open; such a function is entered with it open
 */
export function walkFlags(flow: Flow, returns: Returns, isAccessSafe: (symbol: string) => boolean): FlagsResult {
  const { code, functions, kind, symbol, marks, instead } = flow;
  const { table } = functions;
  const { symbolName } = code.object;
  const next = successors(flow, returns);
  const { edges } = instead;
  const causes = new Map<string, FlagEvent[]>();
  const eventCount = new Map<number, number>();
  const untold = new Map<number, number>();
  // One row for each pair of an instruction and the flags that it is reached with.
  const known = new TripleMap(1024);
  const visits = new TableBuilder(visitSchema, 1024);
  const work: number[] = [];
  const safe = new Uint8Array(table.length);
  for (let f = 0; f < table.length; f++) {
    const family = table.parent[f] as number;
    safe[f] = isAccessSafe(symbolName[table.symbol[family] as number] as string) ? 1 : 0;
  }

  const arrive = (insn: number, flags: FlagState, from: number, forOwner: number): void => {
    if (known.get(insn, flags, 0) !== NONE) return;
    visits.reserve(1);
    const visit = visits.length++;
    const { columns } = visits;
    columns.insn[visit] = insn;
    columns.flags[visit] = flags;
    columns.from[visit] = from;
    columns.owner[visit] = forOwner;
    known.set(insn, flags, 0, visit);
    work.push(visit);
  };

  /** Writes an event down, and returns the flag that says so on the way from here. */
  const report = (eventKind: number, visit: number, forOwner: number): number => {
    const isDirection = eventKind >= FLAG_EVENT_RETURN_DIRECTION && eventKind <= FLAG_EVENT_REDUNDANT_CLEAR;
    const toldBit = isDirection ? TOLD_DIRECTION : TOLD_ACCESS;
    const flags = visits.columns.flags[visit] as number;
    if ((flags & toldBit) !== 0) return toldBit;
    const insn = visits.columns.insn[visit] as number;
    const whom = countedFor(flow, forOwner, insn);
    const count = (eventCount.get(whom) ?? 0) + 1;
    eventCount.set(whom, count);
    if (count > MOST_EVENTS) {
      untold.set(forOwner, (untold.get(forOwner) ?? 0) + 1);
      return toldBit;
    }
    const path = pathTo(visits, visit);
    const bit = isDirection ? DIRECTION_SET : ACCESS_OPEN;
    const isDouble = eventKind === FLAG_EVENT_DOUBLE_OPEN || eventKind === FLAG_EVENT_DOUBLE_SET;
    const cause = `${forOwner}:${bit}:${flags & bit}:${originOf(path, bit, isDouble ? undefined : kind)}`;
    const event = {
      kind: eventKind,
      insn,
      owner: forOwner,
      flags: flags & 3,
      also: [],
      path,
    };
    const list = causes.get(cause);
    if (list === undefined) causes.set(cause, [event]);
    else list.push(event);
    return toldBit;
  };

  const crossOwner = (to: number, forOwner: number): number => {
    const there = ownerOf(flow, to);
    if (there === NONE || there === forOwner) return forOwner;
    if (forOwner === NONE || sameFamily(table, forOwner, there)) return there;
    return NONE - 1; // runs into another function: the frame walk reports that
  };

  const step = (visit: number): void => {
    const insn = visits.columns.insn[visit] as number;
    let flags = visits.columns.flags[visit] as number;
    const forOwner = visits.columns.owner[visit] as number;
    const isSafe = forOwner !== NONE && safe[forOwner] === 1;
    if (((marks.bits[insn] as number) & MARK_INSTEAD) !== 0) {
      for (let e = lowerBound(edges.from, insn, 0, edges.length); e < edges.length && edges.from[e] === insn; e++) {
        const to = edges.to[e] as number;
        const nextOwner = crossOwner(to, forOwner);
        if (nextOwner >= NONE) arrive(to, flags, visit, nextOwner);
      }
      if (instead.skipped.has(insn)) return;
    }
    const k = kind[insn] as number;
    switch (k) {
      case KIND_RETURN:
        if ((flags & ACCESS_OPEN) !== 0 && !isSafe) report(FLAG_EVENT_RETURN_OPEN, visit, forOwner);
        if ((flags & ACCESS_OPEN) === 0 && isSafe) report(FLAG_EVENT_RETURN_CLOSED, visit, forOwner);
        if ((flags & DIRECTION_SET) !== 0) report(FLAG_EVENT_RETURN_DIRECTION, visit, forOwner);
        return;
      case KIND_CALL:
      case KIND_INDIRECT_CALL:
      case KIND_TAIL_CALL:
      case KIND_CONDITIONAL_TAIL:
      case KIND_INDIRECT_TAIL: {
        const callee = symbol.at(insn);
        const calleeSafe = callee !== NONE && isAccessSafe(symbolName[callee] as string);
        if ((flags & (ACCESS_OPEN | CALLED_ACCESS)) === ACCESS_OPEN && !calleeSafe) {
          report(FLAG_EVENT_CALL_OPEN, visit, forOwner);
          flags |= CALLED_ACCESS;
        }
        if ((flags & (DIRECTION_SET | CALLED_DIRECTION)) === DIRECTION_SET) {
          report(FLAG_EVENT_CALL_DIRECTION, visit, forOwner);
          flags |= CALLED_DIRECTION;
        }
        break;
      }
      case KIND_ACCESS_OPEN:
        // What was told is over where a closed access is opened: another region begins, with defects of its own.
        if ((flags & ACCESS_OPEN) === 0) flags &= ~TOLD_ACCESS;
        else report(FLAG_EVENT_DOUBLE_OPEN, visit, forOwner);
        flags = (flags & ~CALLED_ACCESS) | ACCESS_OPEN;
        break;
      case KIND_ACCESS_CLOSE:
        if ((flags & ACCESS_OPEN) === 0 && forOwner !== NONE)
          flags |= report(FLAG_EVENT_REDUNDANT_CLOSE, visit, forOwner);
        if (isSafe && flags >>> STACK_SHIFT === EMPTY_STACK) flags |= report(FLAG_EVENT_SAFE_CLOSES, visit, forOwner);
        flags &= ~(ACCESS_OPEN | CALLED_ACCESS);
        break;
      case KIND_DIRECTION_SET:
        if ((flags & DIRECTION_SET) === 0) flags &= ~TOLD_DIRECTION;
        else report(FLAG_EVENT_DOUBLE_SET, visit, forOwner);
        flags = (flags & ~CALLED_DIRECTION) | DIRECTION_SET;
        break;
      case KIND_DIRECTION_CLEAR:
        if ((flags & DIRECTION_SET) === 0 && forOwner !== NONE)
          flags |= report(FLAG_EVENT_REDUNDANT_CLEAR, visit, forOwner);
        flags &= ~(DIRECTION_SET | CALLED_DIRECTION);
        break;
    }
    // Flags that are pushed and popped count only inside alternatives: that is how access is saved over a region (smap_save()).
    if (code.insns.op.at(insn) !== NONE && isAlternative(insn)) flags = saveOrRestore(insn, flags, visit, forOwner);
    const n = next.of(insn);
    for (const to of n === next.to.length ? next.to.slice() : next.to.slice(0, n)) {
      const nextOwner = crossOwner(to, forOwner);
      if (nextOwner >= NONE) arrive(to, flags, visit, nextOwner);
    }
  };

  const isAlternative = (insn: number): boolean => instead.replacementOf.has(insn);

  const saveOrRestore = (insn: number, flags: FlagState, visit: number, forOwner: number): FlagState => {
    const { ops } = code;
    let result = flags;
    for (let row = code.insns.op.at(insn); row < ops.length && ops.insn[row] === insn; row++) {
      const op = ops.op[row];
      let stack = result >>> STACK_SHIFT;
      if (op === OP_PUSH_FLAGS) {
        if (stack >= MAX_STACK) report(FLAG_EVENT_STACK_EXHAUSTED, visit, forOwner);
        else stack = stack * 2 + (result & ACCESS_OPEN);
        result = (result & FLAG_BITS) | (stack << STACK_SHIFT);
      } else if (op === OP_POP_FLAGS && stack > EMPTY_STACK) {
        result = (result & FLAG_BITS & ~ACCESS_OPEN) | (stack & 1) | ((stack >>> 1) << STACK_SHIFT);
      }
    }
    return result;
  };

  const empty = EMPTY_STACK << STACK_SHIFT;
  for (const f of rootsOfInterest(flow, next, safe)) {
    const insn = table.firstInsn[f] as number;
    if (insn === NONE || marks.excluded[f] === 1) continue;
    arrive(insn, empty | (safe[f] === 1 ? ACCESS_OPEN : 0), NONE, f);
    for (let visit = work.pop(); visit !== undefined; visit = work.pop()) step(visit);
  }
  for (const insn of codeWithoutFunction(flow)) {
    arrive(insn, empty, NONE, NONE);
    for (let visit = work.pop(); visit !== undefined; visit = work.pop()) step(visit);
  }
  const closes = (event: FlagEvent): boolean => isClearedBehind(flow, next, event);
  return { events: [...causes.values()].flatMap((list) => chooseEvents(list, closes)), untold };
}

/** Instructions that set or clear a flag. */
function flagChanges({ rows }: Flow): Int32Array {
  return rows.of(KIND_ACCESS_OPEN, KIND_ACCESS_CLOSE, KIND_DIRECTION_SET, KIND_DIRECTION_CLEAR);
}

/**
 * Functions that open, close or inherit a flag; every other one is entered and left with all of them clear. Where code without a function
 * touches one, it may be anybody's: then also every function that jumps or runs into such code.
 */
function rootsOfInterest(flow: Flow, next: Successors, safe: Uint8Array): number[] {
  const { table } = flow.functions;
  const wanted = new Set<number>();
  let anybody = false;
  for (const i of flagChanges(flow)) {
    const f = ownerOf(flow, i);
    if (f === NONE) anybody = true;
    else wanted.add(table.parent[f] as number);
  }
  if (anybody) addThoseThatLeave(flow, next, wanted);
  for (let f = 0; f < table.length; f++) if (safe[f] === 1) wanted.add(table.parent[f] as number);
  return [...wanted].sort((a, b) => a - b);
}

/** Adds the families that control leaves for code without a function. */
function addThoseThatLeave(flow: Flow, next: Successors, wanted: Set<number>): void {
  const { functions, next: following, instead, tables } = flow;
  const { ofInsn } = functions;
  const { parent } = functions.table;
  const leave = (from: number, to: number): void => {
    if (ownerOf(flow, to) !== NONE) return;
    const f = ownerOf(flow, from);
    if (f !== NONE) wanted.add(parent[f] as number);
  };
  const follow = (from: number): void => {
    const count = next.of(from);
    for (let n = 0; n < count; n++) leave(from, next.to[n] as number);
  };
  for (const turn of flow.toNobody) follow(turn);
  // What runs off the end of a function.
  for (const { from: i } of functions.gaps)
    if (i > 0 && ofInsn[i - 1] !== NONE && following.of(i - 1) === i) follow(i - 1);
  for (let e = 0; e < instead.edges.length; e++) leave(instead.edges.from[e] as number, instead.edges.to[e] as number);
  for (let e = 0; e < tables.edges.length; e++) leave(tables.edges.from[e] as number, tables.edges.to[e] as number);
}

/** Hinted code outside of functions that touches a flag: entry code and the like. */
function codeWithoutFunction(flow: Flow): number[] {
  const { hints, functions, code } = flow;
  const sections = new Set<number>();
  for (const i of flagChanges(flow)) {
    if (ownerOf(flow, i) === NONE) sections.add(code.insns.section[i] as number);
  }
  const roots: number[] = [];
  for (let h = 0; h < hints.length; h++) {
    const insn = hints.insn[h] as number;
    if (functions.ofInsn[insn] === NONE && sections.has(code.insns.section[insn] as number)) roots.push(insn);
  }
  return roots;
}

/**
 * Instruction of a path behind which the flag kept the value that it has at the end: the set or clear, or the entry.
 * @param kind given where a flag that is set once more begins anew: what is missing before it and what is missing behind it are two defects
 */
function originOf(path: FlagEvent["path"], flag: number, kind: Flow["kind"] | undefined): number {
  let n = path.length - 1;
  const value = (path[n]?.flags ?? 0) & flag;
  const setter = value === 0 ? NONE : flag === ACCESS_OPEN ? KIND_ACCESS_OPEN : KIND_DIRECTION_SET;
  while (n > 0) {
    const before = path[n - 1] as FlagEvent["path"][number];
    if ((before.flags & flag) !== value || kind?.[before.insn] === setter) break;
    n--;
  }
  return n > 0 ? (path[n - 1] as FlagEvent["path"][number]).insn : (path[0]?.insn ?? NONE);
}

function pathTo({ columns }: TableBuilder<typeof visitSchema>, visit: number): { insn: number; flags: FlagState }[] {
  const path: { insn: number; flags: FlagState }[] = [];
  for (let v = visit; v !== NONE && path.length < MAX_PATH; v = columns.from[v] as number) {
    path.push({ insn: columns.insn[v] as number, flags: (columns.flags[v] as number) & 3 });
  }
  return path.reverse();
}
