import { NONE } from "../../src/base/table.ts";
import { insnEnd } from "../../src/flow/code.ts";
import { ownerOf } from "../../src/flow/flow.ts";
import { functionName } from "../../src/flow/functions.ts";
import { KIND_OTHER } from "../../src/isa/insn-table.ts";
import type { ObjectModel } from "./object-model.ts";
import { insnsWhere, type MutationClass, overwrite } from "./sites.ts";

// Damage to user access where it is kept open over a function, or saved with the flags.

/** Bytes of an alternative's replacement. */
function replacementSize(model: ObjectModel, row: number): number {
  const { alternatives } = model.flow.instead;
  const first = alternatives.replacement[row] as number;
  if (first === NONE) return 0;
  const last = (alternatives.replacementEnd[row] as number) - 1;
  return insnEnd(model.code, last) - (model.code.insns.offset[first] as number);
}

export const accessEdits: readonly MutationClass[] = [
  {
    // Functions that are entered with user access open, and must leave it so.
    name: "close-in-safe-function",
    sites: (model, { accessSafe }) =>
      insnsWhere(model, (i) => {
        const f = ownerOf(model.flow, i);
        if (f === NONE || (model.code.insns.size[i] as number) < 3 || model.code.reloc.at(i) !== NONE) return false;
        return model.flow.kind[i] === KIND_OTHER && accessSafe.has(functionName(model.code, model.flow.functions, f));
      }),
    apply: (model, edit, insn) => overwrite(model, edit, insn, [0x0f, 0x01, 0xca]),
  },
  {
    // Flags that are pushed in replacements save user access: more often than anyone keeps count of.
    name: "flood-of-saved-flags",
    sites: (model) => {
      const { alternatives } = model.flow.instead;
      return Array.from({ length: alternatives.length }, (_, row) => row).filter(
        (row) => replacementSize(model, row) >= 17,
      );
    },
    apply(model, edit, row) {
      const { insns } = model.code;
      const first = model.flow.instead.alternatives.replacement[row] as number;
      const section = insns.section[first] as number;
      const offset = insns.offset[first] as number;
      const size = replacementSize(model, row);
      edit.replace(section, offset, size, [], 0x9c);
      return { section, offset, before: `replacement of ${size} bytes`, after: `${size} pushf` };
    },
  },
  {
    // pushf, pop %rax, clac: what saves user access and closes it, and nothing that opens it again.
    name: "save-and-close-in-safe-function",
    sites: (model, { accessSafe }) => {
      const { alternatives } = model.flow.instead;
      return Array.from({ length: alternatives.length }, (_, row) => row).filter((row) => {
        const f = model.flow.functions.ofInsn[alternatives.from[row] as number] as number;
        return (
          f !== NONE &&
          replacementSize(model, row) >= 5 &&
          accessSafe.has(functionName(model.code, model.flow.functions, f))
        );
      });
    },
    apply(model, edit, row) {
      const { insns } = model.code;
      const first = model.flow.instead.alternatives.replacement[row] as number;
      const section = insns.section[first] as number;
      const offset = insns.offset[first] as number;
      edit.replace(section, offset, replacementSize(model, row), [0x9c, 0x58, 0x0f, 0x01, 0xca], 0x90);
      return { section, offset, before: "a replacement", after: "pushf; pop %rax; clac" };
    },
  },
];
