import { NONE, type Table, TableBuilder } from "../base/table.ts";
import type { Code } from "./code.ts";
import { insnAt } from "./code.ts";
import { danglingEntry, MARK_HINT, type Marks, relocTarget } from "./marks.ts";

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
const ENTRY_SIZE = 12; // include/linux/objtool_types.h, struct unwind_hint

/** Reads the unwind hints of assembly and inline assembly (6.4 and later), and marks their instructions. */
export function readHints(code: Code, marks: Marks): HintTable {
  const section = code.object.findSection(SECTION);
  const builder = new TableBuilder(hintSchema, 16);
  if (section === NONE) return builder.finish();
  const bytes = code.object.bytes(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const relocs = code.object.relocs(section);
  const rows: { insn: number; at: number }[] = [];
  for (let r = 0; r < relocs.length; r++) {
    const at = relocs.offset[r] as number;
    if (at % ENTRY_SIZE !== 0 || at + ENTRY_SIZE > bytes.length) continue;
    const target = relocTarget(code, section, r);
    const insn = insnAt(code, target.section, target.offset);
    if (insn === NONE) marks.dangling.push(danglingEntry(code, `${SECTION} entry ${at / ENTRY_SIZE}`, target));
    else rows.push({ insn, at });
  }
  rows.sort((a, b) => a.insn - b.insn || a.at - b.at);
  for (const { insn, at } of rows) {
    marks.bits[insn] = (marks.bits[insn] as number) | MARK_HINT;
    builder.push({
      insn,
      spOffset: view.getInt16(at + 4, true),
      spReg: view.getUint8(at + 6),
      type: view.getUint8(at + 7),
      signal: view.getUint8(at + 8),
    });
  }
  return builder.finish();
}
