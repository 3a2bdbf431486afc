import { readdirSync, readFileSync } from "node:fs";
import { bytesSource } from "../../src/base/bytes.ts";
import { SHF_EXECINSTR, SHT_NOBITS } from "../../src/elf/constants.ts";
import { type ElfObject, openObject } from "../../src/elf/object.ts";

const FOLDER = new URL("../kernel/arm64/", import.meta.url);

/** The shipped arm64 kernel objects, by name. */
export function readArm64Objects(): { name: string; bytes: Uint8Array; object: ElfObject }[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".o"))
    .sort()
    .map((name) => {
      const bytes = new Uint8Array(readFileSync(new URL(name, FOLDER)));
      return { name, bytes, object: openObject(bytesSource(bytes)) };
    });
}

/** Sections with instructions in them. */
export function codeSections(object: ElfObject): number[] {
  const out: number[] = [];
  for (let i = 1; i < object.sections.length; i++) {
    const executable = ((object.sections.flags[i] as number) & SHF_EXECINSTR) !== 0;
    if (executable && object.sections.type[i] !== SHT_NOBITS && object.sections.size[i] !== 0) out.push(i);
  }
  return out;
}
