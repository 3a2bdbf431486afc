import { NONE } from "../base/table.ts";
import { type Code, insnAt, insnCovering } from "./code.ts";
import type { KernelFormats } from "./formats.ts";
import { type Functions, isPrefix } from "./functions.ts";

// What annotations say of an instruction. One u16 column, these bits.
// Old sections (up to 6.13): include/linux/objtool.h, include/linux/instrumentation.h, arch/x86/include/asm/nospec-branch.h.
// New section (from 6.14): include/linux/objtool_types.h, ANNOTYPE_*.

/** A trap (WARN) or a call that execution continues behind, whatever it looks like. */
export const MARK_REACHABLE = 1 << 0;
/** Execution never continues behind it. */
export const MARK_UNREACHABLE = 1 << 1;
export const MARK_RETPOLINE_SAFE = 1 << 2;
export const MARK_NOENDBR = 1 << 3;
export const MARK_INSTR_BEGIN = 1 << 4;
export const MARK_INSTR_END = 1 << 5;
/** A call that stays in its function: a jump that pushes. */
export const MARK_INTRA_CALL = 1 << 6;
/** What may be executed instead of it is not followed (the sections up to 6.13). */
export const MARK_IGNORE_ALTS = 1 << 7;
export const MARK_UNRET_BEGIN = 1 << 8;
/** An unwind hint states the frame here. */
export const MARK_HINT = 1 << 9;
/** Something may be executed instead of it, or it may fault into a fixup: see the instead-edges. */
export const MARK_INSTEAD = 1 << 10;
export const MARK_NOCFI = 1 << 11;
/** Not the next row stands behind it: see NextInsns. */
export const MARK_ELSEWHERE = 1 << 12;
/** First instruction of a variant of an alternative, original or replacement, that is not followed (annotate_insn, 6.14 and later). */
export const MARK_IGNORE_VARIANT = 1 << 13;

/** An entry of a special section that names no instruction. */
export interface Dangling {
  /** The entry: ".discard.noendbr entry 3". */
  readonly what: string;
  /** -> instruction nearest to where it points, NONE where that is no code */
  readonly near: number;
}

export interface Marks {
  /** insn -> MARK_* */
  readonly bits: Uint16Array;
  /** function -> 1 when an annotation excludes it from stack validation */
  readonly excluded: Uint8Array;
  /** insn -> how many more begins than ends of an instrumentation region name it than its two bits say; absent for none */
  readonly moreRegions: ReadonlyMap<number, number>;
  /** Instructions that MARK_RETPOLINE_SAFE or MARK_INTRA_CALL is said of, ascending. */
  readonly promised: readonly number[];
  /** Instructions with MARK_UNRET_BEGIN, in any order. */
  readonly unretBegins: number[];
  /** Annotation entries that name no instruction. */
  readonly dangling: Dangling[];
}

const oldSections: readonly (readonly [name: string, bit: number])[] = [
  [".discard.instr_begin", MARK_INSTR_BEGIN],
  [".discard.instr_end", MARK_INSTR_END],
  [".discard.noendbr", MARK_NOENDBR],
  [".discard.retpoline_safe", MARK_RETPOLINE_SAFE],
  [".discard.intra_function_calls", MARK_INTRA_CALL],
  [".discard.ignore_alts", MARK_IGNORE_ALTS],
  [".discard.validate_unret", MARK_UNRET_BEGIN],
];

export function readMarks(code: Code, functions: Functions, formats: Pick<KernelFormats, "annotations">): Marks {
  const bits = new Uint16Array(code.insns.length);
  const dangling: Dangling[] = [];
  const moreRegions = new Map<number, number>();
  const promised = new Set<number>();
  const unretBegins: number[] = [];
  const mark = (section: string, entry: number, target: Target, insn: number, bit: number): void => {
    if (insn === NONE) dangling.push(danglingEntry(code, `${section} entry ${entry}`, target));
    else {
      if (((bits[insn] as number) & bit & (MARK_INSTR_BEGIN | MARK_INSTR_END)) !== 0)
        moreRegions.set(insn, (moreRegions.get(insn) ?? 0) + (bit === MARK_INSTR_BEGIN ? 1 : -1));
      if ((bit & (MARK_RETPOLINE_SAFE | MARK_INTRA_CALL)) !== 0) promised.add(insn);
      if ((bit & MARK_UNRET_BEGIN) !== 0) unretBegins.push(insn);
      bits[insn] = (bits[insn] as number) | bit;
    }
  };
  for (const [name, bit] of oldSections) {
    forEachReference(code, name, (target, entry) =>
      mark(name, entry, target, insnAt(code, target.section, target.offset), bit),
    );
  }
  // These two name the byte behind the instruction they speak of.
  for (const [name, bit] of [
    [".discard.reachable", MARK_REACHABLE],
    [".discard.unreachable", MARK_UNREACHABLE],
  ] as const) {
    forEachReference(code, name, (target, entry) =>
      mark(name, entry, target, insnBefore(code, target.section, target.offset), bit),
    );
  }
  readAnnotateInsn(code, formats.annotations, mark);
  const excluded = new Uint8Array(functions.table.length);
  forEachReference(code, ".discard.func_stack_frame_non_standard", (target, entry) => {
    const insn = insnAt(code, target.section, target.offset);
    const f = insn === NONE ? NONE : (functions.ofInsn[insn] as number);
    if (f === NONE) dangling.push(danglingEntry(code, `.discard.func_stack_frame_non_standard entry ${entry}`, target));
    else excluded[f] = 1;
  });
  const { parent, section, end, start } = functions.table;
  for (let f = excluded.length - 1; f >= 0; f--) {
    if (excluded[parent[f] as number] === 1) excluded[f] = 1;
    // What stands before a function and runs into it goes with it.
    const isBefore = isPrefix(functions.table, f) && f + 1 < excluded.length;
    if (isBefore && section[f] === section[f + 1] && end[f] === start[f + 1]) excluded[f] = excluded[f + 1] as number;
  }
  return { bits, excluded, moreRegions, promised: [...promised].sort((a, b) => a - b), unretBegins, dangling };
}

/** @param target where the entry points; undefined for an entry without a relocation */
export function danglingEntry(code: Code, what: string, target: Omit<Target, "symbol"> | undefined): Dangling {
  return { what, near: target === undefined ? NONE : nearestInsn(code, target.section, target.offset) };
}

/** The instruction that covers a place; outside of its section's code the first or last one there. */
function nearestInsn(code: Code, section: number, offset: number): number {
  if (section <= 0) return NONE;
  const start = code.sectionStart[section] as number;
  const end = code.sectionEnd[section] as number;
  if (start === end) return NONE;
  const covering = insnCovering(code, section, offset);
  return covering !== NONE ? covering : offset < 0 ? start : end - 1;
}

export interface Target {
  readonly section: number;
  /** Byte offset in the section. */
  readonly offset: number;
  /** -> symbol of the relocation */
  readonly symbol: number;
}

/** Calls `visit` for every relocation of the section `name`, with the place that it names. */
export function forEachReference(
  code: Code,
  name: string,
  visit: (target: Target, entry: number, patchedOffset: number) => void,
): void {
  const { object } = code;
  const section = object.findSection(name);
  if (section === NONE) return;
  const relocs = object.relocs(section);
  for (let r = 0; r < relocs.length; r++) visit(relocTarget(code, section, r), r, relocs.offset[r] as number);
}

/** Where a data relocation points: its symbol's place plus the addend. */
export function relocTarget(code: Code, section: number, reloc: number): Target {
  const { object } = code;
  const relocs = object.relocs(section);
  const symbol = relocs.symbol[reloc] as number;
  return {
    section: object.symbols.section[symbol] as number,
    offset: (object.symbols.value[symbol] as number) + (relocs.addend[reloc] as number),
    symbol,
  };
}

function insnBefore(code: Code, section: number, offset: number): number {
  if (section <= 0) return NONE;
  const start = code.sectionStart[section] as number;
  const end = code.sectionEnd[section] as number;
  const at = offset === code.object.sections.size[section] ? end : insnAt(code, section, offset);
  return at === NONE || at <= start ? NONE : at - 1;
}

type Mark = (section: string, entry: number, target: Target, insn: number, bit: number) => void;

function readAnnotateInsn(code: Code, annotations: ReadonlyMap<number, number>, mark: Mark): void {
  const name = ".discard.annotate_insn";
  const section = code.object.findSection(name);
  if (section === NONE) return;
  const bytes = code.object.bytes(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  forEachReference(code, name, (target, entry, at) => {
    if (at + 8 > bytes.length) return;
    const bit = annotations.get(view.getUint32(at + 4, true));
    if (bit !== undefined) mark(name, entry, target, insnAt(code, target.section, target.offset), bit);
  });
}
