import { RowMap } from "../base/row-map.ts";
import { NONE, type Table, TableBuilder } from "../base/table.ts";
import { KIND_ACCESS_CLOSE, KIND_ACCESS_OPEN, KIND_JUMP } from "../isa/insn-table.ts";
import { type Code, insnAt, insnCovering } from "./code.ts";
import type { KernelFormats } from "./formats.ts";
import {
  type Dangling,
  danglingEntry,
  MARK_IGNORE_ALTS,
  MARK_IGNORE_VARIANT,
  MARK_INSTEAD,
  type Marks,
  relocTarget,
} from "./marks.ts";

// Edges that are taken instead of executing an instruction, with the state from before it: run-time patched alternatives,
// jump labels, and faults that land in an exception-table fixup.

export const INSTEAD_ALTERNATIVE = 0;
export const INSTEAD_FIXUP = 1;
export const INSTEAD_JUMP_LABEL = 2;
export const insteadName = ["alternative", "fixup", "jump-label"] as const;

const insteadSchema = {
  /** -> instruction that is not executed */ from: "i32",
  /** -> instruction that is reached in its place */ to: "i32",
  /** INSTEAD_* */ kind: "u8",
} as const;
/** Sorted by from. */
export type InsteadTable = Table<typeof insteadSchema>;

const groupSchema = {
  /** -> first original instruction and the one behind the last */ from: "i32",
  to: "i32",
  /** -> first replacement instruction and the one behind the last; both NONE for an empty replacement */ replacement:
    "i32",
  replacementEnd: "i32",
  /** 1: the original is never executed while the checked feature matters (it stands for user-access instructions) */ replaces:
    "u8",
  /** What the kernel looks at to decide: word * 32 + bit, arch/x86/include/asm/cpufeatures.h; the top bit may say "not" up to 6.2. */ feature:
    "u16",
  /** Bytes of the original that this entry states; `to` is behind the longest of those that begin there. */ originalSize:
    "u8",
} as const;
/** Sorted by from. One row per alternative; several may share their original. */
export type AlternativeTable = Table<typeof groupSchema>;

export interface Instead {
  readonly edges: InsteadTable;
  readonly alternatives: AlternativeTable;
  /** insn inside a replacement -> row of `alternatives`, absent elsewhere */
  readonly replacementOf: RowMap;
  /** Originals that are passed over: a replacement with user-access instructions is forced. */
  readonly skipped: ReadonlySet<number>;
  /** Jumps at jump labels that the build turns into no-ops before the code runs. */
  readonly madeNop: ReadonlySet<number>;
  /** Entries that name no instruction. */
  readonly dangling: readonly Dangling[];
}

export function readInstead(code: Code, marks: Marks, formats: KernelFormats): Instead {
  const dangling: Dangling[] = [];
  const edges: { from: number; to: number; kind: number }[] = [];
  const alternatives = readAlternatives(code, formats, dangling);
  const replacementOf = mapReplacements(alternatives);
  const skipped = new Set<number>();
  for (let a = 0; a < alternatives.length; a++) {
    const from = alternatives.from[a] as number;
    const start = alternatives.replacement[a] as number;
    const end = alternatives.replacementEnd[a] as number;
    const bits = marks.bits[from] as number;
    if ((bits & MARK_IGNORE_ALTS) !== 0) continue;
    if (start !== NONE && ((marks.bits[start] as number) & MARK_IGNORE_VARIANT) !== 0) continue;
    if (start === NONE) {
      edges.push({ from, to: alternatives.to[a] as number, kind: INSTEAD_ALTERNATIVE });
      continue;
    }
    edges.push({ from, to: start, kind: INSTEAD_ALTERNATIVE });
    for (let i = start; i < end; i++) replacementOf.set(i, a);
    if (alternatives.replaces[a] === 1 || (bits & MARK_IGNORE_VARIANT) !== 0) skipped.add(from);
  }
  readExceptionTable(code, edges, dangling);
  const madeNop = new Set<number>();
  readJumpLabels(code, edges, madeNop, dangling);
  edges.sort((a, b) => a.from - b.from || a.kind - b.kind || a.to - b.to);
  const builder = new TableBuilder(insteadSchema, edges.length);
  for (const edge of edges) {
    builder.push(edge);
    marks.bits[edge.from] = (marks.bits[edge.from] as number) | MARK_INSTEAD;
  }
  return { edges: builder.finish(), alternatives, replacementOf, skipped, madeNop, dangling };
}

/** An empty map over all rows that are inside of replacements: compilers and assemblers put them into a section of their own. */
function mapReplacements({ length, replacement, replacementEnd }: AlternativeTable): RowMap {
  let first = Number.POSITIVE_INFINITY;
  let end = 0;
  for (let a = 0; a < length; a++) {
    if (replacement[a] === NONE) continue;
    first = Math.min(first, replacement[a] as number);
    end = Math.max(end, replacementEnd[a] as number);
  }
  return end === 0 ? new RowMap(0, 0) : new RowMap(first, end);
}

/** Section offset -> the place it names, for one section's relocations. */
function referencesByOffset(code: Code, section: number) {
  const relocs = code.object.relocs(section);
  const found = new Map<number, { section: number; offset: number }>();
  for (let r = 0; r < relocs.length; r++) found.set(relocs.offset[r] as number, relocTarget(code, section, r));
  return found;
}

// arch/x86/include/asm/cpufeatures.h, the same since 3.7: user access is only ever open on machines that have it.
const X86_FEATURE_SMAP = 9 * 32 + 20;

function readAlternatives(code: Code, formats: KernelFormats, dangling: Dangling[]): AlternativeTable {
  const builder = new TableBuilder(groupSchema, 64);
  const section = code.object.findSection(".altinstructions");
  if (section === NONE) return builder.finish();
  const bytes = code.object.bytes(section);
  const references = referencesByOffset(code, section);
  const { size, lengthsAt: lengths } = formats.alternatives;
  const rows: {
    from: number;
    to: number;
    replacement: number;
    replacementEnd: number;
    replaces: number;
    feature: number;
    originalSize: number;
  }[] = [];
  for (let at = 0; at + size <= bytes.length; at += size) {
    const original = references.get(at);
    const name = `.altinstructions entry ${at / size}`;
    const from = original === undefined ? NONE : insnAt(code, original.section, original.offset);
    if (original === undefined || from === NONE) {
      dangling.push(danglingEntry(code, name, original));
      continue;
    }
    const originalSize = bytes[at + lengths] as number;
    const replacementSize = bytes[at + lengths + 1] as number;
    const to = rowAtOrEnd(code, original.section, original.offset + originalSize);
    const by = references.get(at + 4);
    const replacement = replacementSize === 0 || by === undefined ? NONE : insnAt(code, by.section, by.offset);
    if (to === NONE || (replacementSize > 0 && replacement === NONE)) {
      dangling.push(danglingEntry(code, name, original));
      continue;
    }
    const replacementEnd = replacement === NONE ? NONE : rowAtOrEnd(code, by!.section, by!.offset + replacementSize);
    if (replacement !== NONE && replacementEnd === NONE) {
      dangling.push(danglingEntry(code, name, original));
      continue;
    }
    const feature = (bytes[at + 8] as number) | ((bytes[at + 9] as number) << 8);
    const replaces = isForced(code, formats, feature, replacement, replacementEnd) ? 1 : 0;
    rows.push({ from, to, replacement, replacementEnd, replaces, feature, originalSize });
  }
  rows.sort((a, b) => a.from - b.from || a.replacement - b.replacement);
  // Nested alternatives repeat their original with different lengths; the longest one is the group (alternative.h, ALTERNATIVE_2).
  for (let i = 0; i < rows.length; ) {
    let end = i;
    let to = 0;
    for (; end < rows.length && rows[end]!.from === rows[i]!.from; end++) to = Math.max(to, rows[end]!.to);
    for (; i < end; i++) builder.push({ ...rows[i]!, to });
  }
  return builder.finish();
}

/** Whether an original and its replacement `from` to `to` would mix user access that is opened with user access that is not. */
function isForced(code: Code, formats: KernelFormats, feature: number, from: number, to: number): boolean {
  if (formats.forcesByFeature && feature === X86_FEATURE_SMAP) return true;
  const end = formats.forcesByFeature ? to : Math.min(to, from + 1);
  for (let i = from; i >= 0 && i < end; i++) {
    const kind = code.insns.kind[i];
    if (kind === KIND_ACCESS_OPEN || kind === KIND_ACCESS_CLOSE) return true;
  }
  return false;
}

/** Row at `offset`, or the row behind the section's last instruction when `offset` is its end; NONE inside an instruction. */
function rowAtOrEnd(code: Code, section: number, offset: number): number {
  if (section > 0 && offset === code.object.sections.size[section]) return code.sectionEnd[section] as number;
  return insnAt(code, section, offset);
}

const EXTABLE_ENTRY = 12; // arch/x86/include/asm/extable.h, struct exception_table_entry

function readExceptionTable(
  code: Code,
  edges: { from: number; to: number; kind: number }[],
  dangling: Dangling[],
): void {
  const section = code.object.findSection("__ex_table");
  if (section === NONE) return;
  const references = referencesByOffset(code, section);
  for (let at = 0; at + EXTABLE_ENTRY <= code.object.bytes(section).length; at += EXTABLE_ENTRY) {
    const faulting = references.get(at);
    const fixup = references.get(at + 4);
    if (faulting === undefined || fixup === undefined) continue;
    const from = insnCovering(code, faulting.section, faulting.offset);
    const to = insnAt(code, fixup.section, fixup.offset);
    if (from === NONE || to === NONE)
      dangling.push(danglingEntry(code, `__ex_table entry ${at / EXTABLE_ENTRY}`, from === NONE ? faulting : fixup));
    else {
      edges.push({ from, to, kind: INSTEAD_FIXUP });
      // The fault's address is compared as it is: a place inside of an instruction is never found (lib/extable.c, search_extable).
      if (insnAt(code, faulting.section, faulting.offset) === NONE)
        dangling.push(danglingEntry(code, `__ex_table entry ${at / EXTABLE_ENTRY}`, faulting));
    }
  }
}

const JUMP_ENTRY = 16; // include/linux/jump_label.h, struct jump_entry with relative addresses on 64 bit
// arch/x86/include/asm/jump_label.h: with HAVE_JUMP_LABEL_HACK the assembler is given a jump, so that it chooses the length, and the build
// overwrites it by a no-op.
const KEY_MAKE_NOP = 2;

function readJumpLabels(
  code: Code,
  edges: { from: number; to: number; kind: number }[],
  madeNop: Set<number>,
  dangling: Dangling[],
): void {
  const section = code.object.findSection("__jump_table");
  if (section === NONE) return;
  const references = referencesByOffset(code, section);
  const relocs = code.object.relocs(section);
  const makesNop = new Set<number>();
  for (let r = 0; r < relocs.length; r++) {
    if (((relocs.addend[r] as number) & KEY_MAKE_NOP) !== 0) makesNop.add(relocs.offset[r] as number);
  }
  for (let at = 0; at + JUMP_ENTRY <= code.object.bytes(section).length; at += JUMP_ENTRY) {
    const place = references.get(at);
    const target = references.get(at + 4);
    if (place === undefined || target === undefined) continue;
    const from = insnAt(code, place.section, place.offset);
    const to = insnAt(code, target.section, target.offset);
    if (from === NONE || to === NONE) {
      dangling.push(danglingEntry(code, `__jump_table entry ${at / JUMP_ENTRY}`, from === NONE ? place : target));
      continue;
    }
    // A jump may be patched to a no-op, and either of them to a jump to where the entry says.
    edges.push({ from, to, kind: INSTEAD_JUMP_LABEL });
    if (code.insns.kind[from] !== KIND_JUMP) continue;
    if (makesNop.has(at + 8)) madeNop.add(from);
    else if (from + 1 < (code.sectionEnd[place.section] as number))
      edges.push({ from, to: from + 1, kind: INSTEAD_JUMP_LABEL });
  }
}
