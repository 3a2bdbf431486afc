import { NONE } from "../base/table.ts";
import { SHF_EXECINSTR, SHT_PROGBITS } from "../elf/constants.ts";
import type { ElfObject, RelocTable } from "../elf/object.ts";
import type { Arch } from "../isa/arch.ts";
import { findInsnAt, findInsnCovering, type InsnTable, newDecodeOutput, type OpTable } from "../isa/insn-table.ts";

/** All executable sections of an object, decoded, with each instruction's relocation. */
export interface Code {
  readonly object: ElfObject;
  readonly arch: Arch;
  readonly insns: InsnTable;
  readonly ops: OpTable;
  /** section -> first row of its instructions, and the row behind its last; equal for a section without code */
  readonly sectionStart: Int32Array;
  readonly sectionEnd: Int32Array;
  /** Executable sections in file order. */
  readonly sections: readonly number[];
  /** insn -> row in object.relocs(section) of the first relocation inside it, or NONE */
  readonly reloc: Int32Array;
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
  const out = newDecodeOutput(byteCount);
  const sectionStart = new Int32Array(table.length);
  const sectionEnd = new Int32Array(table.length);
  for (const s of sections) {
    const bytes = object.bytes(s);
    sectionStart[s] = out.insns.length;
    arch.decode(bytes, s, 0, bytes.length, out);
    sectionEnd[s] = out.insns.length;
  }
  const insns = out.insns.finish();
  const reloc = new Int32Array(insns.length).fill(NONE);
  for (const s of sections)
    attachRelocs(object.relocs(s), insns, sectionStart[s] as number, sectionEnd[s] as number, reloc);
  return { object, arch, insns, ops: out.ops.finish(), sectionStart, sectionEnd, sections, reloc };
}

function attachRelocs(relocs: RelocTable, insns: InsnTable, from: number, to: number, reloc: Int32Array): void {
  const { offset, size } = insns;
  let insn = from;
  for (let r = 0; r < relocs.length; r++) {
    const at = relocs.offset[r] as number;
    while (insn < to && (offset[insn] as number) + (size[insn] as number) <= at) insn++;
    if (insn >= to) return;
    if (reloc[insn] === NONE) reloc[insn] = r;
  }
}

/** Row of the instruction that starts at byte `offset` of `section`, or NONE. */
export function insnAt(code: Code, section: number, offset: number): number {
  if (section <= 0) return NONE;
  return findInsnAt(code.insns, offset, code.sectionStart[section] as number, code.sectionEnd[section] as number);
}

/** Row of the instruction that covers byte `offset` of `section`, or NONE. */
export function insnCovering(code: Code, section: number, offset: number): number {
  if (section <= 0) return NONE;
  return findInsnCovering(code.insns, offset, code.sectionStart[section] as number, code.sectionEnd[section] as number);
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
