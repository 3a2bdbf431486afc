import { NONE } from "../base/table.ts";
import { STT_FUNC } from "../elf/constants.ts";
import { type Flow, KIND_INDIRECT_TAIL, KIND_INTRA_CALL, KIND_TABLE_JUMP, KIND_TAIL_CALL } from "../flow/flow.ts";
import { isPrefix } from "../flow/functions.ts";
import {
  KIND_BUG,
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_JUMP,
  KIND_NOP,
  KIND_RETURN,
} from "../isa/insn-table.ts";
import {
  ORC_REG_BP,
  ORC_REG_BP_INDIRECT,
  ORC_REG_PREV_SP,
  ORC_REG_SP_INDIRECT,
  ORC_REG_UNDEFINED,
} from "../orc/constants.ts";
import type { OrcLayout } from "../orc/layout.ts";
import { newOrcTable, type OrcBuilder, type OrcTable } from "../orc/rows.ts";
import { orcRegisters } from "./orc-registers.ts";
import type { Frames } from "./simulate.ts";
import {
  BASE_FP_INDIRECT,
  BASE_LOST,
  BASE_SP_INDIRECT,
  BASE_UNDEFINED,
  BASE_WAIVED,
  describeState,
  FRAME_CALL,
  FRAME_END_OF_STACK,
  FRAME_UNDEFINED,
  type FrameState,
  NOT_SAVED,
  NOWHERE,
  offsetOf,
  type Place,
  SPACE_ALIGNED,
  SPACE_CFA,
  spaceOf,
} from "./state.ts";
import { Transitions } from "./transitions.ts";

// The ORC that our own frames amount to: what a kernel's object tool would write for them.

/** Frames that ORC has no row for: they become undefined ones. */
export interface Inexpressible {
  /** -> instruction that was met first */
  readonly insn: number;
  /** Instructions with this frame. */
  readonly count: number;
  /** "CFA=r12+16, ...": the frame */
  readonly frame: string;
}

export interface OwnOrc {
  readonly rows: OrcTable;
  readonly inexpressible: readonly Inexpressible[];
}

export interface OrcOptions {
  /** Bytes of no-ops before a function that belong to it (CONFIG_FUNCTION_PADDING_BYTES with CONFIG_PREFIX_SYMBOLS), 0 for none. */
  readonly prefix: number;
  /** Of the kernel: it says which registers a row can name. */
  readonly layout: OrcLayout;
}

/** Code that is never executed where it lies: it has no rows. Reference kernel tools/objtool, sections that are not text. */
function hasNoRows(section: string): boolean {
  return section === ".altinstr_replacement" || section === ".altinstr_aux" || section.startsWith(".discard.");
}

/** Whether ORC covers a section of code at all. */
export function isOrcSection(flow: Flow, section: number): boolean {
  return !hasNoRows(flow.code.object.sectionName[section] as string);
}

/** spReg, spOffset, bpReg, bpOffset, type, signal */
type Value = readonly [number, number, number, number, number, number];
const UNDEFINED_VALUE: Value = [ORC_REG_UNDEFINED, 0, ORC_REG_UNDEFINED, 0, FRAME_UNDEFINED, 0];

function isSame(a: Value, b: Value): boolean {
  return a === b || a.every((each, n) => each === b[n]);
}

/** Rows by our frames, equal neighbours once, each section closed by an undefined row at its end. Linear in instructions. */
export function ownOrcRows(flow: Flow, frames: Frames, options: OrcOptions): OwnOrc {
  const { code } = flow;
  const values = new ValueOfState(flow, frames, options.layout);
  const padded = paddedFunctions(flow, options.prefix);
  const groups = groupsByFirst(flow);
  const builder = newOrcTable(code.insns.length >>> 2);
  for (const section of code.sections) {
    if (!isOrcSection(flow, section)) continue;
    const end = code.sectionEnd[section] as number;
    const writer = new SectionWriter(builder, section);
    for (let i = code.sectionStart[section] as number; i < end; i++) {
      const offset = code.insns.offset[i] as number;
      const group = groups.get(i);
      if (group === undefined) {
        writer.add(offset, values.at(padded.get(i) ?? i));
        continue;
      }
      for (const [ahead, value] of groupRows(flow, frames, values, group)) writer.add(offset + ahead, value);
      i = Math.max(i, group.to - 1);
    }
    writer.close(code.object.sections.size[section] as number);
  }
  return { rows: builder.finish(), inexpressible: values.inexpressible() };
}

class SectionWriter {
  readonly #builder: OrcBuilder;
  readonly #section: number;
  #last: Value = UNDEFINED_VALUE;
  #empty = true;

  constructor(builder: OrcBuilder, section: number) {
    this.#builder = builder;
    this.#section = section;
  }

  add(offset: number, value: Value): void {
    if (isSame(value, this.#last)) return;
    this.#last = value;
    this.#push(offset, value);
  }

  close(size: number): void {
    if (!this.#empty) this.#push(size, UNDEFINED_VALUE);
  }

  #push(offset: number, value: Value): void {
    this.#empty = false;
    const [spReg, spOffset, bpReg, bpOffset, type, signal] = value;
    this.#builder.push({ section: this.#section, offset, spReg, spOffset, bpReg, bpOffset, type, signal });
  }
}

/** What ORC says of a frame state, found once for each. */
class ValueOfState {
  readonly #flow: Flow;
  readonly #frames: Frames;
  readonly #transitions: Transitions;
  readonly #known: (Value | undefined)[] = [];
  readonly #without = new Map<number, { insn: number; count: number }>();
  readonly #registers: ReadonlyMap<number, number>;

  constructor(flow: Flow, frames: Frames, layout: OrcLayout) {
    this.#flow = flow;
    this.#frames = frames;
    this.#transitions = new Transitions(frames.states, flow.code);
    this.#registers = orcRegisters(flow.code.arch, layout);
  }

  at(insn: number): Value {
    return this.#of(this.#frames.state[insn] as number, insn);
  }

  /** Behind an instruction, as far as its own effect goes. */
  behind(insn: number): Value {
    const before = this.#frames.states.all[this.#frames.state[insn] as number] as FrameState;
    return this.#of((this.#transitions.after(before, insn)?.state ?? before).id, insn);
  }

  #of(id: number, insn: number): Value {
    if (id === NONE) return UNDEFINED_VALUE;
    let value = this.#known[id];
    if (value === undefined) {
      const state = this.#frames.states.all[id] as FrameState;
      value = this.#express(state);
      if (value === undefined) this.#without.set(id, { insn, count: 0 });
      value ??= UNDEFINED_VALUE;
      this.#known[id] = value;
    }
    const without = this.#without.get(id);
    if (without !== undefined) without.count++;
    return value;
  }

  inexpressible(): Inexpressible[] {
    const { arch } = this.#flow.code;
    return [...this.#without].map(([id, { insn, count }]) => ({
      insn,
      count,
      frame: describeState(arch, this.#frames.states.all[id] as FrameState),
    }));
  }

  #express(state: FrameState): Value | undefined {
    const { fp } = this.#flow.code.arch.registers;
    if (state.base === BASE_LOST) return undefined;
    if (state.base === BASE_WAIVED || state.type === FRAME_UNDEFINED) return UNDEFINED_VALUE;
    if (state.type === FRAME_END_OF_STACK)
      return [ORC_REG_UNDEFINED, 0, ORC_REG_UNDEFINED, 0, FRAME_END_OF_STACK, state.signal];
    if (state.base === BASE_UNDEFINED) return UNDEFINED_VALUE;
    const spReg =
      state.base === BASE_SP_INDIRECT
        ? ORC_REG_SP_INDIRECT
        : state.base === BASE_FP_INDIRECT
          ? ORC_REG_BP_INDIRECT
          : this.#registers.get(state.base);
    if (spReg === undefined) return undefined;
    const saved = state.saved[fp] as Place;
    let bpReg = ORC_REG_UNDEFINED;
    let bpOffset = 0;
    if (saved === NOT_SAVED) return undefined;
    if (saved !== NOWHERE && spaceOf(saved) === SPACE_CFA) {
      bpReg = ORC_REG_PREV_SP;
      bpOffset = offsetOf(saved);
    } else if (saved !== NOWHERE && spaceOf(saved) === SPACE_ALIGNED) {
      // A realigned frame has the caller's frame pointer where the own one points; until that is set, the caller's is still in it.
      const own = state.value[fp] as Place;
      if (own !== NOWHERE && spaceOf(own) === SPACE_ALIGNED) {
        bpReg = ORC_REG_BP;
        bpOffset = offsetOf(saved) - offsetOf(own);
      }
    }
    return [spReg, state.offset, bpReg, bpOffset, state.type === FRAME_CALL ? FRAME_CALL : state.type, state.signal];
  }
}

/** A patched region: its first instruction, the one behind it, and rows of flow.instead.alternatives. */
interface Group {
  readonly from: number;
  to: number;
  readonly rows: number[];
}

function groupsByFirst(flow: Flow): Map<number, Group> {
  const { alternatives } = flow.instead;
  const groups = new Map<number, Group>();
  for (let a = 0; a < alternatives.length; a++) {
    const from = alternatives.from[a] as number;
    if ((alternatives.to[a] as number) <= from) continue;
    const group = groups.get(from);
    if (group === undefined) groups.set(from, { from, to: alternatives.to[a] as number, rows: [a] });
    else {
      group.to = Math.max(group.to, alternatives.to[a] as number);
      group.rows.push(a);
    }
  }
  return groups;
}

/**
 * Rows of a patched region: whichever variant is there, its instructions begin at these bytes and have to agree on the frame. Where they do not, the
 * last variant counts, which is the one that stays when several apply (arch/x86/kernel/alternative.c goes through them in order).
 */
function groupRows(flow: Flow, frames: Frames, values: ValueOfState, group: Group): [number, Value][] {
  const { insns } = flow.code;
  const { alternatives } = flow.instead;
  const original = new Map<number, Value>();
  const note = (into: Map<number, Value>, ahead: number, insn: number): void => {
    if (frames.state[insn] !== NONE && ahead < length) into.set(ahead, values.at(insn));
  };
  const start = insns.offset[group.from] as number;
  const last = group.to - 1;
  const length = (insns.offset[last] as number) + (insns.size[last] as number) - start;
  for (let i = group.from; i < group.to; i++) note(original, (insns.offset[i] as number) - start, i);
  const found = new Map(original);
  let disagree = false;
  for (const a of group.rows) {
    const variant = new Map<number, Value>();
    const first = alternatives.replacement[a] as number;
    const end = alternatives.replacementEnd[a] as number;
    if (first !== NONE) {
      const base = insns.offset[first] as number;
      for (let i = first; i < end; i++) note(variant, (insns.offset[i] as number) - base, i);
      // Behind a shorter replacement no-ops fill the region.
      const filled = (insns.offset[end - 1] as number) + (insns.size[end - 1] as number) - base;
      if (filled < length && frames.state[end - 1] !== NONE && runsThrough(flow, end - 1))
        variant.set(filled, values.behind(end - 1));
    }
    for (const [ahead, value] of variant) {
      const other = found.get(ahead);
      if (other !== undefined && !isSame(value, other)) disagree = true;
      found.set(ahead, value);
    }
    if (disagree && a === group.rows.at(-1)) return byPlace(new Map([...original, ...variant]));
  }
  return byPlace(found);
}

function byPlace(found: ReadonlyMap<number, Value>): [number, Value][] {
  return [...found].sort((a, b) => a[0] - b[0]);
}

/** Whether control may go from an instruction to the one behind it. */
function runsThrough(flow: Flow, insn: number): boolean {
  switch (flow.kind[insn]) {
    case KIND_RETURN:
    case KIND_BUG:
    case KIND_JUMP:
    case KIND_INTRA_CALL:
    case KIND_TAIL_CALL:
    case KIND_INDIRECT_TAIL:
    case KIND_TABLE_JUMP:
    case KIND_CONTEXT_RETURN:
    case KIND_CONTEXT_CALL:
      return false;
    default:
      return true;
  }
}

/** no-op before a function -> the function's first instruction, where exactly `prefix` bytes of no-ops stand there */
function paddedFunctions(flow: Flow, prefix: number): Map<number, number> {
  const padded = new Map<number, number>();
  if (prefix === 0) return padded;
  const { code, functions, kind } = flow;
  const { symbols } = code.object;
  for (const [symbol, f] of functions.ofSymbol) {
    const first = functions.table.firstInsn[f] as number;
    if (first === NONE || symbols.type[symbol] !== STT_FUNC || isPadding(flow, f)) continue;
    const section = functions.table.section[f] as number;
    const start = code.insns.offset[first] as number;
    let i = first - 1;
    while (
      i >= (code.sectionStart[section] as number) &&
      kind[i] === KIND_NOP &&
      start - (code.insns.offset[i] as number) < prefix
    )
      i--;
    if (i < (code.sectionStart[section] as number) || kind[i] !== KIND_NOP) continue;
    if (start - (code.insns.offset[i] as number) !== prefix) continue;
    for (; i < first; i++) padded.set(i, first);
  }
  return padded;
}

/** A prefix symbol over nothing but no-ops: the build's tool was here before. */
function isPadding(flow: Flow, f: number): boolean {
  const { table, ofInsn } = flow.functions;
  if (!isPrefix(table, f)) return false;
  let i = table.firstInsn[f] as number;
  for (; ofInsn[i] === f; i++) if (flow.kind[i] !== KIND_NOP) return false;
  return true;
}
