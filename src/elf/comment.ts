import { NONE } from "../base/table.ts";
import type { ElfObject } from "./object.ts";

/** More than any link of a whole kernel leaves: the linker keeps one of each. */
const MOST_BYTES = 1 << 16;

const utf8 = new TextDecoder("utf-8");

/**
 * The strings of `.comment`, each once, in their order: every tool that made a part of the object says who it is there ("GCC: (Debian
 * 12.2.0-14+deb12u1) 12.2.0"). Empty where the object has no such section, or one that is no tool's. @throws FormatError
 */
export function readComments(object: ElfObject): string[] {
  const section = object.findSection(".comment");
  if (section === NONE || (object.sections.size[section] as number) > MOST_BYTES) return [];
  const strings = utf8.decode(object.bytes(section)).split("\0");
  return [...new Set(strings.filter((text) => text !== ""))];
}
