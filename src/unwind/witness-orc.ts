import type { ElfObject } from "../elf/object.ts";
import type { Arch } from "../isa/arch.ts";
import {
  ORC_REG_BP,
  ORC_REG_BP_INDIRECT,
  ORC_REG_PREV_SP,
  ORC_REG_SP_INDIRECT,
  ORC_REG_UNDEFINED,
  ORC_TYPE_END_OF_STACK,
  ORC_TYPE_REGS,
  ORC_TYPE_REGS_PARTIAL,
  ORC_TYPE_UNDEFINED,
  orcRegisterName,
} from "../orc/constants.ts";
import type { OrcTable } from "../orc/rows.ts";
import {
  CFA_DEREF,
  CFA_NOT_SAID,
  CFA_REGISTER,
  CFA_UNDEFINED,
  FRAME_END_OF_STACK,
  FRAME_FULL_REGS,
  FRAME_PARTIAL_REGS,
  FRAME_SIGNAL,
  type FrameDraft,
  RETURN_ADDRESS,
  RULE_AT_CFA,
  RULE_AT_REGISTER,
  RULE_NOT_SAID,
  type RuleDraft,
  WitnessBuilder,
  type WitnessRows,
} from "./witness-rows.ts";

/**
 * The ORC of an object as a witness: it speaks of the CFA, the return address and the frame pointer. An undefined row says nothing, and so it is
 * none here. arch/x86/kernel/unwind_orc.c has the meaning of each field.
 */
export function witnessOrc(object: ElfObject, arch: Arch, orc: OrcTable): WitnessRows {
  const builder = new WitnessBuilder("orc", [arch.registers.fp, RETURN_ADDRESS]);
  for (let row = 0; row < orc.length; row++) {
    if (orc.type[row] === ORC_TYPE_UNDEFINED) continue;
    const section = orc.section[row] as number;
    const isLast = orc.section[row + 1] !== section;
    const end = isLast ? object.sections.size[section] : orc.offset[row + 1];
    builder.add(section, orc.offset[row] as number, end as number, builder.frame(frameOf(arch, orc, row)));
  }
  return builder.finish();
}

function frameOf(arch: Arch, orc: OrcTable, row: number): FrameDraft {
  const { fp, sp, name } = arch.registers;
  const type = orc.type[row] as number;
  let flags = orc.signal[row] === 1 ? FRAME_SIGNAL : 0;
  if (type === ORC_TYPE_END_OF_STACK) return { cfa: CFA_UNDEFINED, flags: flags | FRAME_END_OF_STACK, rules: [] };
  const rules: RuleDraft[] = [];
  if (type === ORC_TYPE_REGS) flags |= FRAME_FULL_REGS;
  else if (type === ORC_TYPE_REGS_PARTIAL) flags |= FRAME_PARTIAL_REGS;
  else rules.push({ register: RETURN_ADDRESS, rule: RULE_AT_CFA, offset: arch.entryFrame.returnSlot ?? 0 });
  const offset = orc.bpOffset[row] as number;
  if (orc.bpReg[row] === ORC_REG_PREV_SP) rules.push({ register: fp, rule: RULE_AT_CFA, offset });
  else if (orc.bpReg[row] === ORC_REG_BP) rules.push({ register: fp, rule: RULE_AT_REGISTER, base: fp, offset });
  else if (orc.bpReg[row] !== ORC_REG_UNDEFINED) rules.push({ register: fp, rule: RULE_NOT_SAID });
  const spReg = orc.spReg[row] as number;
  const cfaOffset = orc.spOffset[row] as number;
  if (spReg === ORC_REG_BP_INDIRECT) return { cfa: CFA_DEREF, cfaRegister: fp, cfaOffset, flags, rules };
  if (spReg === ORC_REG_SP_INDIRECT) return { cfa: CFA_DEREF, cfaRegister: sp, cfaBehind: cfaOffset, flags, rules };
  const cfaRegister = name.indexOf(orcRegisterName[spReg] ?? "");
  if (cfaRegister < 0) return { cfa: CFA_NOT_SAID, flags, rules };
  return { cfa: CFA_REGISTER, cfaRegister, cfaOffset, flags, rules };
}
