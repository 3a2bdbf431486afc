import { lowerBound, NONE } from "../base/table.ts";
import { STB_LOCAL, STT_FUNC, STT_OBJECT, STT_SECTION } from "../elf/constants.ts";
import { insnEnd } from "../flow/code.ts";
import type { Flow } from "../flow/flow.ts";
import { relocTarget } from "../flow/marks.ts";
import { KIND_INDIRECT_CALL, KIND_INDIRECT_JUMP } from "../isa/insn-table.ts";
import type { TableEntry, TableFacts } from "./object-facts.ts";

// Tables of functions that calls go through until they are patched. Besides the table itself there are tables of the same type that it is
// filled from at boot, and stores of single functions to it. Which of the former are meant nobody writes down: a copy is made by code that
// names the table other than in a call, and it has the table's size.

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
  const stores = operations.size === 0 ? undefined : readStores(flow, operations);
  const handlesOperations = stores !== undefined && (stores.isNamed || [...operations].some((s) => isDefined(flow, s)));
  if (stores?.isNamed === true) {
    const name = symbolName[[...operations][0] as number] as string;
    found.push({ name, size: 0, isVisible: true, entries: stores.entries });
  }
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || symbols.type[s] !== STT_OBJECT || isCode(flow, section)) continue;
    const name = symbolName[s] as string;
    if (!handlesOperations && !names.isStaticCallKey(name)) continue;
    const entries = readEntries(flow, s);
    if (entries.length === 0) continue;
    found.push({ name, size: symbols.size[s] as number, isVisible: symbols.binding[s] !== STB_LOCAL, entries });
  }
  return found;
}

const isDefined = ({ code }: Flow, symbol: number): boolean => (code.object.symbols.section[symbol] as number) > 0;

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

/** Instructions that store a function's address to a table: both are named by relocations of the one instruction. */
function readStores(flow: Flow, operations: ReadonlySet<number>): { entries: TableEntry[]; isNamed: boolean } {
  const { code } = flow;
  const entries: TableEntry[] = [];
  let isNamed = false;
  for (const section of code.sections) {
    const relocs = code.object.relocs(section);
    let insn = code.sectionStart[section] as number;
    const end = code.sectionEnd[section] as number;
    for (let r = 0; r < relocs.length; r++) {
      if (!operations.has(relocs.symbol[r] as number)) continue;
      const at = relocs.offset[r] as number;
      while (insn < end - 1 && insnEnd(code, insn) <= at) insn++;
      const kind = code.insns.kind[insn];
      if (kind === KIND_INDIRECT_CALL || kind === KIND_INDIRECT_JUMP) continue;
      isNamed = true;
      if (r + 1 >= relocs.length || (relocs.offset[r + 1] as number) >= insnEnd(code, insn)) continue;
      const symbol = relocs.symbol[r + 1] as number;
      if (
        code.object.symbols.type[symbol] !== STT_FUNC &&
        isDefined(flow, symbol) &&
        !isCode(flow, code.object.symbols.section[symbol] as number)
      )
        continue;
      const relative = code.arch.relocs.isPcRelative(relocs.type[r] as number);
      const from = relative && code.arch.relocs.displacementFrom === "insn-end" ? insnEnd(code, insn) - at : 0;
      const entry = describe(flow, section, r + 1, (relocs.addend[r] as number) + from);
      if (entry !== undefined) entries.push(entry);
    }
  }
  return { entries, isNamed };
}
