import type { ByteSource } from "../base/bytes.ts";
import {
  SHF_ALLOC,
  SHT_NOBITS,
  SHT_REL,
  SHT_RELA,
  SHT_STRTAB,
  SHT_SYMTAB,
  STB_LOCAL,
  STT_SECTION,
} from "../elf/constants.ts";
import { openObject, type RelocTable } from "../elf/object.ts";

// Whether two objects are the same code: everything but debug sections, and but what a moved line or a READ_ONCE() more in a header changes
// without changing what runs: the line operands of WARN(), and the counters in names that are made so that no two are alike.

/** Sections that describe the code to debuggers and linkers, and tell nothing of what runs. */
const NOT_CODE = /^\.(debug_|comment$|note\.GNU-stack$|gnu_debug|llvm_addrsig$)/;

const BUG_TABLE = "__bug_table";
/**
 * Entries of it with a line: arch/x86/include/asm/bug.h, struct bug_entry with CONFIG_DEBUG_BUGVERBOSE. Words that are relocated (the address, since
 * 6.19 a format, the file), then u16 line and u16 flags.
 */
const bugEntries = [
  { size: 12, relocated: [0, 4], line: 8 },
  { size: 16, relocated: [0, 4, 8], line: 12 },
] as const;

/** Feeds `add` with everything of an object that makes its code; equal feeds mean identical code. Throws FormatError. */
export function feedCode(source: ByteSource, add: (bytes: Uint8Array) => void): void {
  const object = openObject(source);
  const { sections, sectionName, symbols, symbolName } = object;
  const text = new TextEncoder();
  /** A counted name goes by its place, so that no two of them become one. */
  const nameOf = (symbol: number): string => {
    const name = symbolName[symbol] as string;
    const plain = symbols.binding[symbol] === STB_LOCAL ? withoutCounters(name) : name;
    return plain === name ? name : `${plain}+${symbols.value[symbol]}`;
  };
  for (let s = 1; s < sections.length; s++) {
    const name = sectionName[s] as string;
    const type = sections.type[s];
    if (NOT_CODE.test(name) || type === SHT_RELA || type === SHT_REL || type === SHT_SYMTAB || type === SHT_STRTAB)
      continue;
    add(text.encode(`\n[${name} ${type} ${sections.flags[s]} ${sections.size[s]} ${sections.align[s]}]\n`));
    const relocs = object.relocs(s);
    if (type !== SHT_NOBITS) add(name === BUG_TABLE ? withoutLines(object.bytes(s), relocs) : object.bytes(s));
    const lines: string[] = [];
    for (let r = 0; r < relocs.length; r++) {
      const symbol = relocs.symbol[r] as number;
      const isSection = symbols.type[symbol] === STT_SECTION;
      const what = isSection
        ? (sectionName[symbols.section[symbol] as number] as string)
        : `${nameOf(symbol)}@${symbols.section[symbol]}`;
      lines.push(`${relocs.offset[r]} ${relocs.type[r]} ${what} ${relocs.addend[r]}`);
    }
    add(text.encode(lines.join("\n")));
  }
  const named: string[] = [];
  for (let s = 1; s < symbols.length; s++) {
    const home = symbols.section[s] as number;
    if (symbols.type[s] === STT_SECTION || (home > 0 && ((sections.flags[home] as number) & SHF_ALLOC) === 0)) continue;
    named.push(
      `${nameOf(s)} ${symbols.type[s]} ${symbols.binding[s]} ${home > 0 ? sectionName[home] : home} ${symbols.value[s]} ${symbols.size[s]}`,
    );
  }
  add(text.encode(`\n[symbols]\n${named.sort().join("\n")}`));
}

/**
 * Names with counters and lines in them: __UNIQUE_ID() of include/linux/compiler.h (the prefix, then __COUNTER__), initcalls of
 * include/linux/init.h (__initcall__kmod_NAME__COUNTER_LINE_FUNCTION), and the compiler's own for local statics and clones (".12").
 */
function withoutCounters(name: string): string {
  return name
    .replace(/\.\d+$/, "")
    .replace(/^(__UNIQUE_ID_\w*?)\d+$/, "$1")
    .replace(/^(__initcall__kmod_\w+?__)\d+_\d+_/, "$1");
}

/** The entries with their lines cleared, where the relocations prove what an entry is; otherwise the bytes as they are. */
function withoutLines(bytes: Uint8Array, relocs: RelocTable): Uint8Array {
  const entry = bugEntries.find(({ size, relocated }) => {
    const perEntry = relocated.length;
    if (bytes.length % size !== 0 || relocs.length !== (bytes.length / size) * perEntry) return false;
    return relocs.offset.every((at, r) => at === Math.floor(r / perEntry) * size + (relocated[r % perEntry] as number));
  });
  if (entry === undefined) return bytes;
  const copy = bytes.slice();
  for (let at = entry.line; at + 1 < copy.length; at += entry.size) copy.fill(0, at, at + 2);
  return copy;
}
