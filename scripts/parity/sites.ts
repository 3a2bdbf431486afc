import type { TreeFacts } from "../../src/analyze/analyze-object.ts";
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
