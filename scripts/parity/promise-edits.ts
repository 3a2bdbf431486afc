import { NONE } from "../../src/base/table.ts";
import { STB_LOCAL, STT_FUNC, STT_NOTYPE, STT_SECTION } from "../../src/elf/constants.ts";
import { insnAt } from "../../src/flow/code.ts";
import { KIND_INDIRECT_TAIL, KIND_TAIL_CALL } from "../../src/flow/flow.ts";
import { functionName } from "../../src/flow/functions.ts";
import { MARK_HINT } from "../../src/flow/marks.ts";
import {
  FLAG_PC_RELATIVE,
  KIND_BRANCH,
  KIND_CALL,
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_JUMP,
  KIND_JUMP,
  KIND_LANDING_PAD,
  KIND_OTHER,
  KIND_RETURN,
  KIND_TRAP,
} from "../../src/isa/insn-table.ts";
import type { ObjectEdit } from "./object-edit.ts";
import type { ObjectModel } from "./object-model.ts";
import { below, pick, type Random } from "./random.ts";
import { type Done, insnsWhere, type MutationClass, overwrite, pointTo, relocationOf } from "./sites.ts";

// Damage to what a kernel promises of its code: thunks, return thunks, traps behind returns, landing pads, uninstrumented code, names and
// types of symbols.

const registers = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13"];
registers.push("r14", "r15");

function symbolOf(model: ObjectModel, insn: number): string {
  const relocation = relocationOf(model, insn);
  return relocation === undefined ? "" : (model.code.object.symbolName[relocation.symbol] as string);
}

/** Register of an indirect thunk by its name (reference kernel arch/x86/lib/retpoline.S), NONE for others. */
function thunkRegister(model: ObjectModel, insn: number): number {
  const name = /^(?:__pi_)?__x86_indirect_thunk_(\w+)$/.exec(symbolOf(model, insn))?.[1];
  return name === undefined ? NONE : registers.indexOf(name);
}

/** FF /2 is a call, FF /4 a jump; 41 before it from r8 on (SDM volume 2, CALL, JMP). */
const indirect = (register: number, isCall: boolean): number[] => [
  ...(register > 7 ? [0x41] : []),
  0xff,
  (isCall ? 0xd0 : 0xe0) | (register & 7),
];

const isNamedReturn = (model: ObjectModel, insn: number): boolean =>
  model.flow.kind[insn] === KIND_RETURN && symbolOf(model, insn) !== "";

/** Functions and labels in code that lie in a section that `wanted` says yes to, and that are no section symbols. */
function symbolsIn(model: ObjectModel, wanted: (section: string) => boolean): number[] {
  const { object, sectionStart, sectionEnd } = model.code;
  const { symbols, symbolName, sectionName } = object;
  const found: number[] = [];
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || sectionEnd[section] === sectionStart[section] || symbols.type[s] === STT_SECTION) continue;
    if (symbolName[s] !== "" && wanted(sectionName[section] as string)) found.push(s);
  }
  return found;
}

const isPlainText = (name: string): boolean => name === ".text" || name === ".init.text" || name === ".text.unlikely";
const isQuiet = (name: string): boolean =>
  name === ".noinstr.text" || name === ".entry.text" || name === ".cpuidle.text";

/** Relocations of data sections that hold the address of code: numbers counted over all of them. */
function codePointers(model: ObjectModel): { section: number; row: number }[] {
  const { object, sectionStart, sectionEnd } = model.code;
  const found: { section: number; row: number }[] = [];
  for (let s = 1; s < object.sections.length; s++) {
    const name = object.sectionName[s] as string;
    if (
      sectionEnd[s] !== sectionStart[s] ||
      /^\.(debug|discard|rela|orc|altinstr)|^__(jump_table|ex_table|bug_table)/.test(name)
    )
      continue;
    const relocs = object.relocs(s);
    for (let row = 0; row < relocs.length; row++) {
      const to = object.symbols.section[relocs.symbol[row] as number] as number;
      if (to > 0 && sectionEnd[to] !== sectionStart[to]) found.push({ section: s, row });
    }
  }
  return found;
}

/** A place of the function around an address: another instruction of it, or another symbol's begin. */
function otherAddress(model: ObjectModel, section: number, offset: number, random: Random): number {
  const { insns, sectionStart, sectionEnd } = model.code;
  const here = insnAt(model.code, section, offset);
  if (here === NONE) return offset + 4;
  const to = here + 1 + below(12, random);
  return to < (sectionEnd[section] as number) && to > (sectionStart[section] as number)
    ? (insns.offset[to] as number)
    : offset + 4;
}

const movePointer: MutationClass = {
  name: "move-code-pointer",
  sites: (model) => codePointers(model).map((_, n) => n),
  apply(model, edit, site, random): Done | undefined {
    const { object } = model.code;
    const { section, row } = codePointers(model)[site] as { section: number; row: number };
    const relocs = object.relocs(section);
    const symbol = relocs.symbol[row] as number;
    const home = object.symbols.section[symbol] as number;
    const value = object.symbols.value[symbol] as number;
    const old = value + (relocs.addend[row] as number);
    const place = relocs.offset[row] as number;
    const name = `${object.sectionName[section]}+0x${place.toString(16)}`;
    if (below(2, random) === 0) {
      const to = otherAddress(model, home, old, random);
      edit.editReloc(section, place, place + 1, { addend: to - value });
      return {
        section: home,
        offset: old,
        before: `${name} to +0x${old.toString(16)}`,
        after: `+0x${to.toString(16)}`,
      };
    }
    const others = symbolsIn(model, isPlainText).filter((s) => s !== symbol);
    if (others.length === 0) return undefined;
    const other = pick(others, random);
    edit.editReloc(section, place, place + 1, { symbol: other, addend: 0 });
    return {
      section: home,
      offset: old,
      before: `${name} to ${object.symbolName[symbol]}`,
      after: object.symbolName[other] as string,
    };
  },
};

/** Instructions that take an address of code, relative to themselves or absolute, without branching there. */
const takesAddress = (model: ObjectModel, insn: number): boolean => {
  const { object, sectionStart, sectionEnd } = model.code;
  const relocation = relocationOf(model, insn);
  if (relocation === undefined || model.flow.kind[insn] !== KIND_OTHER) return false;
  const home = object.symbols.section[relocation.symbol] as number;
  return home > 0 && sectionEnd[home] !== sectionStart[home];
};

const moveAddress: MutationClass = {
  name: "move-code-address",
  sites: (model) => insnsWhere(model, (i) => takesAddress(model, i)),
  apply(model, edit, insn, random) {
    const relocation = relocationOf(model, insn);
    if (relocation === undefined) return undefined;
    const { section, symbol, addend, place, toEnd } = relocation;
    const { object, insns } = model.code;
    const isRelative = ((insns.flags[insn] as number) & FLAG_PC_RELATIVE) !== 0;
    const behind = isRelative ? toEnd : 0;
    const value = object.symbols.value[symbol] as number;
    const old = value + addend + behind;
    const to = otherAddress(model, object.symbols.section[symbol] as number, old, random);
    edit.editReloc(section, place, place + 1, { addend: to - value - behind });
    const offset = insns.offset[insn] as number;
    return { section, offset, before: `address +0x${old.toString(16)}`, after: `+0x${to.toString(16)}` };
  },
};

/** Calls of uninstrumented code that go to ordinary code of the same object instead. */
const leaveQuiet: MutationClass = {
  name: "call-out-of-uninstrumented",
  sites: (model) =>
    symbolsIn(model, isPlainText).length === 0
      ? []
      : insnsWhere(model, (i) => {
          const { insns, object, reloc } = model.code;
          const kind = insns.kind[i];
          return (
            (kind === KIND_CALL || kind === KIND_JUMP) &&
            reloc.at(i) !== NONE &&
            isQuiet(object.sectionName[insns.section[i] as number] as string)
          );
        }),
  apply(model, edit, insn, random) {
    return pointTo(model, edit, insn, pick(symbolsIn(model, isPlainText), random), symbolOf(model, insn));
  },
};

/** e8, which has a displacement of 32 bits as e9 does: the jump (SDM volume 2, CALL, JMP). */
const isNearCall = ({ code }: ObjectModel, insn: number): boolean =>
  code.insns.kind[insn] === KIND_CALL && code.insns.size[insn] === 5;

function callToJump(model: ObjectModel, edit: ObjectEdit, insn: number): Done {
  const section = model.code.insns.section[insn] as number;
  const offset = model.code.insns.offset[insn] as number;
  edit.write(section, offset, [0xe9]);
  return { section, offset, before: `call ${symbolOf(model, insn)}`, after: `jmp ${symbolOf(model, insn)}` };
}

const afterTransfer = (model: ObjectModel, insn: number): boolean => {
  if (insn === 0 || model.code.insns.section[insn - 1] !== model.code.insns.section[insn]) return false;
  const kind = model.flow.kind[insn - 1] as number;
  return [KIND_RETURN, KIND_INDIRECT_JUMP, KIND_INDIRECT_TAIL, KIND_TAIL_CALL].includes(kind);
};

/** Symbols of code whose entry in the symbol table is changed. */
const symbolClass = (
  name: string,
  wanted: (model: ObjectModel, symbol: number) => boolean,
  change: (model: ObjectModel, edit: ObjectEdit, symbol: number) => string,
): MutationClass => ({
  name,
  sites: (model) => {
    const { symbols } = model.code.object;
    return Array.from({ length: symbols.length }, (_, s) => s).filter((s) => s > 0 && wanted(model, s));
  },
  apply(model, edit, symbol) {
    const { symbols, symbolName } = model.code.object;
    const after = change(model, edit, symbol);
    const defined = (symbols.section[symbol] as number) > 0;
    const code = model.code.sections[0];
    if (!defined && code === undefined) return undefined;
    return {
      section: defined ? (symbols.section[symbol] as number) : (code as number),
      offset: defined ? (symbols.value[symbol] as number) : 0,
      before: symbolName[symbol] as string,
      after,
    };
  },
});

const isCodeFunction = (model: ObjectModel, s: number): boolean => {
  const { object, sectionStart, sectionEnd } = model.code;
  const section = object.symbols.section[s] as number;
  return section > 0 && object.symbols.type[s] === STT_FUNC && sectionEnd[section] !== sectionStart[section];
};

export const promiseEdits: readonly MutationClass[] = [
  {
    name: "raw-indirect-branch",
    sites: (model) =>
      insnsWhere(model, (i) => thunkRegister(model, i) !== NONE && model.code.insns.kind[i] !== KIND_BRANCH),
    apply: (model, edit, insn) =>
      overwrite(model, edit, insn, indirect(thunkRegister(model, insn), model.code.insns.kind[insn] === KIND_CALL)),
  },
  {
    name: "raw-indirect-branch-untracked",
    sites: (model) =>
      insnsWhere(model, (i) => thunkRegister(model, i) !== NONE && model.code.insns.kind[i] !== KIND_BRANCH),
    // 3e is the notrack prefix of an indirect branch (SDM volume 1, 17.3.7).
    apply: (model, edit, insn) =>
      overwrite(model, edit, insn, [
        0x3e,
        ...indirect(thunkRegister(model, insn), model.code.insns.kind[insn] === KIND_CALL),
      ]),
  },
  {
    name: "raw-return",
    sites: (model) => insnsWhere(model, (i) => isNamedReturn(model, i)),
    apply: (model, edit, insn) => overwrite(model, edit, insn, [0xc3], 0xcc),
  },
  {
    name: "raw-return-without-trap",
    sites: (model) => insnsWhere(model, (i) => isNamedReturn(model, i)),
    apply: (model, edit, insn) => overwrite(model, edit, insn, [0xc3]),
  },
  {
    name: "drop-trap-behind",
    sites: (model) => insnsWhere(model, (i) => model.flow.kind[i] === KIND_TRAP && afterTransfer(model, i)),
    apply: (model, edit, insn) => overwrite(model, edit, insn, []),
  },
  {
    name: "call-to-jump",
    sites: (model) => insnsWhere(model, (i) => isNearCall(model, i) && model.flow.kind[i] !== KIND_INDIRECT_CALL),
    apply: callToJump,
  },
  {
    name: "entry-hook-to-jump",
    sites: (model) =>
      insnsWhere(model, (i) => isNearCall(model, i) && model.code.arch.names.isEntryHook(symbolOf(model, i))),
    apply: callToJump,
  },
  {
    name: "drop-landing-pad-with-hint",
    sites: (model) =>
      insnsWhere(
        model,
        (i) => model.flow.kind[i] === KIND_LANDING_PAD && ((model.flow.marks.bits[i] as number) & MARK_HINT) !== 0,
      ),
    apply: (model, edit, insn) => overwrite(model, edit, insn, []),
  },
  {
    name: "return-from-noreturn",
    sites: (model, { noreturn }) =>
      insnsWhere(model, (i) => {
        const f = model.flow.functions.ofInsn[i] as number;
        return (
          f !== NONE &&
          model.flow.kind[i] === KIND_OTHER &&
          noreturn.has(functionName(model.code, model.flow.functions, f))
        );
      }),
    apply: (model, edit, insn) => overwrite(model, edit, insn, [0xc3]),
  },
  leaveQuiet,
  movePointer,
  moveAddress,
  symbolClass("drop-symbol-size", isCodeFunction, (_model, edit, symbol) => {
    edit.editSymbol(symbol, { size: 0 });
    return "size 0";
  }),
  symbolClass("drop-symbol-type", isCodeFunction, (_model, edit, symbol) => {
    edit.editSymbol(symbol, { type: STT_NOTYPE });
    return "no type";
  }),
  symbolClass(
    "shrink-symbol",
    (model, s) => isCodeFunction(model, s) && (model.code.object.symbols.size[s] as number) > 16,
    (model, edit, symbol) => {
      const size = (model.code.object.symbols.size[symbol] as number) - 8;
      edit.editSymbol(symbol, { size });
      return `size ${size}`;
    },
  ),
  symbolClass(
    "rename-static-call-key",
    (model, s) => (model.code.object.symbolName[s] as string).startsWith("__SCK__"),
    (_model, edit, symbol) => {
      edit.editSymbol(symbol, { namePrefix: "__SCX__" });
      return "__SCX__...";
    },
  ),
  symbolClass(
    "rename-magic-function",
    (model, s) =>
      model.isModule && isCodeFunction(model, s) && /^\w{12,}$/.test(model.code.object.symbolName[s] as string),
    (_model, edit, symbol) => {
      // A function of this name is called by the module loader (reference kernel kernel/module/main.c).
      edit.editSymbol(symbol, { namePrefix: "init_module\0" });
      return "init_module";
    },
  ),
  symbolClass(
    "rename-to-noreturn",
    (model, s) =>
      isCodeFunction(model, s) &&
      model.code.object.symbols.binding[s] !== STB_LOCAL &&
      /^\w{5,}$/.test(model.code.object.symbolName[s] as string),
    (_model, edit, symbol) => {
      // A name that is on every version's list (reference kernel tools/objtool/noreturns.h).
      edit.editSymbol(symbol, { namePrefix: "panic\0" });
      return "panic";
    },
  ),
];
