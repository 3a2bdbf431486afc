import { NONE } from "../base/table.ts";
import type { ElfObject } from "../elf/object.ts";
import {
  ORC_REG_SP,
  UNWIND_HINT_TYPE_CALL,
  UNWIND_HINT_TYPE_END_OF_STACK,
  UNWIND_HINT_TYPE_FUNC,
  UNWIND_HINT_TYPE_REGS,
  UNWIND_HINT_TYPE_REGS_PARTIAL,
  UNWIND_HINT_TYPE_RESTORE,
  UNWIND_HINT_TYPE_SAVE,
  UNWIND_HINT_TYPE_UNDEFINED,
} from "../orc/constants.ts";
import {
  ORC_LAYOUT_END,
  ORC_LAYOUT_RENUMBERED,
  ORC_LAYOUT_SIGNAL_END,
  ORC_LAYOUT_TYPES,
  type OrcLayout,
} from "../orc/layout.ts";
import { layoutOfEntries, ORC_SECTION } from "../orc/rows.ts";
import {
  MARK_IGNORE_VARIANT,
  MARK_INSTR_BEGIN,
  MARK_INSTR_END,
  MARK_INTRA_CALL,
  MARK_NOCFI,
  MARK_NOENDBR,
  MARK_REACHABLE,
  MARK_RETPOLINE_SAFE,
  MARK_UNRET_BEGIN,
} from "./marks.ts";

// What kernel versions lay out differently in the sections that annotate code. A tree says it by its headers (src/facts/tree-formats.ts); without
// one the object proves what it can.

/** `.discard.unwind_hints`: struct unwind_hint and UNWIND_HINT_TYPE_*. */
export interface HintFormat {
  /** bytes */
  readonly size: number;
  /** register in the file -> ORC_REG_*; absent: no such register */
  readonly registers: readonly (number | undefined)[];
  /** type in the file -> UNWIND_HINT_TYPE_* or HINT_ENTRY; absent: no such type */
  readonly types: readonly (number | undefined)[];
  /** byte of the entry that says whether the frame was made by an interrupt; undefined before 6.3, where the type says it */
  readonly signalAt: number | undefined;
  /** byte of the entry that says that the stack ends here; undefined since 6.4, where that is a type */
  readonly endAt: number | undefined;
}
/** Up to 6.3: the machine enters the kernel here, without a stack. It ends the stack, and the untraining of returns is checked from here. */
export const HINT_ENTRY = 16;

/** `.altinstructions`: struct alt_instr. */
export interface AlternativeFormat {
  /** bytes */
  readonly size: number;
  /** byte of the entry that holds the length of the original; that of the replacement is behind it */
  readonly lengthsAt: number;
}

export interface KernelFormats {
  /** Where it comes from, for people. */
  readonly source: string;
  readonly hints: HintFormat;
  readonly alternatives: AlternativeFormat;
  /** `.discard.annotate_insn`: ANNOTYPE_* in the file -> MARK_* */
  readonly annotations: ReadonlyMap<number, number>;
  /**
   * The feature alone says that an original for user access is never executed (tools/objtool/arch/x86/special.c). False of trees that leave it
   * out only where the replacement begins with STAC or CLAC, and have others annotated (check.c, skip_alt_group).
   */
  readonly forcesByFeature: boolean;
  /**
   * Assembly that forms an address of its own which nothing branches to indirectly says so by ANNOTATE_NOENDBR: the tree's tool looks at addresses
   * that the assembler resolved, too (tools/objtool/check.c, validate_ibt_insn).
   */
  readonly annotatesOwnAddresses: boolean;
  /** Rows of `.orc_unwind`; undefined where only those themselves can say. */
  readonly orc: OrcLayout | undefined;
  /** What is assumed for want of proof: section names. */
  readonly assumed: readonly string[];
}

const oldHintTypes = [
  UNWIND_HINT_TYPE_CALL,
  UNWIND_HINT_TYPE_REGS,
  UNWIND_HINT_TYPE_REGS_PARTIAL,
  UNWIND_HINT_TYPE_FUNC,
  HINT_ENTRY,
  UNWIND_HINT_TYPE_SAVE,
  UNWIND_HINT_TYPE_RESTORE,
];
const HINT_SIZE = 12;
/** Up to 6.2: include/linux/objtool.h */
export const HINTS_END: HintFormat = {
  size: HINT_SIZE,
  registers: ORC_LAYOUT_END.registers,
  types: oldHintTypes,
  signalAt: undefined,
  endAt: 8,
};
/** 6.3 alone: include/linux/objtool.h */
export const HINTS_SIGNAL_END: HintFormat = { ...HINTS_END, signalAt: 8, endAt: 9 };
/** 6.4 and later: include/linux/objtool_types.h (objtool.h in 6.4) */
export const HINTS_TYPES: HintFormat = {
  size: HINT_SIZE,
  registers: ORC_LAYOUT_END.registers,
  types: [
    UNWIND_HINT_TYPE_UNDEFINED,
    UNWIND_HINT_TYPE_END_OF_STACK,
    UNWIND_HINT_TYPE_CALL,
    UNWIND_HINT_TYPE_REGS,
    UNWIND_HINT_TYPE_REGS_PARTIAL,
    UNWIND_HINT_TYPE_FUNC,
    UNWIND_HINT_TYPE_SAVE,
    UNWIND_HINT_TYPE_RESTORE,
  ],
  signalAt: 8,
  endAt: undefined,
};
/** After 6.19: as ORC numbers the registers there. */
export const HINTS_RENUMBERED: HintFormat = { ...HINTS_TYPES, registers: ORC_LAYOUT_RENUMBERED.registers };

/** Up to 6.2. arch/x86/include/asm/alternative.h, struct alt_instr: offsets, feature, lengths */
export const ALTERNATIVES_12: AlternativeFormat = { size: 12, lengthsAt: 10 };
/** 6.3 and later: 16 bits of flags stand before the lengths. */
export const ALTERNATIVES_14: AlternativeFormat = { size: 14, lengthsAt: 12 };

/** ANNOTYPE_* of include/linux/objtool_types.h, by name -> MARK_* */
export const annotationByName: ReadonlyMap<string, number> = new Map([
  ["NOENDBR", MARK_NOENDBR],
  ["RETPOLINE_SAFE", MARK_RETPOLINE_SAFE],
  ["INSTR_BEGIN", MARK_INSTR_BEGIN],
  ["INSTR_END", MARK_INSTR_END],
  ["UNRET_BEGIN", MARK_UNRET_BEGIN],
  ["IGNORE_ALTS", MARK_IGNORE_VARIANT],
  ["INTRA_FUNCTION_CALL", MARK_INTRA_CALL],
  ["REACHABLE", MARK_REACHABLE],
  ["NOCFI", MARK_NOCFI],
]);
/** The numbers from 6.14 to 6.19: those names, counted from 1. */
export const ANNOTATIONS_614: ReadonlyMap<number, number> = new Map(
  [...annotationByName.values()].map((mark, n) => [n + 1, mark]),
);

const HINT_SECTION = ".discard.unwind_hints";
const ALTERNATIVES_SECTION = ".altinstructions";

/**
 * What an object proves by itself of the kernel that it was built from, and the newest where it proves nothing.
 *
 * The entries of `.altinstructions` are told apart by where their relocations stand, and their size says whether the kernel is older than 6.3;
 * sections that only newer kernels have say the same, and so do hints with a value that only one numbering has.
 * @param tree what the object's tree says: it counts, but for the size of `.altinstructions` entries, which cannot be told better than by the object
 */
export function formatsOfObject(object: ElfObject, tree?: KernelFormats): KernelFormats {
  const assumed: string[] = [];
  const alternatives = provenAlternatives(object);
  if (tree !== undefined) return alternatives === undefined ? tree : { ...tree, alternatives };
  if (alternatives === undefined && hasSection(object, ALTERNATIVES_SECTION)) assumed.push(ALTERNATIVES_SECTION);
  const hints = provenHints(object, alternatives) ?? hintsBesideRows(object);
  if (hints === undefined && hasSection(object, HINT_SECTION)) assumed.push(HINT_SECTION);
  return {
    source: "the object itself",
    hints: hints ?? HINTS_TYPES,
    alternatives: alternatives ?? ALTERNATIVES_14,
    annotations: ANNOTATIONS_614,
    forcesByFeature: true,
    annotatesOwnAddresses: false,
    orc: hints === undefined ? undefined : rowsBeside.get(hints),
    assumed,
  };
}

// Hints and rows of the same kernels. Hints since 6.4 do not say which rows; those of a later kernel may be numbered anew.
const rowsBeside: ReadonlyMap<HintFormat, OrcLayout> = new Map([
  [HINTS_END, ORC_LAYOUT_END],
  [HINTS_SIGNAL_END, ORC_LAYOUT_SIGNAL_END],
  [HINTS_RENUMBERED, ORC_LAYOUT_RENUMBERED],
]);

/** What the rows that the build's tool has written prove of the hints beside them. */
function hintsBesideRows(object: ElfObject): HintFormat | undefined {
  if (!hasSection(object, HINT_SECTION) || !hasSection(object, ORC_SECTION)) return undefined;
  const rows = layoutOfEntries(object);
  if (rows === ORC_LAYOUT_TYPES) return HINTS_TYPES;
  for (const [hints, layout] of rowsBeside) if (layout === rows) return hints;
  return undefined;
}

function hasSection(object: ElfObject, name: string): boolean {
  const section = object.findSection(name);
  return section !== NONE && (object.sections.size[section] as number) > 0;
}

/** Every entry has a relocation in its first word, and no other but one in the second: which of the two sizes that fits. */
function provenAlternatives(object: ElfObject): AlternativeFormat | undefined {
  const section = object.findSection(ALTERNATIVES_SECTION);
  const length = section === NONE ? 0 : (object.sections.size[section] as number);
  if (length === 0) return undefined;
  const { offset } = object.relocs(section);
  const fits = (format: AlternativeFormat): boolean => {
    if (length % format.size !== 0) return false;
    let firsts = 0;
    for (const at of offset) {
      if (at % format.size === 0) firsts++;
      else if (at % format.size !== 4) return false;
    }
    return firsts === length / format.size;
  };
  const found = [ALTERNATIVES_14, ALTERNATIVES_12].filter(fits);
  return found.length === 1 ? found[0] : undefined;
}

// Sections that came with 6.4 or later (include/linux/objtool.h, arch/x86/kernel/unwind_orc.c): what they stand beside has the new hint types.
const sectionsSince64 = [".orc_header", ".discard.annotate_insn", ".discard.annotate_data", ".discard.validate_unret"];

const REGISTER_AT = 6;
const TYPE_AT = 7;

/**
 * Type numbers whose register tells the numberings apart. Since 6.4: 0 undefined and 1 end of stack name none, 4 partial registers and 5 function
 * name one, 7 exists. Before: 0 call and 1 registers name one, 4 entry and 5 save none. 2, 3 and 6 could be either.
 */
function provenHints(object: ElfObject, alternatives: AlternativeFormat | undefined): HintFormat | undefined {
  const section = object.findSection(HINT_SECTION);
  if (section === NONE) return undefined;
  const bytes = object.bytes(section);
  let isOld = false;
  let isAnything = false;
  let isNew = sectionsSince64.some((name) => hasSection(object, name));
  for (let at = 0; at + HINT_SIZE <= bytes.length; at += HINT_SIZE) {
    const register = bytes[at + REGISTER_AT] as number;
    const names = register !== 0;
    const type = bytes[at + TYPE_AT] as number;
    if (type === 7 || (type === 1 && !names) || ((type === 4 || type === 5) && names)) isNew = true;
    // A function's frame is found by the stack pointer, in every numbering.
    if (type === 5 && register === ORC_LAYOUT_RENUMBERED.registers.indexOf(ORC_REG_SP)) return HINTS_RENUMBERED;
    if (type <= 1 ? names : (type === 4 || type === 5) && !names) isOld = true;
    if (!isNew && type === 0 && !names && bytes[at + 8] !== 0) return HINTS_END;
    if (bytes[at + 9] !== 0) isOld = true;
    // Neither a register nor an end of the stack: an undefined frame in every numbering.
    if (type !== 0 || names) isAnything = true;
  }
  if (isNew) return HINTS_TYPES;
  if (alternatives === ALTERNATIVES_12) return HINTS_END;
  if (isOld) return HINTS_SIGNAL_END;
  return isAnything ? undefined : HINTS_TYPES;
}
