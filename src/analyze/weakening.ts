import { lowerBound, NONE } from "../base/table.ts";
import { STT_SECTION } from "../elf/constants.ts";
import { insnAt } from "../flow/code.ts";
import { type Flow, ownerOf } from "../flow/flow.ts";
import {
  forEachReference,
  MARK_HINT,
  MARK_IGNORE_ALTS,
  MARK_IGNORE_VARIANT,
  MARK_INTRA_CALL,
  MARK_NOCFI,
  MARK_NOENDBR,
  MARK_REACHABLE,
  MARK_RETPOLINE_SAFE,
  MARK_UNREACHABLE,
} from "../flow/marks.ts";
import { findOverridden } from "../flow/overridden.ts";
import { KIND_NOP } from "../isa/insn-table.ts";
import type { SourcePlace } from "../rules/finding.ts";
import type { RuleContext } from "../rules/rule.ts";
import { ownerName } from "../rules/ways.ts";
import type { CoverageItem } from "./coverage.ts";
import { stableName } from "./names.ts";

// A patch can make a finding go away by taking code out of the check instead of repairing it. What of an object is checked, and what it asks
// not to be, is written down on both sides, and the difference is told.

/** What an annotation takes out of the check, in the words of the kernel's source. */
export const exemptionNames = {
  "frame-not-checked": "STACK_FRAME_NON_STANDARD",
  "unwind-hint": "unwind hint",
  "retpoline-safe": "ANNOTATE_RETPOLINE_SAFE",
  "no-landing-pad": "ANNOTATE_NOENDBR",
  "intra-function-call": "ANNOTATE_INTRA_FUNCTION_CALL",
  "alternatives-ignored": "ANNOTATE_IGNORE_ALTERNATIVE",
  "no-kcfi": "ANNOTATE_NOCFI_SYM",
  reachable: "ANNOTATE_REACHABLE",
  unreachable: "ANNOTATE_UNREACHABLE",
} as const;
export type ExemptionKind = keyof typeof exemptionNames;

export interface Exemption {
  readonly kind: ExemptionKind;
  /** Function or assembly symbol that it stands in, without a compiler's suffix. */
  readonly function: string;
  readonly place: SourcePlace | undefined;
}

/** What one object has to say about its own checking. */
export interface Watch {
  /** function, without a compiler's suffix -> why it is not checked (in part), "" where it is */
  readonly functions: ReadonlyMap<string, string>;
  /** Names of assembly that is no function. */
  readonly labels: ReadonlySet<string>;
  readonly exemptions: readonly Exemption[];
}

export interface Weakening {
  readonly kind: "no-longer-checked" | "silenced";
  readonly object: string;
  readonly function: string;
  /** "no-longer-checked": why. "silenced": the annotation's name. */
  readonly what: string;
  /** Annotations of this name that the function has more than before; 1 for a function that is no longer checked. */
  readonly count: number;
  /** Of the last one. */
  readonly place: SourcePlace | undefined;
}

const bitKinds: readonly (readonly [bit: number, kind: ExemptionKind])[] = [
  [MARK_HINT, "unwind-hint"],
  [MARK_RETPOLINE_SAFE, "retpoline-safe"],
  [MARK_NOENDBR, "no-landing-pad"],
  [MARK_INTRA_CALL, "intra-function-call"],
  [MARK_IGNORE_ALTS, "alternatives-ignored"],
  [MARK_IGNORE_VARIANT, "alternatives-ignored"],
  [MARK_NOCFI, "no-kcfi"],
  [MARK_REACHABLE, "reachable"],
  [MARK_UNREACHABLE, "unreachable"],
];

/** Linear in the instructions; lines are looked up for what is annotated alone. */
export function readWatch(
  context: RuleContext,
  notes: readonly CoverageItem[],
  placeOf: (insn: number) => SourcePlace | undefined,
): Watch {
  const { flow } = context;
  const { code, functions, marks } = flow;
  const { table } = functions;
  const whyNot = new Map<string, string>();
  for (const { kind, function: name, why } of notes)
    if (name !== undefined && kind !== "assumption") whyNot.set(name, why);
  // What another object's definition takes the place of is not checked on any side.
  const overridden = findOverridden(flow, context.outside);
  const checked = new Map<string, string>();
  const exemptions: Exemption[] = [];
  for (let f = 0; f < table.length; f++) {
    if (table.parent[f] !== f || overridden[f] === 1) continue;
    const name = code.object.symbolName[table.symbol[f] as number] as string;
    const why = whyNot.get(name) ?? "";
    checked.set(stableName(name), checked.get(stableName(name)) || why);
    const first = table.firstInsn[f] as number;
    if (marks.excluded[f] !== 1) continue;
    const place = first === NONE ? undefined : placeOf(first);
    exemptions.push({ kind: "frame-not-checked", function: stableName(name), place });
  }
  const reported = reportedTraps(flow);
  for (let i = 0; i < marks.bits.length; i++) {
    const bits = marks.bits[i] as number;
    if (bits === 0) continue;
    for (const [bit, kind] of bitKinds) {
      if ((bits & bit) === 0 || isOrdinary(flow, reported, i, bit)) continue;
      const name = stableName(ownerName(context, ownerOf(flow, i), i));
      // DEFINE_STATIC_CALL() and every trace point come with an annotated trampoline.
      if (code.arch.names.isStaticCallTrampoline(name)) continue;
      exemptions.push({ kind, function: name, place: placeOf(i) });
    }
  }
  return { functions: checked, labels: labelsOf(flow), exemptions };
}

/**
 * What the kernel's own macros annotate takes nothing out of the check: traps of WARN() and BUG(), indirect calls that are patched (CALL_NOSPEC,
 * the calls of patchable operations), and the end of an untraining, which is an annotated no-op.
 */
function isOrdinary(flow: Flow, reported: ReadonlySet<number>, insn: number, bit: number): boolean {
  if (bit === MARK_REACHABLE || bit === MARK_UNREACHABLE) return reported.has(insn);
  if (bit !== MARK_RETPOLINE_SAFE) return false;
  const { alternatives, replacementOf } = flow.instead;
  if (flow.code.insns.kind[insn] === KIND_NOP || replacementOf.has(insn)) return true;
  const row = lowerBound(alternatives.from, insn, 0, alternatives.length);
  return row < alternatives.length && alternatives.from[row] === insn;
}

/** Traps that have an entry in the table of bugs (include/asm-generic/bug.h). */
function reportedTraps(flow: Flow): Set<number> {
  const traps = new Set<number>();
  forEachReference(flow.code, "__bug_table", ({ section, offset }) => {
    const insn = insnAt(flow.code, section, offset);
    if (insn !== NONE) traps.add(insn);
  });
  return traps;
}

function labelsOf(flow: Flow): Set<string> {
  const { code, functions } = flow;
  const { symbols, symbolName } = code.object;
  const names = new Set<string>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    if (section <= 0 || code.sectionEnd[section] === code.sectionStart[section]) continue;
    if (symbols.type[s] !== STT_SECTION && !functions.ofSymbol.has(s)) names.add(symbolName[s] as string);
  }
  return names;
}

/**
 * What the head does not check and the base did, and what the head is silent about by annotation and the base was not. An annotation that moved
 * with its code, or that the compiler copied, is not new: they are counted by distinct source lines, for the object and for the function.
 */
export function compareWatch(object: string, before: Watch | undefined, after: Watch): Weakening[] {
  const result: Weakening[] = [];
  for (const [name, why] of before?.functions ?? []) {
    if (why !== "") continue;
    const now = after.functions.get(name);
    const whyNow = now ?? (after.labels.has(name) ? "its symbol is no function any more" : "");
    if (whyNow === "") continue;
    const place = after.exemptions.find((e) => e.function === name && e.kind === "frame-not-checked")?.place;
    result.push({ kind: "no-longer-checked", object, function: name, what: whyNow, count: 1, place });
  }
  const told = new Set(result.map((each) => each.function));
  for (const [key, list] of groupBy(after.exemptions, keyOfKind)) {
    const old = (before?.exemptions ?? []).filter((each) => keyOfKind(each) === key);
    let more = distinct(list) - distinct(old);
    for (const [name, own] of groupBy(list, (each) => each.function)) {
      const grown = distinct(own) - distinct(old.filter((each) => each.function === name));
      const count = Math.min(more, grown);
      if (count <= 0) continue;
      more -= count;
      const { kind, place } = own[own.length - 1] as Exemption;
      // A function that is no longer checked for this reason is told as such.
      if (kind === "frame-not-checked" && told.has(name)) continue;
      result.push({ kind: "silenced", object, function: name, what: exemptionNames[kind], count, place });
    }
  }
  return result;
}

/** Without annotations that came from another object together with their function. */
export function withoutMoved(
  weakenings: readonly Weakening[],
  before: readonly Watch[],
  after: readonly Watch[],
): readonly Weakening[] {
  const count = (watches: readonly Watch[], { function: name, what }: Weakening): number =>
    distinct(
      watches.flatMap((w) => w.exemptions).filter((e) => e.function === name && exemptionNames[e.kind] === what),
    );
  return weakenings.filter((each) => each.kind !== "silenced" || count(before, each) < count(after, each));
}

/** Annotations of one kind that are written in one file. */
function keyOfKind({ kind, place }: Exemption): string {
  return `${kind}\n${place?.file ?? ""}`;
}

/** Distinct source lines; annotations without one count each. */
function distinct(list: readonly Exemption[]): number {
  const lines = new Set<string>();
  let without = 0;
  for (const { place } of list) {
    if (place === undefined || place.line === 0) without++;
    else lines.add(`${place.file}:${place.line}`);
  }
  return lines.size + without;
}

function groupBy<T>(list: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** What the tree lists as never returning or as callable with user access open, and did not before. */
export interface AddedNames {
  readonly noreturn: readonly string[];
  readonly accessSafe: readonly string[];
}

export function addedNames(
  before: { readonly noreturn: ReadonlySet<string>; readonly accessSafe: ReadonlySet<string> },
  after: { readonly noreturn: ReadonlySet<string>; readonly accessSafe: ReadonlySet<string> },
): AddedNames {
  const added = (a: ReadonlySet<string>, b: ReadonlySet<string>): string[] => [...b].filter((name) => !a.has(name));
  return {
    noreturn: added(before.noreturn, after.noreturn),
    accessSafe: added(before.accessSafe, after.accessSafe),
  };
}
