import { lowerBound, NONE } from "../base/table.ts";
import { SHF_WRITE, STB_LOCAL, STT_OBJECT, STT_SECTION } from "../elf/constants.ts";
import { insnEnd } from "../flow/code.ts";
import { type Flow, ownerOf } from "../flow/flow.ts";
import { relocTarget } from "../flow/marks.ts";
import { KIND_INDIRECT_CALL, KIND_INDIRECT_JUMP } from "../isa/insn-table.ts";
import type { TableEntry, TableFacts } from "./object-facts.ts";
import { findVariable, variablesBySection } from "./variables.ts";

// Tables of functions that calls go through until they are patched. Besides the table itself there are tables of the same type that it is filled
// from at boot, and stores of single functions to it. Which of the former are meant nobody writes down: a copy is made by a function that names
// both; it is a constant of the same size.

/** Tables of operations, what may be copied to them, and the first targets of static calls, as far as this object holds them. */
export function readTables(flow: Flow): TableFacts[] {
  const { code } = flow;
  const { symbols, symbolName } = code.object;
  const { names } = code.arch;
  const operations = new Set<number>();
  let anyKey = false;
  for (let s = 1; s < symbols.length; s++) {
    if (names.isOperationTable(symbolName[s] as string)) operations.add(s);
    else if (names.isStaticCallKey(symbolName[s] as string) && (symbols.section[s] as number) > 0) anyKey = true;
  }
  if (operations.size === 0 && !anyKey) return [];
  const found: TableFacts[] = [];
  const uses = operations.size === 0 ? undefined : readOperationUses(flow, operations);
  if (uses !== undefined && uses.fillers.size > 0) {
    const name = symbolName[[...operations][0] as number] as string;
    found.push({ name, size: 0, isVisible: true, entries: uses.entries });
  }
  const sources = uses === undefined ? new Set() : namedBy(flow, uses.fillers);
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || symbols.type[s] !== STT_OBJECT || isCode(flow, section)) continue;
    const name = symbolName[s] as string;
    if (!operations.has(s) && !sources.has(s) && !names.isStaticCallKey(name)) continue;
    const entries = readEntries(flow, s);
    if (entries.length === 0) continue;
    found.push({ name, size: symbols.size[s] as number, isVisible: symbols.binding[s] !== STB_LOCAL, entries });
  }
  return found;
}

function isCode({ code }: Flow, section: number): boolean {
  return code.sectionEnd[section] !== code.sectionStart[section];
}

function readEntries(flow: Flow, table: number): TableEntry[] {
  const { code } = flow;
  const { symbols } = code.object;
  const section = symbols.section[table] as number;
  const start = symbols.value[table] as number;
  const end = start + (symbols.size[table] as number);
  const relocs = code.object.relocs(section);
  const found: TableEntry[] = [];
  for (let r = lowerBound(relocs.offset, start, 0, relocs.length); r < relocs.length; r++) {
    const at = relocs.offset[r] as number;
    if (at >= end) break;
    const entry = describe(flow, section, r, at - start);
    if (entry !== undefined) found.push(entry);
  }
  return found;
}

function describe(flow: Flow, section: number, reloc: number, offset: number): TableEntry | undefined {
  const { code, functions } = flow;
  const { symbols, symbolName, sectionName } = code.object;
  const target = relocTarget(code, section, reloc);
  let symbol = target.symbol;
  if (symbols.type[symbol] === STT_SECTION) {
    if (!isCode(flow, target.section)) return undefined;
    symbol = functions.labelAt(target.section, target.offset);
    if (symbol === NONE) return undefined;
  } else if (target.section > 0 && !isCode(flow, target.section)) return undefined;
  const isLocal = symbols.binding[symbol] === STB_LOCAL;
  const home = target.section > 0 ? (sectionName[target.section] as string) : "";
  return [offset, symbolName[symbol] as string, isLocal ? home : ""];
}

interface OperationUses {
  /** Functions that instructions store to a table: both are named by relocations of the one instruction. */
  readonly entries: TableEntry[];
  /** Functions whose instructions name a table other than to call through it. */
  readonly fillers: ReadonlySet<number>;
}

function readOperationUses(flow: Flow, operations: ReadonlySet<number>): OperationUses {
  const { code } = flow;
  const entries: TableEntry[] = [];
  const fillers = new Set<number>();
  forEachCodeReloc(flow, (section, r, insn) => {
    const relocs = code.object.relocs(section);
    if (!operations.has(relocs.symbol[r] as number)) return;
    const kind = code.insns.kind[insn];
    if (kind === KIND_INDIRECT_CALL || kind === KIND_INDIRECT_JUMP) return;
    fillers.add(ownerOf(flow, insn));
    if (r + 1 >= relocs.length || (relocs.offset[r + 1] as number) >= insnEnd(code, insn)) return;
    const entry = describe(flow, section, r + 1, (relocs.addend[r] as number) + behind(flow, section, r, insn));
    if (entry !== undefined) entries.push(entry);
  });
  fillers.delete(NONE);
  return { entries, fillers };
}

/** Constants that functions name: what is written to is no source of a copy. */
function namedBy(flow: Flow, functions: ReadonlySet<number>): Set<number> {
  const { code } = flow;
  const found = new Set<number>();
  if (functions.size === 0) return found;
  const variables = variablesBySection(flow);
  const isWritable = (section: number): boolean => ((code.object.sections.flags[section] ?? 0) & SHF_WRITE) !== 0;
  forEachCodeReloc(flow, (section, r, insn) => {
    if (!functions.has(ownerOf(flow, insn))) return;
    const target = relocTarget(code, section, r);
    const variable = findVariable(variables.get(target.section) ?? [], target.offset + behind(flow, section, r, insn));
    if (variable !== undefined && !isWritable(target.section)) found.add(variable.symbol);
  });
  return found;
}

/** Bytes from the patched place to the end of the instruction, where displacements count from there. */
function behind({ code }: Flow, section: number, reloc: number, insn: number): number {
  const relocs = code.object.relocs(section);
  const counts =
    code.arch.relocs.displacementFrom === "insn-end" && code.arch.relocs.isPcRelative(relocs.type[reloc] as number);
  return counts ? insnEnd(code, insn) - (relocs.offset[reloc] as number) : 0;
}

function forEachCodeReloc({ code }: Flow, visit: (section: number, reloc: number, insn: number) => void): void {
  for (const section of code.sections) {
    const relocs = code.object.relocs(section);
    const end = code.sectionEnd[section] as number;
    let insn = code.sectionStart[section] as number;
    for (let r = 0; r < relocs.length && insn < end; r++) {
      while (insn < end - 1 && insnEnd(code, insn) <= (relocs.offset[r] as number)) insn++;
      visit(section, r, insn);
    }
  }
}
