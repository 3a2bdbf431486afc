import assert from "node:assert/strict";
import { bytesSource } from "../../src/base/bytes.ts";
import { readSourcePlaces } from "../../src/dwarf/source-places.ts";
import { SHF_EXECINSTR } from "../../src/elf/constants.ts";
import { openObject } from "../../src/elf/object.ts";
import { compile } from "../support/assemble.ts";
import type { HotRanges } from "../support/mutate.ts";
import type { FuzzTarget } from "./target.ts";

const QUESTIONS_PER_SECTION = 64;

/** Source places of an object whose line tables, entries and relocations are damaged. */
export const dwarfTarget: FuzzTarget = {
  name: "dwarf",
  seeds: () =>
    [
      ["-O2", "-g"],
      ["-O2", "-gdwarf-4"],
      ["-O0", "-g", "-ffunction-sections"],
    ].map(compileWithInlining),
  read(bytes) {
    const object = openObject(bytesSource(bytes));
    const places = readSourcePlaces(object);
    for (let section = 1; section < object.sections.length; section++) {
      if ((object.sections.flags[section]! & SHF_EXECINSTR) === 0) continue;
      const size = Math.min(object.sections.size[section]!, bytes.length);
      for (let offset = 0; offset < size; offset += Math.ceil(size / QUESTIONS_PER_SECTION)) {
        const place = places.find(section, offset);
        if (place !== undefined) assert.ok(place.line >= 0 && place.column >= 0);
        places.findFunction(section, offset);
      }
    }
  },
  hot(bytes): HotRanges {
    const { sections, sectionName } = openObject(bytesSource(bytes));
    return sectionName.flatMap((name, i) =>
      name.includes("debug_") ? [[sections.fileOffset[i]!, sections.fileOffset[i]! + sections.size[i]!] as const] : [],
    );
  },
};

function compileWithInlining(flags: readonly string[]): Uint8Array {
  const source = `
    extern int other(int); struct pair { int a, b; };
    static inline int inner(int x) { return other(x) + 1; }
    static inline __attribute__((always_inline)) int outer(struct pair *p) { return inner(p->a) * inner(p->b); }
    int first(struct pair *p, int n) { int s = 0; for (int i = 0; i < n; i++) s += outer(p + i); return s; }
    __attribute__((section(".init.text"), cold)) int second(struct pair *p) { return outer(p) ? first(p, 2) : -1; }`;
  return compile(source, flags).bytes;
}
