import { type SparseColumn, SparseColumnBuilder } from "../base/sparse-column.ts";
import { NONE } from "../base/table.ts";
import { SHF_EXECINSTR, SHT_PROGBITS } from "../elf/constants.ts";
import type { ElfObject, RelocTable } from "../elf/object.ts";
import type { Arch } from "../isa/arch.ts";
import type { OpTable } from "../isa/insn-table.ts";
import { type CodeInsns, decodeSections } from "./decoded.ts";
import { GUIDE_SHIFT, type RowGuide } from "./row-guide.ts";

/** All executable sections of an object, decoded, with each instruction's relocation. */
export interface Code {
  readonly object: ElfObject;
  readonly arch: Arch;
  readonly insns: CodeInsns;
  readonly ops: OpTable;
  /** section -> first row of its instructions, and the row behind its last; equal for a section without code */
  readonly sectionStart: Int32Array;
  readonly sectionEnd: Int32Array;
  /** Executable sections in file order. */
  readonly sections: readonly number[];
  /** insn -> row in object.relocs(section) of the first relocation inside it, or NONE */
  readonly reloc: SparseColumn;
  /** Where to look for the instruction at a place: see findRow. */
  readonly guide: RowGuide;
}

/** Decodes every executable section of `object`, one pass each. Linear in bytes. */
export function buildCode(object: ElfObject, arch: Arch): Code {
  const { sections: table } = object;
  const sections: number[] = [];
  let byteCount = 0;
  for (let s = 1; s < table.length; s++) {
    if (table.type[s] !== SHT_PROGBITS || ((table.flags[s] as number) & SHF_EXECINSTR) === 0) continue;
    sections.push(s);
    byteCount += table.size[s] as number;
  }
  const { insns, ops, sectionStart, sectionEnd, guide } = decodeSections(object, arch, sections, byteCount);
  const reloc = new SparseColumnBuilder(insns.length);
  for (const s of sections) {
    const rows = guide.row.subarray(guide.start[s] as number);
    attachRelocs(object.relocs(s), insns, rows, sectionStart[s] as number, sectionEnd[s] as number, reloc);
  }
  return {
    object,
    arch,
    insns,
    ops,
    sectionStart,
    sectionEnd,
    sections,
    reloc: reloc.finish(insns.length),
    guide,
  };
}

function attachRelocs(
  relocs: RelocTable,
  insns: CodeInsns,
  guide: Int32Array,
  from: number,
  to: number,
  reloc: SparseColumnBuilder,
): void {
  if (from === to) return;
  const { offset, size } = insns;
  let insn = from;
  let attached = NONE;
  for (let r = 0; r < relocs.length; r++) {
    const at = relocs.offset[r] as number;
    insn = Math.max(insn, guide[at >>> GUIDE_SHIFT] as number);
    while (insn < to && (offset[insn] as number) + (size[insn] as number) <= at) insn++;
    if (insn >= to) return;
    if (insn !== attached) reloc.add(insn, r);
    attached = insn;
  }
}

/** Row of the instruction that starts at byte `offset` of `section`, or NONE. */
export function insnAt(code: Code, section: number, offset: number): number {
  const row = insnCovering(code, section, offset);
  return row !== NONE && code.insns.offset[row] === offset ? row : NONE;
}

/** Row of the instruction that covers byte `offset` of `section`, or NONE. */
export function insnCovering(code: Code, section: number, offset: number): number {
  if (section <= 0 || offset < 0) return NONE;
  const end = code.sectionEnd[section] as number;
  const start = code.sectionStart[section] as number;
  if (start === end) return NONE;
  const { insns, guide } = code;
  if (offset >= (insns.offset[end - 1] as number) + (insns.size[end - 1] as number)) return NONE;
  let row = guide.row[(guide.start[section] as number) + (offset >>> GUIDE_SHIFT)] as number;
  while ((insns.offset[row] as number) + (insns.size[row] as number) <= offset) row++;
  return row;
}

/** Byte behind the instruction, in its section. */
export function insnEnd(code: Code, insn: number): number {
  return (code.insns.offset[insn] as number) + (code.insns.size[insn] as number);
}

/** "section+0x12" for messages that have no better name. */
export function placeName(code: Code, insn: number): string {
  const section = code.object.sectionName[code.insns.section[insn] as number];
  return `${section}+0x${(code.insns.offset[insn] as number).toString(16)}`;
}
