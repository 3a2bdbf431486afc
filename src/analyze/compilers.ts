import { FormatError } from "../base/errors.ts";
import { type Compiler, compilerName, parseCompiler } from "../defects/compiler.ts";
import { type Producers, readProducers } from "../dwarf/producers.ts";
import { readComments } from "../elf/comment.ts";
import type { ElfObject } from "../elf/object.ts";
import { debugByteCount, MOST_DEBUG_BYTES } from "./debug-bytes.ts";

/** x86-64 psABI 1.0, 3.2.2 */
const RED_ZONE = 128;

/** Who compiled which code of an object, by its own words: of a function its compile unit decides, without one `.comment` where that names one compiler. */
export interface Compilers {
  /** undefined where nobody says, or somebody that is not known here. */
  at(section: number, offset: number): Compiler | undefined;
  /**
   * Bytes below the stack pointer that nothing else writes. A kernel has none, and gcc says so of itself; an object that does not say may be
   * a program's. clang says nothing of it, and is held to be a kernel's.
   */
  redZone(): number;
}

/** Nothing is read before the first question. What cannot be read says nothing. */
export function readCompilers(object: ElfObject): Compilers {
  let units: Producers | undefined;
  let byComment: Compiler | undefined;
  let isRead = false;
  const read = (): void => {
    isRead = true;
    try {
      byComment = agreed(readComments(object));
      if (debugByteCount(object) <= MOST_DEBUG_BYTES) units = readProducers(object);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  };
  return {
    redZone() {
      if (!isRead) read();
      const producers = units === undefined || units.all.length === 0 ? undefined : units.all;
      if (producers === undefined) return byComment?.family === "clang" ? 0 : RED_ZONE;
      const hasNone = (producer: string) =>
        parseCompiler(producer)?.family === "clang" || / -mno-red-zone(?: |$)/.test(producer);
      return producers.every(hasNone) ? 0 : RED_ZONE;
    },
    at(section, offset) {
      if (!isRead) read();
      const producer = units?.find(section, offset);
      return producer === undefined ? byComment : parseCompiler(producer);
    },
  };
}

/** The compiler, where all that are named are the same one. Linkers and others that are no compilers are passed over. */
function agreed(comments: readonly string[]): Compiler | undefined {
  const named = comments.map(parseCompiler).filter((each) => each !== undefined);
  const [first] = named;
  return first !== undefined && named.every((each) => compilerName(each) === compilerName(first)) ? first : undefined;
}
