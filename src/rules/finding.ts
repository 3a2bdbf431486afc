/** error: unsafe at run time. warning: breaks a promise (unwinding, live patching, mitigation). note: worth knowing. */
export type Severity = "error" | "warning" | "note";

/** A place in the source, as the object's line table has it. Line 0 means that the compiler gave none. */
export interface SourcePlace {
  /** Path relative to the kernel tree where it can be made so. */
  readonly file: string;
  readonly line: number;
  /** Innermost first: the functions that this code was inlined through, each with the place of the call in its caller. */
  readonly inlineStack: readonly InlineFrame[];
}

export interface InlineFrame {
  readonly function: string;
  /** Where the inlined function was called. */
  readonly file: string;
  readonly line: number;
}

/** The line of the function itself: where code that was inlined into it is called. */
export function outerPlace(place: SourcePlace): { file: string; line: number } {
  const outer = place.inlineStack[place.inlineStack.length - 1];
  return outer === undefined ? { file: place.file, line: place.line } : { file: outer.file, line: outer.line };
}

/** One step on the way to a finding: an instruction that matters, with the state after it. */
export interface PathStep {
  readonly section: string;
  /** Section offset in bytes. */
  readonly offset: number;
  /** Length of the instruction in bytes. */
  readonly size: number;
  /** Why it is listed: "entry", "branch", "call", "push", "stac", "fixup", "here" ... a few words. */
  readonly note: string;
  /** State after the step in the field's words: "CFA=SP+16", "AC=1", "DF=1". */
  readonly state: string;
  /** Instructions right before this one that are told with it: "5 pushes". */
  readonly folded?: string;
  /** Steps between the one before and this one that are left out. */
  readonly skipped?: number;
  /** For an instruction of a replacement: section offset in bytes of what it is patched over. */
  readonly insteadOf?: number;
  readonly place?: SourcePlace;
}

/** A fact that speaks for the finding, by one witness. */
export interface Evidence {
  readonly witness: string;
  readonly says: string;
}

export interface Related {
  readonly function: string;
  readonly says: string;
  readonly place?: SourcePlace;
}

/** What a finding says of a callee that, by its body, never comes back. */
export const CALLEE_NEVER_RETURNS = "never returns";

/** What a finding says of a callee that does not give a callee-saved register back. */
export const CALLEE_LOSES_REGISTER = "does not give the register back";

/** A disagreement that a person can act on. Plain data, no cycles. */
export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  /** Symbol name as in the object. */
  readonly function: string;
  readonly section: string;
  /** Section offset in bytes of the instruction it is about. */
  readonly offset: number;
  /** Which message of the rule. */
  readonly messageKey: string;
  /** The message, filled in; one sentence without a final full stop. */
  readonly message: string;
  readonly place?: SourcePlace;
  readonly path: readonly PathStep[];
  /** For two-sided findings (two ways to one instruction), the other way. */
  readonly otherPath?: readonly PathStep[];
  readonly evidence: readonly Evidence[];
  readonly related: readonly Related[];
  /** What a defect of the compiler would be recognised by (src/defects), where the finding may be one. */
  readonly shape?: string;
  /** 28 hex digits; no address, line or order in it. */
  readonly fingerprint: string;
}
