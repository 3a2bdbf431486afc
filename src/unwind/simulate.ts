import { InvariantError } from "../base/errors.ts";
import { lowerBound, NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import {
  FAULT_UNANNOTATED_INTRA_CALL,
  KIND_CONDITIONAL_TAIL,
  KIND_INDIRECT_TAIL,
  KIND_INTRA_CALL,
  KIND_TAIL_CALL,
  ownerOf,
} from "../flow/flow.ts";
import { FUNCTION_WITHOUT_SIZE, isPrefix, sameFamily } from "../flow/functions.ts";
import { MARK_HINT, MARK_INSTEAD } from "../flow/marks.ts";
import type { Returns } from "../flow/returns.ts";
import { successors } from "../flow/successors.ts";
import {
  FLAG_FAR,
  KIND_BRANCH,
  KIND_CALL,
  KIND_CONTEXT_RETURN,
  KIND_INDIRECT_CALL,
  KIND_JUMP,
  KIND_RETURN,
} from "../isa/insn-table.ts";
import {
  UNWIND_HINT_TYPE_FUNC,
  UNWIND_HINT_TYPE_RESTORE,
  UNWIND_HINT_TYPE_SAVE,
  UNWIND_HINT_TYPE_UNDEFINED,
} from "../orc/constants.ts";
import { type Brought, BroughtFrames } from "./brought.ts";
import { CameFrom } from "./came-from.ts";
import { doubtfulWay, drifts, hintBase, isModified, statedFrames, statingHints } from "./frame-checks.ts";
import {
  EVENT_DRIFT,
  EVENT_FAULT,
  EVENT_INTO_FUNCTION,
  EVENT_MISMATCH,
  EVENT_NO_SAVE,
  EVENT_OFF_SECTION,
  EVENT_RETURN_MODIFIED,
  EVENT_TAIL_MODIFIED,
  type FrameEvent,
} from "./frame-events.ts";
import { Owners } from "./owners.ts";
import { BASE_LOST, BASE_UNDEFINED, BASE_WAIVED, FRAME_UNDEFINED, type FrameState, FrameStates } from "./state.ts";
import { FAULT_UNDEFINED } from "./transfer.ts";
import { Transitions } from "./transitions.ts";
import { planWalk, runsOn } from "./walk-plan.ts";

// Forward dataflow over the instructions of one object, from every function entry and every hint. Each instruction has one state: the
// first that reaches it fixes the contract, later ones must agree and may only take knowledge of values away. So the work is linear in
// instructions times registers.

export interface Frames {
  readonly states: FrameStates;
  /** insn -> state id before it, NONE where no path reaches it */
  readonly state: Int32Array;
  readonly cameFrom: CameFrom;
  /** For which function an instruction was walked. */
  readonly owner: Owners;
  readonly events: readonly FrameEvent[];
  /** Ways to the instructions that a hint states a frame of; none that enters a function from nowhere. In no order. */
  readonly brought: readonly Brought[];
}

export function simulateFrames(flow: Flow, returns: Returns): Frames {
  const { code, functions, marks, hints, instead, kind, target } = flow;
  const { ofInsn } = functions;
  const states = new FrameStates(code.arch);
  const transitions = new Transitions(states, code);
  const count = code.insns.length;
  const state = new Int32Array(count).fill(NONE);
  const cameFrom = new CameFrom(state);
  const owner = new Owners(ofInsn, state);
  const events: FrameEvent[] = [];
  const conflicted = new Set<number>();
  const crossed = new Set<number>();
  const next = successors(flow, returns);
  const entry = states.entry();
  const work: number[] = [];
  const saveWaiters = new Map<number, { insn: number; from: number; owner: number; state: FrameState }[]>();
  const { edges } = instead;
  const stating = statingHints(hints);
  const isStated = statedFrames(flow, stating, cameFrom);
  const brought = new BroughtFrames();
  const unannotated = new Set(flow.faults.filter((f) => f.fault === FAULT_UNANNOTATED_INTRA_CALL).map((f) => f.insn));

  const hasOwnedReplacements = [...instead.replacementOf.keys()].some((insn) => ofInsn[insn] !== NONE);
  const plan = planWalk(flow, hasOwnedReplacements ? (insn) => instead.replacementOf.has(insn) : undefined);

  const arrive = (insn: number, from: number, forOwner: number, arriving: FrameState): void => {
    let incoming = arriving;
    const hint = ((marks.bits[insn] as number) & MARK_HINT) === 0 ? undefined : stating.get(insn);
    const hinted = hint !== undefined;
    if (hinted) {
      if (from !== NONE) brought.set(insn, from, incoming);
      const stated = hintedState(hint, incoming, from, forOwner);
      if (stated === undefined) return;
      incoming = stated;
    }
    const before = state[insn] as number;
    if (before === NONE) {
      state[insn] = incoming.id;
      cameFrom.set(insn, from === NONE ? insn : from);
      owner.set(insn, forOwner);
      work.push(insn);
      releaseWaiters(insn);
      return;
    }
    if (hinted || before === incoming.id) return;
    const held = states.all[before] as FrameState;
    if (held.contract !== incoming.contract) {
      if (held.base === BASE_LOST || incoming.base === BASE_LOST || conflicted.has(insn)) return;
      conflicted.add(insn);
      events.push({ kind: EVENT_MISMATCH, insn, owner: forOwner, from, state: incoming, other: held, detail: 0 });
      return;
    }
    const joined = states.join(held, incoming);
    if (joined !== held) {
      if (drifts(code.arch.registers.sp, held, incoming))
        events.push({ kind: EVENT_DRIFT, insn, owner: forOwner, from, state: incoming, other: held, detail: 0 });
      state[insn] = joined.id;
      work.push(insn);
    }
  };

  /** The state that row `h` of the hints states, or undefined while the state that it restores is not known yet. */
  const hintedState = (h: number, incoming: FrameState, from: number, forOwner: number): FrameState | undefined => {
    const type = hints.type[h] as number;
    if (type === UNWIND_HINT_TYPE_FUNC) return entry;
    if (type === UNWIND_HINT_TYPE_UNDEFINED) return states.plain(BASE_WAIVED, 0, FRAME_UNDEFINED, 0);
    const insn = hints.insn[h] as number;
    if (type !== UNWIND_HINT_TYPE_RESTORE) {
      const base = hintBase(flow, hints.spReg[h] as number);
      return states.plain(base, hints.spOffset[h] as number, type, hints.signal[h] as number);
    }
    const save = precedingSave(insn);
    if (save === NONE) {
      if (from !== NONE) events.push({ kind: EVENT_NO_SAVE, insn, owner: forOwner, from, state: incoming, detail: 0 });
      return from === NONE ? undefined : states.lost();
    }
    if (state[save] !== NONE) return states.all[state[save] as number] as FrameState;
    const list = saveWaiters.get(save) ?? [];
    list.push({ insn, from, owner: forOwner, state: incoming });
    saveWaiters.set(save, list);
    return undefined;
  };

  const precedingSave = (insn: number): number => {
    const f = functions.ofInsn[insn] as number;
    for (let h = lowerBound(hints.insn, insn, 0, hints.length) - 1; h >= 0; h--) {
      const at = hints.insn[h] as number;
      if (functions.ofInsn[at] !== f || code.insns.section[at] !== code.insns.section[insn]) return NONE;
      if (hints.type[h] === UNWIND_HINT_TYPE_SAVE) return at;
    }
    return NONE;
  };

  const releaseWaiters = (save: number): void => {
    const list = saveWaiters.get(save);
    if (list === undefined) return;
    saveWaiters.delete(save);
    for (const w of list) arrive(w.insn, w.from, w.owner, w.state);
  };

  /** What a padding's symbol does not cover of it was walked for that symbol (kCFI: the hash has one, the no-ops behind it have none). */
  const paddingOf = (insn: number): number => {
    const walked = owner.of(insn);
    return walked !== NONE && isPrefix(functions.table, walked) ? walked : NONE;
  };

  /** Control goes from `from` to `to`: which function does it run on behalf of now? */
  const cross = (from: number, to: number, forOwner: number, current: FrameState): number => {
    const covering = ownerOf(flow, to);
    const there = covering === NONE ? paddingOf(to) : covering;
    if (there === NONE || there === forOwner) return forOwner;
    if (forOwner === NONE || sameFamily(functions.table, forOwner, there)) return there;
    // Padding runs into its function at the begin, and leads nowhere else.
    if (isPrefix(functions.table, forOwner) && functions.table.firstInsn[there] === to) return there;
    if (!crossed.has(from)) {
      crossed.add(from);
      events.push({ kind: EVENT_INTO_FUNCTION, insn: from, owner: forOwner, from, state: current, detail: there });
    }
    return NONE - 1;
  };

  const step = (insn: number): void => {
    const before = states.all[state[insn] as number] as FrameState;
    const forOwner = owner.of(insn);
    if (((marks.bits[insn] as number) & MARK_INSTEAD) !== 0) {
      for (let e = lowerBound(edges.from, insn, 0, edges.length); e < edges.length && edges.from[e] === insn; e++) {
        const to = edges.to[e] as number;
        const next = cross(insn, to, forOwner, before);
        if (next >= NONE) arrive(to, insn, next, before);
      }
      if (instead.skipped.has(insn)) return;
    }
    const k = kind[insn] as number;
    let after = before;
    const effect = k === KIND_CONTEXT_RETURN ? undefined : transitions.after(before, insn);
    if (effect !== undefined) {
      // Code without a function may use a stack whose frame nobody has to find; the frame stays undefined.
      after = effect.fault === FAULT_UNDEFINED && forOwner === NONE ? before : effect.state;
      if (effect.fault !== 0 && isFault(insn, effect.fault, forOwner)) {
        events.push({
          kind: EVENT_FAULT,
          insn,
          owner: forOwner,
          from: cameFrom.of(insn),
          state: before,
          detail: effect.fault,
        });
      }
    }
    if (k === KIND_CALL || k === KIND_INDIRECT_CALL) after = transitions.afterCall(after);
    else if (k === KIND_INTRA_CALL) after = transitions.afterIntraCall(after);
    if (unannotated.size > 0 && unannotated.has(insn)) {
      // It is told as such; what the return address on the stack does to the frame is the same defect.
      after = states.lost();
      if (target.at(insn) !== NONE) go(insn, target.at(insn), forOwner, after);
    }
    // No caller has made a frame that a far return or jump would leave in order.
    const isFar = ((code.insns.flags[insn] as number) & FLAG_FAR) !== 0;
    if (forOwner !== NONE && before.base !== BASE_LOST && !isFar) {
      if (k === KIND_RETURN && (isModified(before, entry) || isStated(insn))) {
        events.push({
          kind: EVENT_RETURN_MODIFIED,
          insn,
          owner: forOwner,
          from: cameFrom.of(insn),
          state: before,
          detail: 0,
        });
      } else if (
        (k === KIND_TAIL_CALL || k === KIND_CONDITIONAL_TAIL || k === KIND_INDIRECT_TAIL) &&
        (isModified(before, entry) || isStated(insn))
      ) {
        events.push({
          kind: EVENT_TAIL_MODIFIED,
          insn,
          owner: forOwner,
          from: cameFrom.of(insn),
          state: before,
          detail: target.at(insn),
        });
      }
    }
    // Behind its end a function's code is nobody's, and a jump from there to another function is no tail call.
    if ((k === KIND_TAIL_CALL || k === KIND_CONDITIONAL_TAIL) && target.at(insn) !== NONE) {
      const to = target.at(insn);
      if (forOwner !== NONE && isNobodys(insn)) cross(insn, to, forOwner, before);
      // Assembly that is no function has to bring the frame of the function's entry. To another section it goes for good, as entry code does
      // that has switched to the stack of a task.
      else if (forOwner === NONE && code.reloc.at(insn) === NONE) arrive(to, insn, ownerOf(flow, to), before);
    }
    const n = next.of(insn);
    const runsOff = next.runsOff;
    // `next` is shared: copy before anything else asks it.
    const first = next.to[0] as number;
    const second = next.to[1] as number;
    if (n <= 2) {
      if (n > 0) go(insn, first, forOwner, after);
      if (n > 1) go(insn, second, forOwner, after);
    } else for (const to of next.to.slice(0, n)) go(insn, to, forOwner, after);
    if (runsOff && (forOwner !== NONE || (after.base !== BASE_UNDEFINED && after.base < BASE_LOST)))
      events.push({ kind: EVENT_OFF_SECTION, insn, owner: forOwner, from: insn, state: after, detail: 0 });
  };

  const isNobodys = (insn: number): boolean =>
    ownerOf(flow, insn) === NONE &&
    functions.symbolCovering(code.insns.section[insn] as number, code.insns.offset[insn] as number) === NONE;

  const isFault = (insn: number, fault: number, forOwner: number): boolean => {
    if (fault === FAULT_UNDEFINED) return forOwner !== NONE;
    // A hint on the next instruction says what the write has done.
    return !stating.has(flow.next.of(insn));
  };

  const go = (insn: number, to: number, forOwner: number, after: FrameState): void => {
    const nextOwner = cross(insn, to, forOwner, after);
    if (nextOwner >= NONE) arrive(to, insn, nextOwner, after);
  };

  /** go(), for what nearly always stays in its function. */
  const branch = (insn: number, to: number, forOwner: number, after: FrameState): void => {
    const isInside = ofInsn[to] === forOwner && !(hasOwnedReplacements && instead.replacementOf.has(to));
    if (isInside) arrive(to, insn, forOwner, after);
    else go(insn, to, forOwner, after);
  };

  const drain = (): void => {
    for (let insn = work.pop(); insn !== undefined; insn = work.pop()) {
      const stopped = run(insn);
      if (stopped !== NONE) step(stopped);
    }
  };

  /**
   * Goes on from `start` as long as instructions run, or also run, into the next one, that was not reached yet, of the same function: nearly all. The
   * same as step() again and again. Returns where a step has to be made, or NONE when what is behind was reached before or control does not go there.
   */
  const run = (start: number): number => {
    const forOwner = owner.of(start);
    if (forOwner === NONE || saveWaiters.size > 0) return start;
    const { isPlain, touches } = plan;
    const { bits } = marks;
    const { writes } = code.insns;
    const { insn: insnOf } = code.ops;
    let op = code.insns.op.from(start);
    if (op === NONE) op = insnOf.length;
    let current = states.all[state[start] as number] as FrameState;
    for (let insn = start; ; ) {
      if (ofInsn[insn] === forOwner && saveWaiters.size === 0) {
        const { id, watched } = current;
        while (isPlain[insn] === 1 && ((touches[insn] as number) & watched) === 0 && state[insn + 1] === NONE)
          state[++insn] = id;
      }
      const k = kind[insn] as number;
      if (bits[insn] !== 0) return insn;
      if (runsOn[k] === 0) {
        if (k !== KIND_JUMP && k !== KIND_RETURN) return insn;
        while (op < insnOf.length && (insnOf[op] as number) < insn) op++;
        const isPlain = insnOf[op] !== insn && ((writes[insn] as number) & current.tracked) === 0;
        if (!isPlain) return insn;
        if (k === KIND_JUMP) {
          const away = target.at(insn);
          if (away !== NONE) branch(insn, away, forOwner, current);
          return NONE;
        }
        // The frame of the entry has its contract.
        return current.contract === entry.contract && !isStated(insn) ? NONE : insn;
      }
      // Without a mark the next row stands behind.
      const to = insn + 1;
      if (ofInsn[to] !== forOwner || ((bits[to] as number) & MARK_HINT) !== 0) return insn;
      if (k === KIND_CALL && (returns.deadCall.has(insn) || (unannotated.size > 0 && unannotated.has(insn))))
        return insn;
      if (hasOwnedReplacements && instead.replacementOf.has(to)) return insn;
      // Operations stand in the order of their instructions.
      while (op < insnOf.length && (insnOf[op] as number) < insn) op++;
      const first = op < insnOf.length && insnOf[op] === insn ? op : NONE;
      if (first !== NONE || ((writes[insn] as number) & current.tracked) !== 0) {
        const effect = transitions.afterOps(current, insn, first);
        if (effect !== undefined) {
          if (effect.fault !== 0) return insn;
          current = effect.state;
        }
      }
      if (k === KIND_BRANCH) {
        const away = target.at(insn);
        if (away !== NONE) branch(insn, away, forOwner, current);
      } else if (k === KIND_CALL || k === KIND_INDIRECT_CALL) current = transitions.afterCall(current);
      if (state[to] !== NONE || saveWaiters.size > 0) {
        arrive(to, insn, forOwner, current);
        return NONE;
      }
      state[to] = current.id;
      insn = to;
    }
  };

  const { table } = functions;
  for (let f = 0; f < table.length; f++) {
    const insn = table.firstInsn[f] as number;
    if (insn === NONE || marks.excluded[f] === 1 || ((table.flags[f] as number) & FUNCTION_WITHOUT_SIZE) !== 0)
      continue;
    if (table.parent[f] !== f) continue;
    // Whoever came here before has to have brought the frame of an entry.
    arrive(insn, NONE, f, entry);
    drain();
  }
  for (let h = 0; h < hints.length; h++) {
    const insn = hints.insn[h] as number;
    if (stating.get(insn) !== h || state[insn] !== NONE) continue;
    // What no path reaches may be entered by the machine (vmx_vmexit, behind the syscall of xen_hypercall_pv), with the frame that was saved.
    if (hints.type[h] === UNWIND_HINT_TYPE_RESTORE && precedingSave(insn) === NONE) {
      events.push({ kind: EVENT_NO_SAVE, insn, owner: ownerOf(flow, insn), from: NONE, state: entry, detail: 0 });
      continue;
    }
    const f = ownerOf(flow, insn);
    if (f !== NONE && marks.excluded[f] === 1) continue;
    arrive(insn, NONE, f, entry);
    drain();
  }
  for (const list of [...saveWaiters.values()]) {
    for (const w of list)
      events.push({ kind: EVENT_NO_SAVE, insn: w.insn, owner: w.owner, from: w.from, state: w.state, detail: 0 });
  }
  if (work.length > 0) throw new InvariantError("frame simulation left work behind");
  const isDoubtful = doubtfulWay(conflicted, cameFrom);
  const isExit = (kind: number): boolean => kind === EVENT_RETURN_MODIFIED || kind === EVENT_TAIL_MODIFIED;
  const sound = events.filter(({ kind, insn }) => !isExit(kind) || !isDoubtful(insn));
  return { states, state, cameFrom, owner, events: sound, brought: brought.all() };
}
