import { readFileSync } from "node:fs";
import { bytesSource } from "../../src/base/bytes.ts";
import { SHF_EXECINSTR, SHT_PROGBITS } from "../../src/elf/constants.ts";
import { openObject } from "../../src/elf/object.ts";
import { type InsnTable, newDecodeOutput, type OpTable } from "../../src/isa/insn-table.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";

export interface ExecutableSection {
  readonly index: number;
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The executable sections of an object that hold bytes, in the order of its section table. */
export function executableSections(path: string): ExecutableSection[] {
  const object = openObject(bytesSource(new Uint8Array(readFileSync(path)), path));
  const found: ExecutableSection[] = [];
  for (let index = 1; index < object.sections.length; index++) {
    const executable = ((object.sections.flags[index] as number) & SHF_EXECINSTR) !== 0;
    if (!executable || object.sections.type[index] !== SHT_PROGBITS) continue;
    const bytes = object.bytes(index);
    if (bytes.length > 0) found.push({ index, name: object.sectionName[index] as string, bytes });
  }
  return found;
}

export function decodeX86(bytes: Uint8Array, section = 1): { insns: InsnTable; ops: OpTable } {
  const out = newDecodeOutput(bytes.length);
  x86_64.decode(bytes, section, 0, bytes.length, out);
  return { insns: out.insns.finish(), ops: out.ops.finish() };
}

/** At most about `count` of the paths, evenly spread, and all that `always` matches: the same ones in every run. */
export function spread(paths: readonly string[], count: number, always: RegExp): string[] {
  const step = Math.max(1, Math.floor(paths.length / count));
  return paths.filter((path, i) => i % step === 0 || always.test(path));
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
