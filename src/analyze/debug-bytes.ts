import { FormatError } from "../base/errors.ts";
import type { ElfObject } from "../elf/object.ts";

/**
 * Of an object with more debug information no source lines are told: reading it would cost several times what checking its code does. A
 * whole linked kernel has five times as much; the largest object that a compiler makes of it a fiftieth.
 */
export const MOST_DEBUG_BYTES = 96 << 20;
export const TOO_MUCH_DEBUG = `no source lines: more than ${MOST_DEBUG_BYTES >> 20} MiB of debug information; the single objects have them`;

/** Bytes of all debug sections; nothing of them is read. */
export function debugByteCount({ sectionName, sections }: ElfObject): number {
  let bytes = 0;
  for (let s = 1; s < sections.length; s++)
    if ((sectionName[s] as string).startsWith(".debug_")) bytes += sections.size[s] as number;
  return bytes;
}

/** A finding is asked for its picture and its lines when the caller may have closed the source: whatever they need is read by then. */
export function holdDebugSections(object: ElfObject): void {
  for (let section = 1; section < object.sectionName.length; section++) {
    if (!(object.sectionName[section] as string).startsWith(".debug_")) continue;
    try {
      object.bytes(section);
      object.relocs(section);
    } catch (error) {
      // Told again, with its place, when lines are asked for.
      if (!(error instanceof FormatError)) throw error;
    }
  }
}
