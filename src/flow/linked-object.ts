import { STB_LOCAL, STT_FILE, STT_FUNC, STT_OBJECT } from "../elf/constants.ts";
import type { ElfObject } from "../elf/object.ts";

/**
 * Whether several relocatable objects were linked into this one (ld -r). Each source file has a symbol of its own (gABI, STT_FILE), of which an object of one
 * source has one at most. `strip` takes those away. What it leaves are local functions and variables, and of one name there is one in what an assembler writes
 * (gas manual, "Symbol Names"), where a link keeps those of each object. Without either sign the answer is no.
 */
export function isLinkedObject({ symbols, symbolName }: ElfObject): boolean {
  let files = 0;
  for (let s = 1; s < symbols.length; s++) if (symbols.type[s] === STT_FILE && ++files > 1) return true;
  const seen = new Set<string>();
  for (let s = 1; s < symbols.length; s++) {
    const type = symbols.type[s];
    if (symbols.binding[s] !== STB_LOCAL || (symbols.section[s] as number) <= 0) continue;
    if ((type !== STT_FUNC && type !== STT_OBJECT) || symbols.size[s] === 0) continue;
    const name = symbolName[s] as string;
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}
