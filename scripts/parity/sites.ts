import type { TreeFacts } from "../../src/analyze/analyze-object.ts";
import { NONE } from "../../src/base/table.ts";
import { insnEnd } from "../../src/flow/code.ts";
import type { ObjectEdit } from "./object-edit.ts";
import type { ObjectModel } from "./object-model.ts";
import type { Random } from "./random.ts";

// What a way of breaking an object is.

/** What was done, in words; undefined when this site turned out not to be fit for it. */
export interface Done {
  readonly section: number;
  readonly offset: number;
  readonly before: string;
  readonly after: string;
}

/** What the tree says of functions by name. */
export type TreeLists = Pick<TreeFacts, "noreturn" | "accessSafe">;

export interface MutationClass {
  readonly name: string;
  /** Instructions, or entries of the table, that it can be done to. */
  sites(model: ObjectModel, lists: TreeLists): readonly number[];
  apply(model: ObjectModel, edit: ObjectEdit, site: number, random: Random, lists: TreeLists): Done | undefined;
}

export const hex = (bytes: ArrayLike<number>): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** Instructions that `wanted` says yes to; only the places where the kernel's code runs, not what is thrown away at the link. */
export function insnsWhere(model: ObjectModel, wanted: (insn: number) => boolean): number[] {
  const found: number[] = [];
  const { code } = model;
  for (const section of code.sections) {
    if ((code.object.sectionName[section] as string).startsWith(".discard")) continue;
    const end = code.sectionEnd[section] as number;
    for (let i = code.sectionStart[section] as number; i < end; i++) if (wanted(i)) found.push(i);
  }
  return found;
}

/** The relocation in an instruction. */
export interface InsnRelocation {
  readonly section: number;
  readonly symbol: number;
  readonly addend: number;
  /** Its place, an offset of the section. */
  readonly place: number;
  /** Bytes from the place to the instruction's end, where a relative one counts from. */
  readonly toEnd: number;
}

export function relocationOf(model: ObjectModel, insn: number): InsnRelocation | undefined {
  const { object, insns, reloc } = model.code;
  const row = reloc.at(insn);
  if (row === NONE) return undefined;
  const section = insns.section[insn] as number;
  const relocs = object.relocs(section);
  const place = relocs.offset[row] as number;
  return {
    section,
    symbol: relocs.symbol[row] as number,
    addend: relocs.addend[row] as number,
    place,
    toEnd: insnEnd(model.code, insn) - place,
  };
}

/** Points the relocation of a branch or a call to the begin of a symbol; `before` is what it went to, in words. */
export function pointTo(
  model: ObjectModel,
  edit: ObjectEdit,
  insn: number,
  symbol: number,
  before: string,
): Done | undefined {
  const relocation = relocationOf(model, insn);
  if (relocation === undefined) return undefined;
  const { section, place, toEnd } = relocation;
  edit.editReloc(section, place, place + 1, { symbol, addend: -toEnd });
  const after = model.code.object.symbolName[symbol] as string;
  return { section, offset: model.code.insns.offset[insn] as number, before, after };
}

const NOP = 0x90;

/** Overwrites an instruction by `bytes` and no-ops. */
export function overwrite(
  model: ObjectModel,
  edit: ObjectEdit,
  insn: number,
  bytes: readonly number[],
  filler = NOP,
): Done {
  const { section, offset, size } = model.code.insns;
  const s = section[insn] as number;
  const at = offset[insn] as number;
  const before = hex(edit.read(s, at, size[insn] as number));
  edit.replace(s, at, size[insn] as number, bytes, filler);
  return { section: s, offset: at, before, after: hex(edit.read(s, at, size[insn] as number)) };
}
