import { NONE } from "../../src/base/table.ts";
import { STT_FILE, STT_SECTION } from "../../src/elf/constants.ts";
import { insnEnd } from "../../src/flow/code.ts";
import { KIND_BRANCH, KIND_CALL, KIND_JUMP } from "../../src/isa/insn-table.ts";
import type { ObjectModel } from "./object-model.ts";
import { below, pick, type Random } from "./random.ts";
import { type Done, insnsWhere, type MutationClass, pointTo, relocationOf } from "./sites.ts";

// Branches and calls that go elsewhere.

const isBranch = (kind: number): boolean => kind === KIND_JUMP || kind === KIND_BRANCH;

/** An offset in `section`: mostly an instruction of the same function, sometimes the middle of one, sometimes anywhere. */
function otherPlace(model: ObjectModel, insn: number, from: number, to: number, random: Random): number {
  const { insns, sectionStart, sectionEnd } = model.code;
  const { functions } = model.flow;
  const section = insns.section[insn] as number;
  const f = functions.ofInsn[insn] as number;
  let first = sectionStart[section] as number;
  let last = sectionEnd[section] as number;
  if (f !== NONE && below(4, random) > 0) {
    first = functions.table.firstInsn[f] as number;
    last = insn;
    while (last < (sectionEnd[section] as number) && functions.ofInsn[last] === f) last++;
  }
  for (let tries = 0; tries < 50; tries++) {
    const to0 = first + below(last - first, random);
    const middle = below(5, random) === 0 && (insns.size[to0] as number) > 1;
    const offset = (insns.offset[to0] as number) + (middle ? 1 + below((insns.size[to0] as number) - 1, random) : 0);
    if (offset >= from && offset <= to) return offset;
  }
  return NONE;
}

/** Branches whose target is in the instruction. */
export const branchDisplacement: MutationClass = {
  name: "branch-displacement",
  sites: (m) => insnsWhere(m, (i) => isBranch(m.code.insns.kind[i] as number) && m.code.reloc.at(i) === NONE),
  apply(model, edit, insn, random): Done | undefined {
    const { insns } = model.code;
    const section = insns.section[insn] as number;
    const end = insnEnd(model.code, insn);
    const size = insns.size[insn] as number;
    const short = size === 2;
    const reach = short ? 127 : 0x7fff_ffff;
    const to = otherPlace(model, insn, end - reach - 1, end + reach, random);
    if (to === NONE || to === insns.target.at(insn)) return undefined;
    const by = to - end;
    edit.write(
      section,
      end - (short ? 1 : 4),
      short ? [by & 255] : [by & 255, (by >> 8) & 255, (by >> 16) & 255, by >>> 24],
    );
    return {
      section,
      offset: insns.offset[insn] as number,
      before: `to +0x${(insns.target.at(insn)).toString(16)}`,
      after: `to +0x${to.toString(16)}`,
    };
  },
};

/** Branches and calls whose target is a relocation. */
export const branchRelocation: MutationClass = {
  name: "branch-relocation",
  sites: (m) =>
    insnsWhere(m, (i) => {
      const kind = m.code.insns.kind[i] as number;
      return (isBranch(kind) || kind === KIND_CALL) && m.code.reloc.at(i) !== NONE;
    }),
  apply(model, edit, insn, random) {
    const relocation = relocationOf(model, insn);
    if (relocation === undefined) return undefined;
    const { section, symbol, addend, place, toEnd: from } = relocation;
    const { insns, object } = model.code;
    let change: { symbol?: number; addend?: number };
    if ((object.symbols.section[symbol] as number) > 0 && below(2, random) === 0) {
      change = { addend: addend + pick([1, 2, 3, 4, 5, 8, 16, 32, -1, -4, -16], random) };
    } else if (below(3, random) === 0) {
      const sectionSymbol = findSectionSymbol(model, section);
      if (sectionSymbol === NONE) return undefined;
      const to = otherPlace(model, insn, 0, 0x7fff_ffff, random);
      change = { symbol: sectionSymbol, addend: to - from };
    } else change = { symbol: pick(codeSymbols(model), random), addend: -from };
    edit.editReloc(section, place, place + 1, change);
    const name = (s: number, a: number): string => `${object.symbolName[s]}${a + from < 0 ? "" : "+"}${a + from}`;
    return {
      section,
      offset: insns.offset[insn] as number,
      before: name(symbol, addend),
      after: name(change.symbol ?? symbol, change.addend ?? addend),
    };
  },
};

/** Calls that go to a function of the other kind: one that never returns, or one that does. */
export function callRetarget(name: string, toNoreturn: boolean): MutationClass {
  const targets = (m: ObjectModel, noreturn: ReadonlySet<string>): number[] =>
    codeSymbols(m).filter((s) => noreturn.has(m.code.object.symbolName[s] as string) === toNoreturn);
  return {
    name,
    sites(m, { noreturn }) {
      if (targets(m, noreturn).length === 0) return [];
      return insnsWhere(m, (i) => {
        const symbol = m.flow.symbol.at(i);
        if (m.flow.kind[i] !== KIND_CALL || symbol === NONE || m.code.reloc.at(i) === NONE) return false;
        return noreturn.has(m.code.object.symbolName[symbol] as string) !== toNoreturn;
      });
    },
    apply(model, edit, insn, random, { noreturn }) {
      const before = model.code.object.symbolName[model.flow.symbol.at(insn)] as string;
      return pointTo(model, edit, insn, pick(targets(model, noreturn), random), before);
    },
  };
}

function findSectionSymbol(model: ObjectModel, section: number): number {
  const { symbols } = model.code.object;
  for (let s = 1; s < symbols.length; s++)
    if (symbols.type[s] === STT_SECTION && symbols.section[s] === section) return s;
  return NONE;
}

/** Symbols that something in this object branches to or calls, and functions that it defines. */
function codeSymbols(model: ObjectModel): number[] {
  const { symbols, symbolName } = model.code.object;
  const used = new Set<number>(model.flow.functions.ofSymbol.keys());
  for (let i = 0; i < model.flow.kind.length; i++) {
    const s = model.flow.symbol.at(i);
    if (s !== NONE && symbols.type[s] !== STT_SECTION && symbols.type[s] !== STT_FILE && symbolName[s] !== "")
      used.add(s);
  }
  return [...used].sort((a, b) => a - b);
}
