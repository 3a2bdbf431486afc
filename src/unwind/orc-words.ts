import { type OrcRegisterWord, type OrcTypeWord, orcRegisterWord, orcTypeWord } from "../orc/constants.ts";
import type { OrcTable } from "../orc/rows.ts";

/** A row of ORC with the names that people and JSON use. */
export interface OrcRow {
  readonly section: string;
  /** byte of the section */
  readonly offset: number;
  readonly spReg: OrcRegisterWord;
  readonly spOffset: number;
  readonly bpReg: OrcRegisterWord;
  readonly bpOffset: number;
  readonly type: OrcTypeWord;
  readonly signal: boolean;
}

export function orcRow(table: OrcTable, row: number, sectionName: readonly string[]): OrcRow {
  return {
    section: sectionName[table.section[row] as number] as string,
    offset: table.offset[row] as number,
    spReg: orcRegisterWord[table.spReg[row] as number] as OrcRegisterWord,
    spOffset: table.spOffset[row] as number,
    bpReg: orcRegisterWord[table.bpReg[row] as number] as OrcRegisterWord,
    bpOffset: table.bpOffset[row] as number,
    type: orcTypeWord[table.type[row] as number] as OrcTypeWord,
    signal: table.signal[row] === 1,
  };
}

/** "call sp:sp+16 bp:prev_sp-16": what a row says. */
export function orcRowText(row: OrcRow): string {
  if (row.type === "undefined" || row.type === "end_of_stack") return row.type;
  const base = (register: string, offset: number): string => `${register}${offset < 0 ? "" : "+"}${offset}`;
  const bp = row.bpReg === "undefined" ? "unchanged" : base(row.bpReg, row.bpOffset);
  return `${row.type} sp:${base(row.spReg, row.spOffset)} bp:${bp}${row.signal ? " signal" : ""}`;
}
