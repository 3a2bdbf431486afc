import { NONE } from "../base/table.ts";
import type { Code } from "./code.ts";
import type { Instead } from "./instead.ts";
import { MARK_ELSEWHERE, type Marks } from "./marks.ts";

/**
 * Which instruction stands behind another: the next row, but for the last one of a section and of a replacement. Only those are kept, and
 * marked, so that most questions are answered by a look at the marks.
 */
export class NextInsns {
  readonly #bits: Uint16Array;
  readonly #elsewhere = new Map<number, number>();

  constructor(code: Code, marks: Marks, { alternatives }: Instead) {
    this.#bits = marks.bits;
    for (const section of code.sections) {
      const end = code.sectionEnd[section] as number;
      if (end > (code.sectionStart[section] as number)) this.#set(end - 1, NONE);
    }
    for (let a = 0; a < alternatives.length; a++) {
      const end = alternatives.replacementEnd[a] as number;
      if (end === NONE) continue;
      const to = alternatives.to[a] as number;
      const { section } = code.insns;
      const isInside = to < code.insns.length && section[to] === section[alternatives.from[a] as number];
      this.#set(end - 1, isInside ? to : NONE);
    }
  }

  /** The instruction behind, over the end of a replacement to the end of its original; NONE at the end of a section. */
  of(insn: number): number {
    if (((this.#bits[insn] as number) & MARK_ELSEWHERE) === 0) return insn + 1;
    return this.#elsewhere.get(insn) as number;
  }

  #set(insn: number, to: number): void {
    this.#elsewhere.set(insn, to);
    this.#bits[insn] = (this.#bits[insn] as number) | MARK_ELSEWHERE;
  }
}
