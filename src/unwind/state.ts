import { NONE } from "../base/table.ts";
import { TripleMap } from "../base/triple-map.ts";
import type { Arch } from "../isa/arch.ts";
import { NO_REGISTER } from "../isa/insn-table.ts";

// The frame state at one instruction: how the caller's frame is found from here.
//
//   CFA      the stack pointer's value before the call that entered the function
//   base     register that the CFA is computed from: CFA = base + offset, or an indirect form
//   value[r] what register r holds, where that is a known place: CFA + k, or ALIGNED + k (a realigned stack has its own origin)
//   saved[r] slot that holds the caller's value of the callee-saved register r
//
// The contract (base, offset, saved, type, realigned) must be the same on every path to an instruction, since the unwinder has one
// answer for it; a difference is a finding. The values are knowledge: where two paths differ, the join knows nothing.

/** A place: offset * 4 + space. NOWHERE is "not known" or "not saved". Offsets in bytes. */
export type Place = number;
export const NOWHERE: Place = 0;
export const SPACE_CFA = 1;
export const SPACE_ALIGNED = 2;
/** In `saved`: the register was given another meaning before it was saved, so that nothing can give the caller's value back. */
export const NOT_SAVED: Place = 3;
/** Not a stack place: the register points at memory that holds the stack pointer, stored when CFA was SP + offset. */
export const SPACE_HOLDS_SP = 3;

export function place(space: number, offset: number): Place {
  return offset * 4 + space;
}
export function spaceOf(at: Place): number {
  return at & 3;
}
export function offsetOf(at: Place): number {
  return at >> 2;
}
export function moved(at: Place, by: number): Place {
  return at === NOWHERE || spaceOf(at) === SPACE_HOLDS_SP ? NOWHERE : at + by * 4;
}

/** No base: the unwinder cannot go on from here. */
export const BASE_UNDEFINED = 64;
/** CFA = memory[SP] + offset: the stack was switched, the old stack pointer lies on top of the new one. */
export const BASE_SP_INDIRECT = 65;
/** CFA = memory[FP + offset]: a realigned frame keeps it in a slot. */
export const BASE_FP_INDIRECT = 66;
/** A finding was reported on the way: nothing is checked any more, so that one defect makes one finding. */
export const BASE_LOST = 67;
/** An annotation says that the frame is undefined here: stack operations are not followed. */
export const BASE_WAIVED = 68;

// Frame types; the numbers of UNWIND_HINT_TYPE_* (include/linux/objtool_types.h)
export const FRAME_UNDEFINED = 0;
export const FRAME_END_OF_STACK = 1;
export const FRAME_CALL = 2;
export const FRAME_REGS = 3;
export const FRAME_REGS_PARTIAL = 4;
const frameName = ["undefined", "end of stack", "call", "regs", "partial regs"] as const;

export interface FrameState {
  /** Row in the interner; equal states have equal ids. */
  readonly id: number;
  /** Equal contracts have equal ids. */
  readonly contract: number;
  readonly base: number;
  readonly offset: number;
  readonly value: readonly Place[];
  readonly saved: readonly Place[];
  /** Register that held the CFA when the stack was realigned, or NO_REGISTER. */
  readonly realignRegister: number;
  /** Slot that the realign register was saved in. */
  readonly realignSlot: Place;
  /** Displacement at which SP was last stored through a pointer; a load of SP at the same one is a switch of stacks. */
  readonly switchSlot: number | undefined;
  readonly type: number;
  readonly signal: number;
  /** One bit a register that anything above speaks of: writes to others change nothing. */
  readonly tracked: number;
  /** One bit a register that `saved` or the realignment speaks of: a load of another one gives nothing back. */
  readonly kept: number;
  /** One bit a register that operations have to do with if they change anything, see touchedBy(): the tracked ones and that of the realignment. */
  readonly watched: number;
}

export type FrameDraft = {
  -readonly [K in Exclude<keyof FrameState, "id" | "contract" | "tracked" | "kept" | "watched">]: FrameState[K];
};
/** One whose places may be written. */
export type Draft = FrameDraft & { value: Place[]; saved: Place[] };

/** Hands out one object per distinct state. */
export class FrameStates {
  readonly arch: Arch;
  readonly all: FrameState[] = [];
  /** Hash of a state -> the newest one with it; the others by #before. */
  readonly #byHash = new Map<number, FrameState>();
  /** state -> the one before it with the same hash */
  readonly #before: (FrameState | undefined)[] = [];
  /** Hash of a contract -> states, one of each contract. */
  readonly #contracts = new Map<number, FrameState[]>();
  #contractCount = 0;
  /** (state, state) -> what both know */
  readonly #joined = new TripleMap();
  readonly #draft: Draft;
  #entry: FrameState | undefined;
  #lost: FrameState | undefined;

  constructor(arch: Arch) {
    this.arch = arch;
    const nothing = new Array<Place>(arch.registers.name.length).fill(NOWHERE);
    this.#draft = {
      base: BASE_LOST,
      offset: 0,
      value: nothing,
      saved: nothing.slice(),
      realignRegister: NO_REGISTER,
      realignSlot: NOWHERE,
      switchSlot: undefined,
      type: FRAME_UNDEFINED,
      signal: 0,
    };
  }

  /** A state to be changed and interned. There is one draft: most states that are worked out are known, and nothing is made for those. */
  draftOf(state: FrameState): Draft {
    const draft = this.#draft;
    draft.base = state.base;
    draft.offset = state.offset;
    for (let r = 0; r < state.value.length; r++) draft.value[r] = state.value[r] as Place;
    for (let r = 0; r < state.saved.length; r++) draft.saved[r] = state.saved[r] as Place;
    draft.realignRegister = state.realignRegister;
    draft.realignSlot = state.realignSlot;
    draft.switchSlot = state.switchSlot;
    draft.type = state.type;
    draft.signal = state.signal;
    return draft;
  }

  /** The state that is like a draft, which is free to be changed again. */
  intern(draft: FrameDraft): FrameState {
    const contractHash = hashContract(draft);
    const hash = hashValues(draft, contractHash);
    const newest = this.#byHash.get(hash);
    for (let state = newest; state !== undefined; state = this.#before[state.id])
      if (sameContract(state, draft) && sameValues(state, draft)) return state;
    let tracked = draft.base < 32 ? 1 << draft.base : 0;
    let kept = draft.realignRegister < 32 ? 1 << draft.realignRegister : 0;
    for (let r = 0; r < draft.value.length; r++) if (draft.value[r] !== NOWHERE) tracked |= 1 << r;
    for (let r = 0; r < draft.saved.length; r++) if (draft.saved[r] !== NOWHERE) kept |= 1 << r;
    const twins = this.#contracts.get(contractHash) ?? [];
    const twin = twins.find((state) => sameContract(state, draft));
    const contract = twin === undefined ? this.#contractCount++ : twin.contract;
    // Every state has its fields in this order: the hot loops that read them see one shape.
    const state: FrameState = {
      base: draft.base,
      offset: draft.offset,
      value: draft.value.slice(),
      // Equal contracts have saved the same.
      saved: twin === undefined ? draft.saved.slice() : twin.saved,
      realignRegister: draft.realignRegister,
      realignSlot: draft.realignSlot,
      switchSlot: draft.switchSlot,
      type: draft.type,
      signal: draft.signal,
      id: this.all.length,
      contract,
      tracked,
      kept,
      // Without a base that is a register, whatever has an operation is looked at.
      watched: draft.base < BASE_UNDEFINED ? tracked | (kept & ~this.arch.registers.calleeSaved) : -1,
    };
    if (twin === undefined) {
      twins.push(state);
      this.#contracts.set(contractHash, twins);
    }
    this.all.push(state);
    this.#before.push(newest);
    this.#byHash.set(hash, state);
    return state;
  }

  /** State with a given base and offset and nothing else known. */
  plain(base: number, offset: number, type: number, signal: number): FrameState {
    const registers = this.arch.registers.name.length;
    const value = new Array<Place>(registers).fill(NOWHERE);
    if (base < registers) value[base] = place(SPACE_CFA, -offset);
    return this.intern({
      base,
      offset,
      value,
      saved: new Array<Place>(registers).fill(NOWHERE),
      realignRegister: NO_REGISTER,
      realignSlot: NOWHERE,
      switchSlot: undefined,
      type,
      signal,
    });
  }

  /** At the first instruction of a function. */
  entry(): FrameState {
    this.#entry ??= this.plain(this.arch.registers.sp, this.arch.entryFrame.cfaOffset, FRAME_CALL, 0);
    return this.#entry;
  }

  /** Nothing is known and nothing is checked, behind a finding. */
  lost(): FrameState {
    this.#lost ??= this.plain(BASE_LOST, 0, FRAME_UNDEFINED, 0);
    return this.#lost;
  }

  /** Keeps of the values what both states know. The contracts are the same. */
  join(a: FrameState, b: FrameState): FrameState {
    if (a === b || knowsNoMore(a, b)) return a;
    const known = this.#joined.get(a.id, b.id, 0);
    if (known !== NONE) return this.all[known] as FrameState;
    const draft = this.draftOf(a);
    for (let r = 0; r < draft.value.length; r++) if (draft.value[r] !== b.value[r]) draft.value[r] = NOWHERE;
    if (a.switchSlot !== b.switchSlot) draft.switchSlot = undefined;
    const joined = this.intern(draft);
    this.#joined.set(a.id, b.id, 0, joined.id);
    return joined;
  }
}

/** Whether what `a` knows of values `b` knows too. */
function knowsNoMore(a: FrameState, b: FrameState): boolean {
  if (a.switchSlot !== b.switchSlot && a.switchSlot !== undefined) return false;
  for (let r = 0; r < a.value.length; r++) if (a.value[r] !== b.value[r] && a.value[r] !== NOWHERE) return false;
  return true;
}

function hashContract(s: FrameDraft): number {
  let hash = Math.imul(s.base, 0x9e3779b1) ^ s.offset;
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) ^ (s.type << 8) ^ s.realignRegister;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ s.realignSlot;
  return hashPlaces(s.saved, hash);
}

function hashValues(s: FrameDraft, contract: number): number {
  const hash = Math.imul(contract ^ (contract >>> 15), 0x9e3779b1) ^ (s.signal << 16);
  return hashPlaces(s.value, s.switchSlot === undefined ? hash : hash ^ Math.imul(s.switchSlot + 1, 0x85ebca6b));
}

function hashPlaces(places: readonly Place[], seed: number): number {
  let hash = seed;
  for (let r = 0; r < places.length; r++) {
    hash = Math.imul(hash ^ (places[r] as Place), 0x2c1b3c6d);
    hash ^= hash >>> 15;
  }
  return hash;
}

function sameContract(a: FrameDraft, b: FrameDraft): boolean {
  return (
    a.base === b.base &&
    a.offset === b.offset &&
    a.type === b.type &&
    a.realignRegister === b.realignRegister &&
    a.realignSlot === b.realignSlot &&
    samePlaces(a.saved, b.saved)
  );
}

function sameValues(a: FrameDraft, b: FrameDraft): boolean {
  return a.signal === b.signal && a.switchSlot === b.switchSlot && samePlaces(a.value, b.value);
}

function samePlaces(a: readonly Place[], b: readonly Place[]): boolean {
  for (let r = 0; r < a.length; r++) if (a[r] !== b[r]) return false;
  return true;
}

/** "CFA=rsp+16, rbx at CFA-16": what the unwinder has to know. */
export function describeState(arch: Arch, state: FrameState): string {
  const cfa = describeCfa(arch, state);
  if (state.type === FRAME_UNDEFINED || state.base >= BASE_LOST) return cfa;
  const parts = [cfa];
  for (let r = 0; r < state.saved.length; r++) {
    const at = state.saved[r] as Place;
    if (at !== NOWHERE) parts.push(`${arch.registers.name[r]} at ${describePlace(at)}`);
  }
  if (state.type !== FRAME_CALL) parts.push(frameName[state.type] as string);
  return parts.join(", ");
}

/** "CFA=rsp+16" */
export function describeCfa(arch: Arch, state: FrameState): string {
  const { name, sp, fp } = arch.registers;
  switch (state.base) {
    case BASE_UNDEFINED:
      return state.type === FRAME_END_OF_STACK ? "end of stack" : "CFA undefined";
    case BASE_LOST:
      return "CFA not followed";
    case BASE_WAIVED:
      return "CFA undefined by annotation";
    case BASE_SP_INDIRECT:
      return `CFA=(${name[sp]})${signed(state.offset)}`;
    case BASE_FP_INDIRECT:
      return `CFA=(${name[fp]}${signed(state.offset)})`;
    default:
      return `CFA=${name[state.base]}${signed(state.offset)}`;
  }
}

/** "rsp=CFA-24": what a register holds, where that is known. */
export function describeRegister(arch: Arch, state: FrameState, register: number): string {
  const at = state.value[register] as Place;
  return at === NOWHERE ? "" : `${arch.registers.name[register]}=${describePlace(at)}`;
}

/** "CFA-24", where the caller's value of a register was saved; undefined where it is in no slot. */
export function describeSaved({ saved }: FrameState, register: number): string | undefined {
  const at = saved[register] ?? NOWHERE;
  return at === NOWHERE || at === NOT_SAVED ? undefined : describePlace(at);
}

function describePlace(at: Place): string {
  if (at === NOT_SAVED) return "nowhere";
  return `${spaceOf(at) === SPACE_CFA ? "CFA" : "aligned"}${signed(offsetOf(at))}`;
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}
