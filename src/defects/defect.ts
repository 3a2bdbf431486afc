import type { CompilerFamily } from "./compiler.ts";

/** A defect of a shipped compiler or assembler that a rule shows: true, told upstream or not, and nothing that a patch to a kernel can help. */
export interface KnownDefect {
  /** kebab-case, stable for ever: the names of its two files and of its page */
  readonly id: string;
  /** One sentence: the first line of the page. */
  readonly summary: string;
  readonly tool: CompilerFamily;
  /** The first and the last version in which it was seen, both included: no promise of the ones that nobody tried. */
  readonly seen: { readonly from: string; readonly to: string };
  /**
   * Why it is held to be in every other version of the tool too: what nearly every function has would drown all else. Absent: findings of
   * a version that nobody tried are told.
   */
  readonly everywhere?: string;
  /** The rule that shows it. */
  readonly rule: string;
  /** What its findings look like, whatever function they are in: the rule says what the words mean. One of them, as a whole. */
  readonly shapes: readonly string[];
}

export function defineDefect(defect: KnownDefect): KnownDefect {
  return defect;
}
