import { NONE } from "../../src/base/table.ts";
import { isNoinstrSection } from "../../src/flow/text-classes.ts";
import type { ObjectEdit } from "./object-edit.ts";
import type { ObjectModel } from "./object-model.ts";
import { below, pick, type Random } from "./random.ts";
import { hex, type MutationClass } from "./sites.ts";

// Damage to the tables that annotate code: hints, annotations, exceptions, jump labels, alternatives.

/** Bytes of an entry; a function where the kernel's version decides. */
type EntrySize = number | ((model: ObjectModel, section: number) => number);

type TableEdit = (
  model: ObjectModel,
  edit: ObjectEdit,
  section: number,
  at: number,
  random: Random,
  size: number,
) => { before: string; after: string } | undefined;

/** Entries of a table; sites are their numbers. */
function tableClass(name: string, table: string, size: EntrySize, apply: TableEdit): MutationClass {
  const sizeIn = (model: ObjectModel, section: number): number =>
    typeof size === "number" ? size : size(model, section);
  return {
    name,
    sites(model) {
      const { object } = model.code;
      const section = object.findSection(table);
      if (section === NONE || object.relocs(section).length === 0) return [];
      const count = Math.floor((object.sections.size[section] as number) / sizeIn(model, section));
      return Array.from({ length: count }, (_, entry) => entry);
    },
    apply(model, edit, entry, random) {
      const { object } = model.code;
      const section = object.findSection(table);
      const bytes = sizeIn(model, section);
      const place = namedPlace(model, section, entry * bytes);
      const changed = apply(model, edit, section, entry * bytes, random, bytes);
      if (place === undefined || place.section <= 0 || changed === undefined) return undefined;
      return { ...place, before: `${table}[${entry}] ${changed.before}`, after: changed.after };
    },
  };
}

/** What the relocation at `offset` of a section points to. */
function namedPlace(
  model: ObjectModel,
  section: number,
  offset: number,
): { section: number; offset: number } | undefined {
  const { object } = model.code;
  const relocs = object.relocs(section);
  for (let r = 0; r < relocs.length; r++) {
    if (relocs.offset[r] !== offset) continue;
    const symbol = relocs.symbol[r] as number;
    return {
      section: object.symbols.section[symbol] as number,
      offset: (object.symbols.value[symbol] as number) + (relocs.addend[r] as number),
    };
  }
  return undefined;
}

/** Only the entries that name a place in code that may not be instrumented: elsewhere they change nothing. */
function inQuietCode(each: MutationClass, table: string, size: number): MutationClass {
  return {
    ...each,
    sites(model, lists) {
      const all = each.sites(model, lists);
      const section = model.code.object.findSection(table);
      return all.filter((entry) => {
        const place = namedPlace(model, section, entry * size);
        return (
          place !== undefined &&
          place.section > 0 &&
          isNoinstrSection(model.code.object.sectionName[place.section] as string)
        );
      });
    },
  };
}

const dropEntry = (name: string, table: string, size: EntrySize): MutationClass =>
  tableClass(name, table, size, (_model, edit, section, at, _random, bytes) => {
    const before = hex(edit.read(section, at, bytes));
    edit.removeEntry(section, at / bytes, bytes);
    return { before, after: "dropped" };
  });

/** Points a 32-bit relative reference of a table to another instruction of the same section; mostly one near by. */
const moveTarget = (name: string, table: string, size: EntrySize, field: number): MutationClass =>
  tableClass(name, table, size, (model, edit, section, at, random) => {
    const { object, insns, sectionStart, sectionEnd } = model.code;
    const relocs = object.relocs(section);
    for (let r = 0; r < relocs.length; r++) {
      if (relocs.offset[r] !== at + field) continue;
      const symbol = relocs.symbol[r] as number;
      const to = object.symbols.section[symbol] as number;
      const first = to > 0 ? (sectionStart[to] as number) : 0;
      const count = to > 0 ? (sectionEnd[to] as number) - first : 0;
      if (count < 2) return undefined;
      const old = (object.symbols.value[symbol] as number) + (relocs.addend[r] as number);
      let insn = first + below(count, random);
      if (below(4, random) > 0) {
        let here = first;
        while (here < first + count - 1 && (insns.offset[here] as number) < old) here++;
        insn = Math.min(first + count - 1, Math.max(first, here + below(24, random) - 12));
      }
      const near = insns.offset[insn] as number;
      if (near === old) return undefined;
      edit.editReloc(section, at + field, at + field + 1, { addend: near - (object.symbols.value[symbol] as number) });
      return { before: `to +0x${old.toString(16)}`, after: `to +0x${near.toString(16)}` };
    }
    return undefined;
  });

/** Bytes [from, to) of an entry are changed in place. */
const editBytes = (
  name: string,
  table: string,
  size: EntrySize,
  change: (bytes: Uint8Array, random: Random) => void,
): MutationClass =>
  tableClass(name, table, size, (_model, edit, section, at, random, length) => {
    const bytes = edit.read(section, at, length);
    const before = hex(bytes.subarray(4));
    change(bytes, random);
    if (hex(bytes.subarray(4)) === before) return undefined;
    edit.write(section, at + 4, bytes.subarray(4));
    return { before, after: hex(bytes.subarray(4)) };
  });

// Source: reference kernel include/linux/objtool_types.h, struct unwind_hint: ip, sp_offset @4, sp_reg @6, type @7, signal or end @8.
const HINTS = ".discard.unwind_hints";
const HINT = 12;
const hintEdit = (name: string, change: (bytes: Uint8Array, random: Random) => void): MutationClass =>
  editBytes(name, HINTS, HINT, change);

/** One reference an entry; C and assembly make them of different sizes. */
const oneReference: EntrySize = (model, section) =>
  Math.round((model.code.object.sections.size[section] as number) / model.code.object.relocs(section).length);

/** 14 bytes since 6.3, 12 before: reference kernel arch/x86/include/asm/alternative.h, struct alt_instr. */
const alternativeSize: EntrySize = (model, section) => {
  const relocs = model.code.object.relocs(section);
  const size = model.code.object.sections.size[section] as number;
  const fits = (entry: number): boolean => {
    if (size % entry !== 0) return false;
    for (let r = 0; r < relocs.length; r++) {
      const field = (relocs.offset[r] as number) % entry;
      if (field !== 0 && field !== 4) return false;
    }
    return true;
  };
  return fits(14) ? 14 : 12;
};

// From 6.14 on every annotation is an entry of one table, with its type (reference kernel include/linux/objtool_types.h, ANNOTYPE_*).
const ANNOTATIONS = ".discard.annotate_insn";
const BEGIN = 3;
const END = 4;

export const tableEdits: readonly MutationClass[] = [
  dropEntry("drop-hint", HINTS, HINT),
  dropEntry("drop-reachable", ".discard.reachable", 4),
  dropEntry("drop-unreachable", ".discard.unreachable", 4),
  dropEntry("drop-intra-call", ".discard.intra_function_calls", 4),
  dropEntry("drop-retpoline-safe", ".discard.retpoline_safe", 4),
  dropEntry("drop-no-landing-pad", ".discard.noendbr", 4),
  dropEntry("drop-ignored-alternative", ".discard.ignore_alts", 4),
  dropEntry("drop-untrain-begin", ".discard.validate_unret", 4),
  inQuietCode(dropEntry("drop-uninstrumented-begin", ".discard.instr_begin", 4), ".discard.instr_begin", 4),
  inQuietCode(dropEntry("drop-uninstrumented-end", ".discard.instr_end", 4), ".discard.instr_end", 4),
  dropEntry("drop-annotation", ANNOTATIONS, 8),
  inQuietCode(dropEntry("drop-quiet-annotation", ANNOTATIONS, 8), ANNOTATIONS, 8),
  dropEntry("drop-non-standard", ".discard.func_stack_frame_non_standard", oneReference),
  dropEntry("drop-fixup", "__ex_table", 12),
  dropEntry("drop-jump-label", "__jump_table", 16),
  dropEntry("drop-alternative", ".altinstructions", alternativeSize),
  moveTarget("move-fixup", "__ex_table", 12, 4),
  moveTarget("move-jump-label", "__jump_table", 16, 4),
  moveTarget("move-jump-label-code", "__jump_table", 16, 0),
  moveTarget("move-hint", HINTS, HINT, 0),
  inQuietCode(moveTarget("move-uninstrumented-begin", ".discard.instr_begin", 4, 0), ".discard.instr_begin", 4),
  inQuietCode(moveTarget("move-uninstrumented-end", ".discard.instr_end", 4, 0), ".discard.instr_end", 4),
  moveTarget("move-untrain-begin", ".discard.validate_unret", 4, 0),
  moveTarget("move-no-landing-pad", ".discard.noendbr", 4, 0),
  moveTarget("move-retpoline-safe", ".discard.retpoline_safe", 4, 0),
  moveTarget("move-annotation", ANNOTATIONS, 8, 0),
  editBytes("annotation-type", ANNOTATIONS, 8, (bytes, random) => {
    // An exchange of begin and end is what people do.
    const type = bytes[4] as number;
    bytes[4] = type === BEGIN ? END : type === END ? BEGIN : 1 + below(8, random);
  }),
  hintEdit("hint-type", (bytes, random) => {
    bytes[7] = pick(
      [0, 1, 2, 3, 4, 5, 6, 7].filter((type) => type !== bytes[7]),
      random,
    );
  }),
  hintEdit("hint-offset", (bytes, random) => {
    bytes[4] = ((bytes[4] as number) + pick([8, 16, 248], random)) & 255;
  }),
  hintEdit("hint-register", (bytes, random) => {
    bytes[6] = pick(
      [0, 4, 5, 6, 8, 9].filter((register) => register !== bytes[6]),
      random,
    );
  }),
  // The last two bytes of an entry are the lengths of the original and of the replacement.
  editBytes("alternative-length", ".altinstructions", alternativeSize, (bytes, random) => {
    const lengths = bytes.length === 14 ? 12 : 10;
    const which = lengths + below(2, random);
    bytes[which] = Math.max(1, (bytes[which] as number) + pick([-2, -1, 1, 2, 3], random));
  }),
];
