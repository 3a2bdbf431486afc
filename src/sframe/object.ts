import { lowerBound, NONE } from "../base/table.ts";
import { EM_AARCH64, EM_X86_64 } from "../elf/constants.ts";
import type { ElfObject, RelocTable } from "../elf/object.ts";
import { type FindPlace, readSFrameBytes, SFRAME_SECTION, sframeError } from "./read.ts";
import type { SFrame, SFrameHeader } from "./table.ts";

// Where the functions of an object's .sframe lie: its relocations say it, whatever the version and the flags.
//
// All producers that were tried (gas 2.40, LLVM 22) write a PC-relative relocation at a function's start field whose symbol + addend is the
// function's first byte, with the section's symbol (x86-64, AArch64) or the function's own. gas does so in version 1 as well, though the
// format counts from the section there: its linker rewrites the field.
//
// `ld -r` of binutils 2.40 merges the tables of its inputs and leaves their relocations where they were before: the result says nothing of its
// functions and is refused here. lld's puts the tables behind each other, relocations and all.

/** Machine -> types of its PC-relative relocations of data: of 4 bytes, which versions 1 and 2 have, and of 8. */
const relativeTypes: ReadonlyMap<number, ReadonlySet<number>> = new Map([
  // x86-64 psABI 1.0, table 4.9: R_X86_64_PC32, R_X86_64_PC64
  [EM_X86_64, new Set([2, 24])],
  // AAELF64, 5.7.3: R_AARCH64_PREL32, R_AARCH64_PREL64
  [EM_AARCH64, new Set([261, 260])],
]);

/**
 * The .sframe of an object, every function with its section and start; undefined where the object has none. A function that lies in no section
 * of the object (its symbol is undefined, or its code was dropped) is a note.
 * @throws FormatError
 */
export function readSFrame(object: ElfObject): SFrame | undefined {
  const index = object.findSection(SFRAME_SECTION);
  if (index === NONE || object.bytes(index).length === 0) return undefined;
  const relocs = object.relocs(index);
  const sframe = readSFrameBytes(object.bytes(index), (entry, size) => placeOf(object, relocs, entry, size));
  for (const { abi, offset } of sframe.headers)
    if (abi.elfMachine !== object.machine)
      throw sframeError("bad-value", `ABI ${abi.name} in an object of machine ${object.machine}`, offset + 4);
  requireAtFunctions(relocs, sframe.headers);
  return sframe;
}

/** @throws FormatError for a relocation at anything but the start of a function's entry: then the others are not to be trusted either. */
function requireAtFunctions({ offset, length }: RelocTable, headers: readonly SFrameHeader[]): void {
  let table = 0;
  for (let r = 0; r < length; r++) {
    const at = offset[r] as number;
    while (table + 1 < headers.length && (headers[table + 1] as SFrameHeader).offset <= at) table++;
    const { index, entrySize, functionCount } = headers[table] as SFrameHeader;
    const entry = (at - index) / entrySize;
    if (!Number.isInteger(entry) || entry < 0 || entry >= functionCount)
      throw sframeError("bad-value", `relocation ${r} of ${length} is at no function's start`, at);
  }
}

/** The function whose entry has the relocation, or why not. */
function placeOf(object: ElfObject, relocs: RelocTable, entry: number, size: number): ReturnType<FindPlace> {
  const at = lowerBound(relocs.offset, entry, 0, relocs.length);
  if (at === relocs.length || relocs.offset[at] !== entry) return "it has no relocation";
  const type = relocs.type[at] as number;
  if (relativeTypes.get(object.machine)?.has(type) !== true) return `its relocation is of type ${type}`;
  const symbol = relocs.symbol[at] as number;
  const section = object.symbols.section[symbol] as number;
  if (section <= 0) return `its symbol ${object.symbolName[symbol]} is not in this object`;
  const start = (object.symbols.value[symbol] as number) + (relocs.addend[at] as number);
  return start < 0 || start + size > (object.sections.size[section] as number)
    ? `it goes beyond section ${object.sectionName[section]}`
    : { section, start };
}
