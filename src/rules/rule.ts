import type { Flow } from "../flow/flow.ts";
import type { Outside } from "../flow/outside.ts";
import type { Returns } from "../flow/returns.ts";
import type { FlagState, FlagsResult } from "../unwind/machine-flags.ts";
import type { Frames } from "../unwind/simulate.ts";
import type { WitnessComparison } from "../unwind/witness-compare.ts";
import type { WitnessRows } from "../unwind/witness-rows.ts";
import type { Checks } from "./checks.ts";
import type { Evidence, Related, Severity } from "./finding.ts";

/** What compiler and assembler say beside the code. Each is read when it is first asked for. */
export interface Witnesses {
  /** .debug_frame, .eh_frame and .sframe, those that the object holds, each held against the instructions. */
  frames(): readonly { readonly rows: WitnessRows; readonly comparison: WitnessComparison }[];
  /** Functions that the debug information says to never return (DW_AT_noreturn). */
  noreturn(): readonly DeclaredNoreturn[];
}

export interface DeclaredNoreturn {
  readonly name: string;
  readonly isExternal: boolean;
  /** The source of this object has its body. */
  readonly isDefined: boolean;
  /** Its entry: offset in .debug_info. */
  readonly entry: number;
}

/** Everything that a rule may look at. */
export interface RuleContext {
  readonly flow: Flow;
  readonly returns: Returns;
  readonly frames: Frames;
  readonly flags: FlagsResult;
  /** The tree's list of functions that never return names it. */
  isListedNoreturn(symbol: string): boolean;
  /** What this kernel promises of its code. */
  readonly checks: Checks;
  /** What is known of other objects. */
  readonly outside: Outside;
  /** undefined where nobody asked for them to be heard. */
  readonly witnesses: Witnesses | undefined;
  /** Says that a verdict had to be left open, because nobody answered for a symbol of another object. */
  missing(fact: MissingFact, symbol: string): void;
  /** Says that a rule did not look at a function; `why` is a sentence about "it" for coverage. */
  leftOut(owner: number, why: string): void;
}

/** What had to be known of a symbol of another object. */
export type MissingFact = "landing" | "noinstr";

/** A place in data that a report is about where no instruction is. */
export interface DataSpot {
  readonly section: number;
  /** Section offset in bytes. */
  readonly offset: number;
  /** The variable there, or the section. */
  readonly name: string;
}

/** A way through instructions, first to last, with what is known at each. */
export type Way =
  | {
      readonly kind: "frame";
      readonly insns: readonly number[] /** State at the last one, where this way brings another one than the walk had there. */;
      readonly arrives?: string;
      /** Register whose place is told with the frame. */
      readonly register?: number;
      /** Words for the steps at some of the instructions. */
      readonly notes?: ReadonlyMap<number, string>;
    }
  | {
      readonly kind: "flags";
      readonly insns: readonly number[];
      readonly flags: readonly FlagState[];
      /** AC and DF: bits of flags; instrumentation: how many regions are open. */
      readonly show: "AC" | "DF" | "instrumentation";
    };

export interface Report {
  /** Key into the rule's messages. */
  readonly message: string;
  /** -> instruction; NONE for a report about data */
  readonly at: number;
  /** The data, where `at` is NONE. */
  readonly spot?: DataSpot;
  /** -> function it is told for; NONE for code without one */
  readonly owner: number;
  /** The function's entry in .debug_info: where it is declared is the place of a report about code that no line table has, assembly outside of C's functions. */
  readonly entry?: number;
  /** Fills the holes of the message and becomes part of the fingerprint: names only, never an address or a number of a line. */
  readonly data?: Readonly<Record<string, string>>;
  /** Fills holes too, and is no part of the fingerprint: what another compiler says otherwise of the same defect, such as a register. */
  readonly words?: Readonly<Record<string, string>>;
  /** -> instruction whose line is the place of it; `at` where absent */
  readonly placedAt?: number;
  readonly way?: Way;
  readonly otherWay?: Way;
  readonly evidence?: readonly Evidence[];
  readonly related?: readonly Related[];
  /**
   * Where the compiler may be at fault: what it looks like, whatever function it is in and whichever registers that has. A known defect of the
   * compiler is recognised by it (src/defects).
   */
  readonly shape?: string;
  /** The same at its further places: one of them is told instead where a known defect explains this one and not that. */
  readonly later?: readonly LaterPlace[];
}

export interface LaterPlace {
  readonly at: number;
  shape(): string;
  report(): Report;
}

export interface RuleMessage {
  /** One sentence without a full stop; `{name}` is filled from data; `{function}` always is the function's name. */
  readonly text: string;
  /** Where it differs from the rule's. */
  readonly severity?: Severity;
}

export interface Rule {
  /** kebab-case, stable for ever */
  readonly id: string;
  /** One sentence: the first line of the rule's page. */
  readonly summary: string;
  readonly severity: Severity;
  /** What follows at run time, one sentence. */
  readonly consequence: string;
  readonly messages: Readonly<Record<string, RuleMessage>>;
  /**
   * Where the promise is a contract with callers and no law: a report is a fact, and becomes a finding where the base kept the promise for the
   * same function (see brokenContracts).
   */
  readonly againstBase?: true;
  /** Its findings are shown with what each witness says of the frames around them. */
  readonly showsFrames?: true;
  /** Whether a kernel that makes these promises can break it; absent: every kernel can. */
  applies?(checks: Checks): boolean;
  check(context: RuleContext, report: (report: Report) => void): void;
}

export function defineRule(rule: Rule): Rule {
  return rule;
}
