import { CFA_COLUMN, EXPRESSION_DEREF, EXPRESSION_OTHER, type Expression } from "../../src/dwarf/cfi-expression.ts";
import {
  CFI_CFA_NONE,
  CFI_CFA_REGISTER,
  CFI_EXPRESSION,
  CFI_OFFSET,
  CFI_REGISTER,
  CFI_SAME_VALUE,
  CFI_UNDEFINED,
  CFI_VAL_EXPRESSION,
  CFI_VAL_OFFSET,
  type Cfi,
} from "../../src/dwarf/cfi-tables.ts";
import type { ElfObject } from "../../src/elf/object.ts";
import { type DumpedEntry, type DumpedFrames, type DumpedRow, rowText } from "./frame-dumps.ts";

/** What our reader found, in the form of the other readers' dumps. */
export function ownFrames(object: ElfObject, cfis: readonly Cfi[]): DumpedFrames {
  const entries = new Map<string, DumpedEntry>();
  for (const cfi of cfis) {
    const { fdes, rows } = cfi;
    for (let f = 0; f < fdes.length; f++) {
      const list: DumpedRow[] = [];
      for (let row = fdes.rowStart[f]!; row < fdes.rowEnd[f]!; row++)
        list.push({ at: rows.start[row]!, says: rowSays(cfi, row) });
      const key = `${object.sectionName[cfi.section]}+${fdes.offset[f]}`;
      entries.set(key, { start: fdes.start[f]!, end: fdes.end[f]!, rows: list });
    }
  }
  return entries;
}

function rowSays({ rows, rules, expressions }: Cfi, row: number): string {
  const texts = new Map<number, string>();
  for (let r = rows.ruleStart[row]!; r < rows.ruleEnd[row]!; r++)
    texts.set(rules.register[r]!, ruleSays(rules.rule[r]!, rules.value[r]!, expressions));
  const offset = rows.cfaOffset[row]!;
  let cfa: string;
  if (rows.cfa[row] === CFI_CFA_NONE) cfa = "none";
  else if (rows.cfa[row] === CFI_CFA_REGISTER) cfa = `r${rows.cfaRegister[row]}${signed(offset)}`;
  else cfa = expressionSays(expressions[offset]!);
  return rowText(cfa, texts) + (rows.signed[row] === 1 ? "; signed" : "");
}

function ruleSays(rule: number, value: number, expressions: readonly Expression[]): string {
  switch (rule) {
    case CFI_UNDEFINED:
      return "undefined";
    case CFI_SAME_VALUE:
      return "s";
    case CFI_OFFSET:
      return `c${signed(value)}`;
    case CFI_VAL_OFFSET:
      return `v${signed(value)}`;
    case CFI_REGISTER:
      return `in r${value}`;
    case CFI_EXPRESSION:
      return expressionSays(expressions[value]!);
    case CFI_VAL_EXPRESSION:
      return `v${expressionSays(expressions[value]!)}`;
  }
  throw new Error(`rule ${rule}`);
}

function expressionSays({ kind, register, offset, behind }: Expression): string {
  if (kind === EXPRESSION_OTHER || register === CFA_COLUMN) return "exp";
  const place = `r${register}${signed(offset)}`;
  return kind === EXPRESSION_DEREF ? `exp(*${place}${signed(behind)})` : `exp(${place})`;
}

function signed(value: number): string {
  return value < 0 ? String(value) : `+${value}`;
}

export interface FrameComparison {
  entries: number;
  rows: number;
  readonly wrong: string[];
}

/** Every place at which one of both begins a row, in every entry that either has. */
export function compareDumps(
  own: DumpedFrames,
  other: DumpedFrames,
  view: (says: string) => string,
  result: FrameComparison,
  name: string,
): void {
  const tell = (text: string): void => {
    if (result.wrong.length < 20) result.wrong.push(`${name} ${text}`);
  };
  for (const key of own.keys()) if (!other.has(key)) tell(`${key}: the other reader has no such entry`);
  for (const [key, theirs] of other) {
    const ours = own.get(key);
    if (ours === undefined) {
      tell(`${key}: we have no such entry`);
      continue;
    }
    result.entries++;
    if (ours.start !== theirs.start || ours.end !== theirs.end)
      tell(`${key}: ours ${ours.start}..${ours.end}, theirs ${theirs.start}..${theirs.end}`);
    const places = new Set([...ours.rows, ...theirs.rows].map(({ at }) => at));
    for (const at of places) {
      // The dumps go on behind the end of a function, and have a row for one without bytes.
      if (at >= theirs.end) continue;
      result.rows++;
      const mine = view(saysAt(ours, at));
      const other = view(saysAt(theirs, at));
      if (mine !== other) tell(`${key} at ${at}: ours "${mine}", theirs "${other}"`);
    }
  }
}

function saysAt({ rows }: DumpedEntry, at: number): string {
  return rows.findLast((row) => row.at <= at)?.says ?? "nothing";
}
