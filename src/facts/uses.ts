import { NONE } from "../base/table.ts";
import { STB_WEAK } from "../elf/constants.ts";
import { type Flow, ownerOf } from "../flow/flow.ts";
import { functionName } from "../flow/functions.ts";
import { forEachAddressTaken } from "../flow/landing-pads.ts";
import { KIND_BRANCH, KIND_CALL, KIND_JUMP, KIND_NOP, KIND_RETURN } from "../isa/insn-table.ts";
import type { NameTable } from "./name-table.ts";
import { type AddressFacts, USE_ADDRESS, USE_CALL, USE_TAIL_CALL, type UseFacts } from "./object-facts.ts";
import { findVariable, variablesBySection } from "./variables.ts";

/** Which symbols of others an object uses and how, and where it holds their addresses. */
export function readUses(flow: Flow, names: NameTable): { uses: UseFacts; addresses: AddressFacts } {
  const { symbols, symbolName, sectionName } = flow.code.object;
  const how = new Map<number, number>();
  /** Defined by another object, or to be replaced by another object's. */
  const isOthers = (symbol: number): boolean =>
    symbol > 0 && (symbols.section[symbol] === NONE || symbols.binding[symbol] === STB_WEAK);
  const use = (symbol: number, bit: number): void => {
    if (isOthers(symbol)) how.set(symbol, (how.get(symbol) ?? 0) | bit);
  };
  readBranches(flow, use);
  const addresses = {
    name: [] as number[],
    section: [] as number[],
    holder: [] as number[],
    offset: [] as number[],
    addend: [] as number[],
    isCode: [] as number[],
  };
  const seen = new Set<string>();
  const variables = variablesBySection(flow);
  const holderOf = (section: number, offset: number, insn: number): string => {
    if (insn !== NONE) {
      const owner = ownerOf(flow, insn);
      return owner === NONE ? coveringName(flow, section, offset) : functionName(flow.code, flow.functions, owner);
    }
    return findVariable(variables.get(section) ?? [], offset)?.name ?? "";
  };
  forEachAddressTaken(flow.code, ({ section, offset, insn, symbol, toOffset }) => {
    if (!isOthers(symbol)) return;
    use(symbol, USE_ADDRESS);
    const holder = holderOf(section, offset, insn);
    const isCode = insn === NONE ? 0 : 1;
    const addend = toOffset - (symbols.value[symbol] as number);
    const key = `${symbol} ${section} ${addend} ${isCode} ${holder}`;
    if (seen.has(key)) return;
    seen.add(key);
    addresses.name.push(names.row(symbolName[symbol] as string));
    addresses.section.push(names.row(sectionName[section] as string));
    addresses.holder.push(names.row(holder));
    addresses.offset.push(offset);
    addresses.addend.push(addend);
    addresses.isCode.push(isCode);
  });
  const uses = { name: [] as number[], how: [] as number[] };
  for (const [symbol, bits] of how) {
    uses.name.push(names.row(symbolName[symbol] as string));
    uses.how.push(bits);
  }
  return { uses, addresses };
}

/** Symbols that branches name: what they go to, or the table that they go through. */
function readBranches({ code }: Flow, use: (symbol: number, bit: number) => void): void {
  const { kind, section } = code.insns;
  code.reloc.forEach((insn, row) => {
    const k = kind[insn] as number;
    if ((k < KIND_JUMP || k > KIND_RETURN) && k !== KIND_NOP) return;
    const symbol = code.object.relocs(section[insn] as number).symbol[row] as number;
    use(symbol, k === KIND_CALL ? USE_CALL : k === KIND_JUMP || k === KIND_BRANCH ? USE_TAIL_CALL : USE_ADDRESS);
  });
}

function coveringName({ code, functions }: Flow, section: number, offset: number): string {
  const symbol = functions.symbolCovering(section, offset);
  return symbol === NONE ? "" : (code.object.symbolName[symbol] as string);
}
