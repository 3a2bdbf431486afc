import { NONE } from "../base/table.ts";
import { STB_LOCAL, STB_WEAK, STT_FILE, STT_SECTION } from "../elf/constants.ts";
import { insnAt } from "../flow/code.ts";
import { ownerOf } from "../flow/flow.ts";
import { sameFamily } from "../flow/functions.ts";
import { type AddressTaken, forEachAddressTaken, LandingPads } from "../flow/landing-pads.ts";
import type { AddressUse, Landing } from "../flow/outside.ts";
import type { RuleContext } from "./rule.ts";
import { ownerName } from "./ways.ts";

// Addresses of code that are taken although an indirect branch would find no landing pad there: what the rules of landing pads tell.

export interface BareAddress {
  readonly taken: AddressTaken;
  /** -> instruction that is pointed at; NONE where it is in another object */
  readonly to: number;
  /** Function, or assembly symbol, that is pointed at or into. */
  readonly target: string;
  /** The address is not the target's first. */
  readonly isInside: boolean;
}

/** Code of this object whose address another object takes. */
export interface BareUse {
  /** -> instruction without a landing pad */
  readonly to: number;
  readonly use: AddressUse;
  readonly isInside: boolean;
}

const found = new WeakMap<RuleContext, readonly BareAddress[]>();

/** Bare addresses that this object takes, in the order of its sections. */
export function bareAddresses(context: RuleContext): readonly BareAddress[] {
  let list = found.get(context);
  if (list === undefined) {
    list = search(context);
    found.set(context, list);
  }
  return list;
}

function search(context: RuleContext): BareAddress[] {
  const { flow, outside } = context;
  const { code, functions } = flow;
  const { symbols, symbolName } = code.object;
  const pads = new LandingPads(flow);
  const list: BareAddress[] = [];
  const add = (taken: AddressTaken, to: number, target: string, isInside: boolean): void => {
    list.push({ taken: { ...taken }, to, target, isInside });
  };
  /** What others know of a place, by the name that the linker sees. */
  const elsewhere = (taken: AddressTaken, offset: number): void => {
    const name = symbolName[taken.symbol] as string;
    const landing = outside.landing(name, offset);
    if (landing === undefined) context.missing("landing", name);
    else if (isBare(landing, taken.insn !== NONE)) add(taken, NONE, name, offset !== 0);
  };
  const coverOf = (insn: number): number =>
    functions.symbolCovering(code.insns.section[insn] as number, code.insns.offset[insn] as number);
  forEachAddressTaken(code, (taken) => {
    const { symbol, toSection, toOffset } = taken;
    // Most addresses are those of data.
    if (toSection > 0 && code.sectionEnd[toSection] === code.sectionStart[toSection]) return;
    if (taken.insn !== NONE && symbol !== NONE) {
      const plus = toOffset - (symbols.value[symbol] as number);
      if (isPatchedPlace(context, symbolName[symbol] as string, plus)) return;
    }
    if (toSection <= 0) {
      if (toSection === NONE && symbol > 0) elsewhere(taken, toOffset);
      return;
    }
    if (symbol !== NONE && symbols.binding[symbol] === STB_WEAK) {
      // Which of the definitions is meant is known where all of them are.
      if (outside.isOverridden(symbolName[symbol] as string) !== false) {
        elsewhere(taken, toOffset - (symbols.value[symbol] as number));
        return;
      }
    }
    const isCode = taken.insn !== NONE;
    if (!isBare(pads.at(toSection, toOffset, symbol), isCode)) return;
    const to = insnAt(code, toSection, toOffset);
    const owner = ownerOf(flow, to);
    const from = isCode ? ownerOf(flow, taken.insn) : NONE;
    // A function that takes an address of its own reads or compares it (_THIS_IP_, include/linux/instruction_pointer.h), or irets to it.
    if (owner !== NONE && from !== NONE && sameFamily(functions.table, owner, from)) return;
    // So does assembly without a function, in trees that annotate no such address; where it went through a relocation nobody can tell it from one
    // to branch to.
    const isItsOwn =
      isCode && symbol === NONE && owner === NONE && from === NONE && coverOf(to) === coverOf(taken.insn);
    if (isItsOwn && !flow.formats.annotatesOwnAddresses) return;
    add(taken, to, ownerName(context, owner, to), !begins(context, owner, to));
  });
  return list;
}

/** Code that names a trampoline, and no place inside of it, has it patched (include/linux/static_call.h, static_call_update()); its address is not branched to. */
function isPatchedPlace({ flow }: RuleContext, name: string, plus: number): boolean {
  return plus === 0 && flow.code.arch.names.isStaticCallTrampoline(name);
}

/** @param isCode an instruction takes the address: it may want to compare with it alone */
function isBare(landing: Landing, isCode: boolean): boolean {
  return landing === "none" || (landing === "bound" && !isCode);
}

/** Whether a place is where its function, or without one the symbol that covers it, begins. */
function begins(context: RuleContext, owner: number, insn: number): boolean {
  const { code, functions } = context.flow;
  if (owner !== NONE) return functions.table.firstInsn[owner] === insn;
  const offset = code.insns.offset[insn] as number;
  const symbol = functions.symbolCovering(code.insns.section[insn] as number, offset);
  return symbol !== NONE && code.object.symbols.value[symbol] === offset;
}

/** Code of this object without a landing pad whose address other objects take. */
export function bareUses(context: RuleContext): BareUse[] {
  const { flow, outside } = context;
  const { symbols, symbolName } = flow.code.object;
  const pads = new LandingPads(flow);
  const list: BareUse[] = [];
  for (const s of flow.functions.labels) {
    const section = symbols.section[s] as number;
    if (symbols.binding[s] === STB_LOCAL) continue;
    const name = symbolName[s] as string;
    const value = symbols.value[s] as number;
    if (symbols.binding[s] === STB_WEAK && outside.isOverridden(name) !== false) continue;
    for (const use of outside.addressUses(name) ?? []) {
      if (use.isCode && isPatchedPlace(context, name, use.addend)) continue;
      if (!isBare(pads.at(section, value + use.addend, s), use.isCode)) continue;
      const to = insnAt(flow.code, section, value + use.addend);
      list.push({ to, use, isInside: !begins(context, ownerOf(flow, to), to) });
    }
  }
  return list;
}

// include/linux/export.h: EXPORT_SYMBOL() writes a table of its own, up to 6.3 the symbol table that modules are linked by.
const EXPORTS = /^(\.export_symbol|___ksymtab)/;
const EXPORT_LABEL = /^(__export_symbol_|__ksymtab_)/;
// include/linux/compiler.h, __UNIQUE_ID(): a prefix, what it is for, and a count that any edit before it moves
const UNIQUE = /^__UNIQUE_ID_+(.*?)_*\d+$/;

/** Names the variable around a place in data by its symbol, else by the section. Symbols are sorted when it is first asked. */
export function holderFinder(context: RuleContext): (section: number, offset: number) => string {
  const { symbols, symbolName, sectionName } = context.flow.code.object;
  let bySection: Map<number, number[]> | undefined;
  const build = (): Map<number, number[]> => {
    const lists = new Map<number, number[]>();
    for (let s = 1; s < symbols.length; s++) {
      const section = symbols.section[s] as number;
      const type = symbols.type[s];
      if (section <= 0 || type === STT_SECTION || type === STT_FILE) continue;
      const list = lists.get(section);
      if (list === undefined) lists.set(section, [s]);
      else list.push(s);
    }
    for (const list of lists.values())
      list.sort((a, b) => (symbols.value[a] as number) - (symbols.value[b] as number) || a - b);
    return lists;
  };
  return (section, offset) => {
    bySection ??= build();
    const list = bySection.get(section) ?? [];
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((symbols.value[list[middle] as number] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    const symbol = list[low - 1];
    const home = sectionName[section] as string;
    if (symbol === undefined) return home;
    const size = symbols.size[symbol] as number;
    const name = symbolName[symbol] as string;
    if (name === "" || (size > 0 && (symbols.value[symbol] as number) + size <= offset)) return home;
    if (EXPORTS.test(home) && EXPORT_LABEL.test(name)) return `EXPORT_SYMBOL(${name.replace(EXPORT_LABEL, "")})`;
    return name.replace(UNIQUE, "$1");
  };
}
