import type { ByteSource } from "../base/bytes.ts";
import { FormatError } from "../base/errors.ts";
import { NONE } from "../base/table.ts";
import { STB_LOCAL, STB_WEAK, STT_FILE, STT_FUNC, STT_SECTION } from "../elf/constants.ts";
import { openObject } from "../elf/object.ts";
import { buildCode } from "../flow/code.ts";
import { buildFlow, type Flow } from "../flow/flow.ts";
import type { KernelFormats } from "../flow/formats.ts";
import { buildFunctions } from "../flow/functions.ts";
import { LandingPads } from "../flow/landing-pads.ts";
import { MARK_NOENDBR } from "../flow/marks.ts";
import { findArch } from "../isa/index.ts";
import { KIND_LANDING_PAD } from "../isa/insn-table.ts";
import { bitText } from "./bit-text.ts";
import { readLostRegisters } from "./lost-registers.ts";
import { NameTable } from "./name-table.ts";
import {
  FACTS_VERSION,
  type ObjectFacts,
  type SectionFacts,
  SYMBOL_BOUND,
  SYMBOL_DATA,
  SYMBOL_FUNCTION,
  SYMBOL_WEAK,
} from "./object-facts.ts";
import { readTables } from "./tables.ts";
import { readUses } from "./uses.ts";
import { readReturns, readWalks } from "./walks.ts";

export interface SummarizeOptions {
  /** What the tree's headers say of the sections that annotate code; without it each object says what it can. */
  readonly formats?: KernelFormats;
}

export function summarizeOptions(formats: KernelFormats | undefined): SummarizeOptions {
  return formats === undefined ? {} : { formats };
}

/**
 * What an object tells others. Pure, linear in its code and relocations, and the same for the same code.
 * @throws FormatError for input that is no object of a known machine
 */
export function summarize(source: ByteSource, options: SummarizeOptions = {}): ObjectFacts {
  const object = openObject(source);
  const arch = findArch(object.machine);
  if (arch === undefined) {
    throw new FormatError("unsupported", `machine ${object.machine} is not known here`, { format: "ELF", offset: 18 });
  }
  const code = buildCode(object, arch);
  return summarizeFlow(buildFlow(code, buildFunctions(code), options.formats));
}

/** The same for an object whose control flow is known already. */
export function summarizeFlow(flow: Flow): ObjectFacts {
  const { object } = flow.code;
  const { symbols, symbolName } = object;
  const names = new NameTable();
  const landing = new LandingPads(flow);
  const sectionFacts: SectionFacts[] = [];
  const sectionRow = new Map<number, number>();
  const rowOfSection = (section: number): number => {
    if (section <= 0) return NONE;
    let row = sectionRow.get(section);
    if (row === undefined) {
      row = sectionFacts.length;
      sectionRow.set(section, row);
      sectionFacts.push(describeSection(flow, section, landing));
    }
    return row;
  };
  const column = { name: [] as number[], flags: [] as number[], section: [] as number[], value: [] as number[] };
  /** symbol of the object -> its row here */
  const symbolRow = new Map<number, number>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    const type = symbols.type[s];
    if (symbols.binding[s] === STB_LOCAL || section === NONE || type === STT_SECTION || type === STT_FILE) continue;
    symbolRow.set(s, column.name.length);
    column.name.push(names.row(symbolName[s] as string));
    column.flags.push(symbolFlags(flow, s, landing));
    column.section.push(rowOfSection(section));
    column.value.push(symbols.value[s] as number);
  }
  return {
    version: FACTS_VERSION,
    machine: object.machine,
    returns: readReturns(flow, symbolRow, names),
    walks: readWalks(flow, symbolRow, names),
    lost: readLostRegisters(flow, symbolRow),
    ...readUses(flow, names),
    tables: readTables(flow),
    sections: sectionFacts,
    symbols: column,
    names: names.names,
  };
}

function symbolFlags(flow: Flow, symbol: number, landing: LandingPads): number {
  const { symbols } = flow.code.object;
  const weak = symbols.binding[symbol] === STB_WEAK ? SYMBOL_WEAK : 0;
  const section = symbols.section[symbol] as number;
  if (!isCode(flow, section)) return weak | SYMBOL_DATA;
  const bound = landing.at(section, symbols.value[symbol] as number, symbol) === "bound" ? SYMBOL_BOUND : 0;
  return weak | bound | (symbols.type[symbol] === STT_FUNC ? SYMBOL_FUNCTION : 0);
}

function isCode({ code }: Flow, section: number): boolean {
  return section > 0 && code.sectionEnd[section] !== code.sectionStart[section];
}

function describeSection(flow: Flow, section: number, landing: LandingPads): SectionFacts {
  const { code } = flow;
  const pads: number[] = [];
  const exempt: number[] = [];
  for (let i = code.sectionStart[section] as number; i < (code.sectionEnd[section] as number); i++) {
    if (code.insns.kind[i] === KIND_LANDING_PAD) pads.push(code.insns.offset[i] as number);
    else if (((flow.marks.bits[i] as number) & MARK_NOENDBR) !== 0) exempt.push(code.insns.offset[i] as number);
  }
  const bounds = new Set<number>();
  if (isCode(flow, section)) {
    const { symbols } = code.object;
    for (let s = 1; s < symbols.length; s++) {
      if (symbols.section[s] !== section) continue;
      const start = symbols.value[s] as number;
      const end = start + (symbols.size[s] as number);
      if (end > start && landing.at(section, end) === "bound") bounds.add(end);
    }
  }
  const from = code.sectionStart[section] as number;
  const to = code.sectionEnd[section] as number;
  const size = code.object.sections.size[section] as number;
  return {
    name: code.object.sectionName[section] as string,
    size,
    isCode: isCode(flow, section),
    pads,
    exempt,
    bounds: [...bounds].sort((a, b) => a - b),
    starts: to > from ? bitText(code.insns.offset.subarray(from, to), size) : "",
  };
}
