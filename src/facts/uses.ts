import { NONE } from "../base/table.ts";
import { SHF_ALLOC, STB_WEAK, STT_FILE, STT_SECTION } from "../elf/constants.ts";
import { insnEnd } from "../flow/code.ts";
import { type Flow, ownerOf } from "../flow/flow.ts";
import { functionName } from "../flow/functions.ts";
import { KIND_BRANCH, KIND_CALL, KIND_JUMP } from "../isa/insn-table.ts";
import type { NameTable } from "./name-table.ts";
import { type AddressFacts, USE_ADDRESS, USE_CALL, USE_TAIL_CALL, type UseFacts } from "./object-facts.ts";

/** Sections that only tools read, and that hold addresses all the same. */
const NOT_LOADED = /^\.(discard\.(?!ibt_endbr_noseal)|orc_|debug_)/;

/** Which symbols of others an object uses and how, and where it holds their addresses. */
export function readUses(flow: Flow, names: NameTable): { uses: UseFacts; addresses: AddressFacts } {
  const { object } = flow.code;
  const { sections, symbols, symbolName, sectionName } = object;
  const how = new Map<number, number>();
  const use = (symbol: number, bit: number): void => {
    how.set(symbol, (how.get(symbol) ?? 0) | bit);
  };
  const addresses = {
    name: [] as number[],
    section: [] as number[],
    holder: [] as number[],
    offset: [] as number[],
    addend: [] as number[],
    isCode: [] as number[],
  };
  const seen = new Set<string>();
  const take = (
    symbol: number,
    section: number,
    holder: string,
    offset: number,
    addend: number,
    isCode: 0 | 1,
  ): void => {
    use(symbol, USE_ADDRESS);
    const key = `${symbol} ${section} ${addend} ${isCode} ${holder}`;
    if (seen.has(key)) return;
    seen.add(key);
    addresses.name.push(names.row(symbolName[symbol] as string));
    addresses.section.push(names.row(sectionName[section] as string));
    addresses.holder.push(names.row(holder));
    addresses.offset.push(offset);
    addresses.addend.push(addend);
    addresses.isCode.push(isCode);
  };
  /** Defined by another object, or to be replaced by another object's. */
  const isOthers = (symbol: number): boolean =>
    symbol > 0 && (symbols.section[symbol] === NONE || symbols.binding[symbol] === STB_WEAK);
  const variables = variablesBySection(flow);
  for (let section = 1; section < sections.length; section++) {
    if (((sections.flags[section] as number) & SHF_ALLOC) === 0 || NOT_LOADED.test(sectionName[section] as string))
      continue;
    const relocs = object.relocs(section);
    if (relocs.length === 0) continue;
    if (flow.code.sectionEnd[section] !== flow.code.sectionStart[section]) {
      readCode(flow, section, isOthers, use, take);
      continue;
    }
    const holder = holderFinder(variables.get(section) ?? []);
    for (let r = 0; r < relocs.length; r++) {
      const symbol = relocs.symbol[r] as number;
      if (!isOthers(symbol)) continue;
      const offset = relocs.offset[r] as number;
      take(symbol, section, holder(offset), offset, relocs.addend[r] as number, 0);
    }
  }
  const uses = { name: [] as number[], how: [] as number[] };
  for (const [symbol, bits] of how) {
    uses.name.push(names.row(symbolName[symbol] as string));
    uses.how.push(bits);
  }
  return { uses, addresses };
}

function readCode(
  flow: Flow,
  section: number,
  isOthers: (symbol: number) => boolean,
  use: (symbol: number, bit: number) => void,
  take: (symbol: number, section: number, holder: string, offset: number, addend: number, isCode: 1) => void,
): void {
  const { code, functions } = flow;
  const { arch, insns } = code;
  const relocs = code.object.relocs(section);
  const end = code.sectionEnd[section] as number;
  let insn = code.sectionStart[section] as number;
  for (let r = 0; r < relocs.length; r++) {
    const offset = relocs.offset[r] as number;
    while (insn < end - 1 && insnEnd(code, insn) <= offset) insn++;
    const symbol = relocs.symbol[r] as number;
    if (!isOthers(symbol)) continue;
    const kind = insns.kind[insn];
    if (kind === KIND_CALL) use(symbol, USE_CALL);
    else if (kind === KIND_JUMP || kind === KIND_BRANCH) use(symbol, USE_TAIL_CALL);
    else {
      const relative = arch.relocs.isPcRelative(relocs.type[r] as number);
      const from = relative && arch.relocs.displacementFrom === "insn-end" ? insnEnd(code, insn) - offset : 0;
      const owner = ownerOf(flow, insn);
      const holder = owner === NONE ? coveringName(flow, section, offset) : functionName(code, functions, owner);
      take(symbol, section, holder, offset, (relocs.addend[r] as number) + from, 1);
    }
  }
}

function coveringName({ code, functions }: Flow, section: number, offset: number): string {
  const symbol = functions.symbolCovering(section, offset);
  return symbol === NONE ? "" : (code.object.symbolName[symbol] as string);
}

interface Variable {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

/** Variables by section, sorted by start, larger first. */
function variablesBySection({ code }: Flow): ReadonlyMap<number, readonly Variable[]> {
  const { symbols, symbolName } = code.object;
  const found = new Map<number, Variable[]>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    const size = symbols.size[s] as number;
    if (section <= 0 || size === 0 || symbols.type[s] === STT_SECTION || symbols.type[s] === STT_FILE) continue;
    const start = symbols.value[s] as number;
    const list = found.get(section);
    const row = { start, end: start + size, name: symbolName[s] as string };
    if (list === undefined) found.set(section, [row]);
    else list.push(row);
  }
  for (const list of found.values()) list.sort((a, b) => a.start - b.start || b.end - a.end);
  return found;
}

/** Name of the variable around a byte; asked with ascending offsets. */
function holderFinder(variables: readonly Variable[]): (offset: number) => string {
  let at = 0;
  return (offset) => {
    while (at + 1 < variables.length && (variables[at + 1] as Variable).start <= offset) at++;
    const row = variables[at];
    return row !== undefined && row.start <= offset && offset < row.end ? row.name : "";
  };
}
