import { bytesSource } from "../../src/base/bytes.ts";
import { STB_LOCAL } from "../../src/elf/constants.ts";
import { type ElfObject, openObject } from "../../src/elf/object.ts";
import { formatsOfObject, type KernelFormats } from "../../src/flow/formats.ts";

// Damage that an object by itself and the linked kernel cannot agree on, because the link makes something else of it.

export type Unlinkable = "names" | "merged symbol" | "past its section";

/** Names that more than one object of a kernel defines: a strong definition, and the weak ones that give way to it. */
export function namesDefinedTwice(objects: Iterable<Uint8Array>): ReadonlySet<string> {
  const once = new Set<string>();
  const twice = new Set<string>();
  for (const bytes of objects) {
    const { symbols, symbolName } = openObject(bytesSource(bytes));
    for (let s = 1; s < symbols.length; s++) {
      if ((symbols.section[s] as number) <= 0 || symbols.binding[s] === STB_LOCAL) continue;
      const name = symbolName[s] as string;
      (once.has(name) ? twice : once).add(name);
    }
  }
  return twice;
}

/**
 * Why a broken object is no subject of the comparison; undefined when it is one.
 * - names: two objects that were given one name do not link.
 * - merged symbol: a symbol without its size or type, that another object defines too: ld fills both in from there.
 * - past its section: an entry of a table that covers bytes behind its section's end. Linked, these are the next object's.
 * @param definedTwice see namesDefinedTwice
 */
export function whyUnlinkable(
  before: Uint8Array,
  after: Uint8Array,
  definedTwice: ReadonlySet<string>,
  formats?: KernelFormats,
): Unlinkable | undefined {
  const old = openObject(bytesSource(before));
  const object = openObject(bytesSource(after));
  const { symbols, symbolName } = object;
  if (symbolName.join("\n") !== old.symbolName.join("\n")) return "names";
  for (let s = 1; s < symbols.length; s++) {
    const isSame = symbols.size[s] === old.symbols.size[s] && symbols.type[s] === old.symbols.type[s];
    if (!isSame && definedTwice.has(symbolName[s] as string)) return "merged symbol";
  }
  return countPast(object, formats) > countPast(old, formats) ? "past its section" : undefined;
}

/** Originals and replacements of alternatives that do not end in their section. */
function countPast(object: ElfObject, formats: KernelFormats | undefined): number {
  const section = object.findSection(".altinstructions");
  if (section < 0) return 0;
  const { size, lengthsAt } = formatsOfObject(object, formats).alternatives;
  const bytes = object.bytes(section);
  const relocs = object.relocs(section);
  const { symbols, sections } = object;
  let count = 0;
  for (let r = 0; r < relocs.length; r++) {
    const field = (relocs.offset[r] as number) % size;
    if (field !== 0 && field !== 4) continue;
    const symbol = relocs.symbol[r] as number;
    const to = symbols.section[symbol] as number;
    const length = bytes[(relocs.offset[r] as number) - field + lengthsAt + (field === 0 ? 0 : 1)] as number;
    const end = (symbols.value[symbol] as number) + (relocs.addend[r] as number) + length;
    if (to > 0 && end > (sections.size[to] as number)) count++;
  }
  return count;
}
