import { NONE, type Table, TableBuilder } from "../base/table.ts";
import {
  ORC_REG_UNDEFINED,
  UNWIND_HINT_TYPE_CALL,
  UNWIND_HINT_TYPE_END_OF_STACK,
  UNWIND_HINT_TYPE_REGS,
  UNWIND_HINT_TYPE_REGS_PARTIAL,
  UNWIND_HINT_TYPE_UNDEFINED,
} from "../orc/constants.ts";
import type { Code } from "./code.ts";
import { insnAt } from "./code.ts";
import { HINT_ENTRY, type HintFormat } from "./formats.ts";
import { danglingEntry, MARK_HINT, MARK_UNRET_BEGIN, type Marks, relocTarget } from "./marks.ts";

const hintSchema = {
  /** -> instruction before which the stated frame holds */ insn: "i32",
  /** CFA = register + spOffset, bytes */ spOffset: "i32",
  /** ORC register number */ spReg: "u8",
  /** UNWIND_HINT_TYPE_* */ type: "u8",
  /** 1: the frame was made by an interrupt or exception */ signal: "u8",
} as const;
/** Sorted by insn. */
export type HintTable = Table<typeof hintSchema>;

const SECTION = ".discard.unwind_hints";

/** Reads the unwind hints of assembly and inline assembly, and marks their instructions. Types are told in the numbering since 6.4. */
export function readHints(code: Code, marks: Marks, format: HintFormat): HintTable {
  const section = code.object.findSection(SECTION);
  const builder = new TableBuilder(hintSchema, 16);
  if (section === NONE) return builder.finish();
  const bytes = code.object.bytes(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const relocs = code.object.relocs(section);
  const rows: { insn: number; at: number }[] = [];
  for (let r = 0; r < relocs.length; r++) {
    const at = relocs.offset[r] as number;
    if (at % format.size !== 0 || at + format.size > bytes.length) continue;
    const target = relocTarget(code, section, r);
    const insn = insnAt(code, target.section, target.offset);
    if (insn === NONE) marks.dangling.push(danglingEntry(code, `${SECTION} entry ${at / format.size}`, target));
    else rows.push({ insn, at });
  }
  rows.sort((a, b) => a.insn - b.insn || a.at - b.at);
  for (const { insn, at } of rows) {
    marks.bits[insn] = (marks.bits[insn] as number) | MARK_HINT;
    const spReg = format.registers[view.getUint8(at + 6)] ?? ORC_REG_UNDEFINED;
    let type = format.types[view.getUint8(at + 7)] ?? UNWIND_HINT_TYPE_UNDEFINED;
    if (type === HINT_ENTRY) {
      marks.bits[insn] = (marks.bits[insn] as number) | MARK_UNRET_BEGIN;
      marks.unretBegins.push(insn);
      type = UNWIND_HINT_TYPE_CALL;
    }
    // A frame without a base: up to 6.3 a byte says whether the stack ends there.
    if (format.endAt !== undefined && type === UNWIND_HINT_TYPE_CALL && spReg === ORC_REG_UNDEFINED)
      type = view.getUint8(at + format.endAt) === 0 ? UNWIND_HINT_TYPE_UNDEFINED : UNWIND_HINT_TYPE_END_OF_STACK;
    const isRegs = type === UNWIND_HINT_TYPE_REGS || type === UNWIND_HINT_TYPE_REGS_PARTIAL;
    builder.push({
      insn,
      spOffset: view.getInt16(at + 4, true),
      spReg,
      type,
      signal: format.signalAt === undefined ? (isRegs ? 1 : 0) : view.getUint8(at + format.signalAt),
    });
  }
  return builder.finish();
}
