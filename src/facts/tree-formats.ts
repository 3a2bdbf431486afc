import {
  ALTERNATIVES_14,
  type AlternativeFormat,
  ANNOTATIONS_614,
  annotationByName,
  HINT_ENTRY,
  HINTS_TYPES,
  type HintFormat,
  type KernelFormats,
} from "../flow/formats.ts";
import {
  ORC_TYPE_CALL,
  ORC_TYPE_END_OF_STACK,
  ORC_TYPE_REGS,
  ORC_TYPE_REGS_PARTIAL,
  ORC_TYPE_UNDEFINED,
  orcRegisterWord,
  UNWIND_HINT_TYPE_CALL,
  UNWIND_HINT_TYPE_END_OF_STACK,
  UNWIND_HINT_TYPE_FUNC,
  UNWIND_HINT_TYPE_REGS,
  UNWIND_HINT_TYPE_REGS_PARTIAL,
  UNWIND_HINT_TYPE_RESTORE,
  UNWIND_HINT_TYPE_SAVE,
  UNWIND_HINT_TYPE_UNDEFINED,
} from "../orc/constants.ts";
import type { BitField, OrcLayout } from "../orc/layout.ts";
import { type MemberPlace, readDefines, readStruct, type StructLayout } from "./c-layout.ts";

// Formats of a kernel's annotation sections as its own headers define them: their macros and structures, read as text. No header is compiled.

/** Headers that `readTreeFormats` asks for, relative to the tree; the first that exists of each line counts. */
export const formatHeaders = {
  /** 6.5 and later; before that the same stands in objtool.h */
  hints: ["include/linux/objtool_types.h", "include/linux/objtool.h"],
  orc: ["arch/x86/include/asm/orc_types.h"],
  alternatives: ["arch/x86/include/asm/alternative.h"],
  /** No headers, but what the tree's tool looks at: features, and addresses that the assembler resolved. */
  forced: ["tools/objtool/arch/x86/special.c"],
  addresses: ["tools/objtool/check.c"],
} as const;

const hintByName: ReadonlyMap<string, number> = new Map([
  ["UNDEFINED", UNWIND_HINT_TYPE_UNDEFINED],
  ["END_OF_STACK", UNWIND_HINT_TYPE_END_OF_STACK],
  ["CALL", UNWIND_HINT_TYPE_CALL],
  ["REGS", UNWIND_HINT_TYPE_REGS],
  ["REGS_PARTIAL", UNWIND_HINT_TYPE_REGS_PARTIAL],
  ["FUNC", UNWIND_HINT_TYPE_FUNC],
  ["SAVE", UNWIND_HINT_TYPE_SAVE],
  ["RESTORE", UNWIND_HINT_TYPE_RESTORE],
  ["ENTRY", HINT_ENTRY],
]);

const orcTypeByName: ReadonlyMap<string, number> = new Map([
  ["UNDEFINED", ORC_TYPE_UNDEFINED],
  ["END_OF_STACK", ORC_TYPE_END_OF_STACK],
  ["CALL", ORC_TYPE_CALL],
  ["REGS", ORC_TYPE_REGS],
  ["REGS_PARTIAL", ORC_TYPE_REGS_PARTIAL],
]);

/**
 * @param read text of a file of the tree; undefined where it does not exist
 * @returns what the headers define; what they do not is as in the newest kernel, and named in `assumed`. Undefined for a tree without any of them.
 */
export function readTreeFormats(read: (path: string) => string | undefined): KernelFormats | undefined {
  const first = (paths: readonly string[]): string | undefined => {
    for (const path of paths) {
      const text = read(path);
      if (text !== undefined) return text;
    }
    return undefined;
  };
  const hintText = first(formatHeaders.hints);
  const orcText = first(formatHeaders.orc);
  const alternativeText = first(formatHeaders.alternatives);
  if (hintText === undefined && orcText === undefined && alternativeText === undefined) return undefined;
  const orc = readOrcLayout(orcText ?? "", hintText ?? "");
  const hints = readHintFormat(hintText ?? "", orc);
  const alternatives = readAlternativeFormat(alternativeText ?? "");
  const annotations = readAnnotations(hintText ?? "");
  return {
    source: "headers of the tree",
    hints: hints ?? HINTS_TYPES,
    alternatives: alternatives ?? ALTERNATIVES_14,
    annotations: annotations.size > 0 ? annotations : ANNOTATIONS_614,
    // Where nothing is said, what tells less.
    forcesByFeature: first(formatHeaders.forced)?.includes("X86_FEATURE_SMAP") ?? true,
    annotatesOwnAddresses: first(formatHeaders.addresses)?.includes("INSN_LEA_RIP") ?? false,
    orc,
    assumed: [
      ...(hints === undefined ? [".discard.unwind_hints"] : []),
      ...(alternatives === undefined ? [".altinstructions"] : []),
    ],
  };
}

function readHintFormat(text: string, orc: OrcLayout | undefined): HintFormat | undefined {
  const types = numbered(readDefines(text, "UNWIND_HINT_TYPE_"), hintByName);
  const layout = readStruct(text, "unwind_hint");
  if (types.length === 0 || layout === undefined) return undefined;
  const places = { ip: 0, sp_offset: 32, sp_reg: 48, type: 56 };
  // The columns that every version has at the same place are read there.
  for (const [name, bit] of Object.entries(places)) if (layout.members.get(name)?.bit !== bit) return undefined;
  const registers = orc?.registers ?? HINTS_TYPES.registers;
  return { size: layout.size, registers, types, signalAt: byteOf(layout, "signal"), endAt: byteOf(layout, "end") };
}

function readAlternativeFormat(text: string): AlternativeFormat | undefined {
  const layout = readStruct(text, "alt_instr");
  if (layout === undefined) return undefined;
  const { members, size } = layout;
  const lengthsAt = byteOf(layout, "instrlen");
  const isKnown =
    members.get("instr_offset")?.bit === 0 &&
    members.get("repl_offset")?.bit === 32 &&
    members.get("cpuid")?.bit === 64;
  if (!isKnown || lengthsAt === undefined || byteOf(layout, "replacementlen") !== lengthsAt + 1) return undefined;
  return { size, lengthsAt };
}

function readAnnotations(text: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const [name, number] of readDefines(text, "ANNOTYPE_")) {
    const mark = annotationByName.get(name);
    // Those of data have numbers of their own: ANNOTYPE_DATA_*.
    if (mark !== undefined) found.set(number, mark);
  }
  return found;
}

/** Rows of ORC: registers and types by name, fields by the structure's bit fields. Up to 6.3 the types are those of hints. */
function readOrcLayout(text: string, hintText: string): OrcLayout | undefined {
  const registerByName = new Map(orcRegisterWord.map((word, number) => [word.toUpperCase(), number]));
  const registers = numbered(readDefines(text, "ORC_REG_"), registerByName);
  const own = numbered(readDefines(text, "ORC_TYPE_"), orcTypeByName);
  const types = own.length > 0 ? own : numbered(readDefines(hintText, "UNWIND_HINT_TYPE_"), orcTypeByName);
  const layout = readStruct(text, "orc_entry", new Set(["__LITTLE_ENDIAN_BITFIELD"]));
  if (layout?.size !== 6 || registers.length === 0 || types.length === 0) return undefined;
  const fieldOf = (name: string): BitField | undefined => {
    const place = layout.members.get(name);
    return place === undefined || place.bit < 32 ? undefined : { shift: place.bit - 32, width: place.width };
  };
  const spReg = fieldOf("sp_reg");
  const bpReg = fieldOf("bp_reg");
  const type = fieldOf("type");
  const isKnown = layout.members.get("sp_offset")?.bit === 0 && layout.members.get("bp_offset")?.bit === 16;
  if (!isKnown || spReg === undefined || bpReg === undefined || type === undefined) return undefined;
  return { name: "of the tree", registers, spReg, bpReg, type, types, signal: fieldOf("signal"), end: fieldOf("end") };
}

/** number -> what its name means; names that mean nothing here are left out */
function numbered(defines: ReadonlyMap<string, number>, meaning: ReadonlyMap<string, number>): number[] {
  const found: number[] = [];
  for (const [name, number] of defines) {
    const value = meaning.get(name);
    if (value !== undefined && number < 256) found[number] = value;
  }
  return found;
}

function byteOf(layout: StructLayout, name: string): number | undefined {
  const place: MemberPlace | undefined = layout.members.get(name);
  return place === undefined || place.bit % 8 !== 0 || place.width !== 8 ? undefined : place.bit / 8;
}
