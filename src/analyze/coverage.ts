import type { BitSet } from "../base/bit-set.ts";
import { NONE } from "../base/table.ts";
import { countedFor } from "../flow/counted-for.ts";
import { FUNCTION_WITHOUT_SIZE, functionName } from "../flow/functions.ts";
import { findOverridden } from "../flow/overridden.ts";
import type { TableEnd } from "../flow/table-entries.ts";
import { KIND_BUG, KIND_NOP, KIND_TRAP, KIND_UNKNOWN } from "../isa/insn-table.ts";
import type { RuleContext } from "../rules/rule.ts";
import { MOST_EVENTS } from "../unwind/machine-flags.ts";
import { reachOf } from "../unwind/reach.ts";
import { BASE_LOST, type FrameState } from "../unwind/state.ts";
import type { ExplainedFindings } from "./known-defects.ts";
import { findReplacedCode } from "./replaced-code.ts";

// What was looked at and what was not. Not counted as text: padding (no-ops and traps); bodies of weak functions that another definition takes the
// place of, by name or, in a linked object, by what is left of them; the mark behind the jump of a static-call trampoline.

export interface CoverageItem {
  readonly kind:
    | "function-not-analysed"
    | "function-excluded"
    | "undecoded-bytes"
    | "unresolved-jump"
    | "assumption"
    | "known-defect";
  readonly function?: string;
  readonly why: string;
  /** Of kind "known-defect". */
  readonly defect?: ExplainedFindings;
}

export interface Coverage {
  readonly functions: number;
  readonly functionsAnalysed: number;
  /** Bytes of code, without what is none: padding, replaced bodies, marks of trampolines. */
  readonly textBytes: number;
  readonly textBytesAnalysed: number;
  readonly notes: CoverageItem[];
}

/** @param overridden function -> 1, see findOverridden */
export function measureCoverage(
  context: RuleContext,
  overridden: Uint8Array = findOverridden(context.flow, context.outside),
): Coverage {
  const { flow, frames } = context;
  const { code, functions, kind, marks } = flow;
  const { table } = functions;
  const notes: CoverageItem[] = [];
  let textBytes = 0;
  let textBytesAnalysed = 0;
  const undecoded = new Map<number, number>();
  const { named, nameless } = findReplacedCode(context, overridden);
  const unreached = new Map<number, number>();
  let leftBytes = 0;
  const { size: sizes, section: sections } = code.insns;
  const { ofInsn } = functions;
  for (const i of reachOf(flow, frames).unreached) {
    const size = sizes[i] as number;
    const f = ofInsn[i] as number;
    if (nameless.has(i)) {
      leftBytes += size;
      continue;
    }
    if (named?.has(i) === true) continue;
    if (kind[i] === KIND_BUG && f !== NONE && isTrampoline(context, f)) continue;
    textBytes += size;
    const place = f === NONE ? -1 - (sections[i] as number) : f;
    unreached.set(place, (unreached.get(place) ?? 0) + size);
  }
  for (const i of code.insns.odd) {
    if (kind[i] !== KIND_UNKNOWN || nameless.has(i) || named?.has(i) === true) continue;
    const f = ofInsn[i] as number;
    undecoded.set(f, (undecoded.get(f) ?? 0) + (sizes[i] as number));
  }
  const reached = reachedBytes(context, named);
  textBytes += reached.all;
  textBytesAnalysed += reached.followed;
  let total = 0;
  let analysed = 0;
  for (let f = 0; f < table.length; f++) {
    if (table.parent[f] !== f) continue;
    total++;
    const name = functionName(code, functions, f);
    const first = table.firstInsn[f] as number;
    if (overridden[f] === 1)
      notes.push({ kind: "function-excluded", function: name, why: "another object's definition takes its place" });
    else if (marks.excluded[f] === 1)
      notes.push({ kind: "function-excluded", function: name, why: "excluded by STACK_FRAME_NON_STANDARD" });
    else if (((table.flags[f] as number) & FUNCTION_WITHOUT_SIZE) !== 0)
      notes.push({ kind: "function-not-analysed", function: name, why: "its symbol has no size" });
    else if (first === NONE)
      notes.push({ kind: "function-not-analysed", function: name, why: "it does not begin at an instruction" });
    else if (frames.state[first] !== NONE) analysed++;
    else notes.push({ kind: "function-not-analysed", function: name, why: "no path enters it" });
  }
  for (const [place, bytes] of unreached) {
    if (place < 0) {
      const section = code.object.sectionName[-1 - place];
      notes.push({ kind: "function-not-analysed", why: `${bytes} bytes of ${section} that no path reaches` });
    } else if (marks.excluded[place] === 0 && isEntered(context, table.parent[place] as number))
      notes.push({
        kind: "function-not-analysed",
        function: functionName(code, functions, place),
        why: `${bytes} bytes that no path reaches`,
      });
  }
  if (leftBytes > 0)
    notes.push({
      kind: "function-excluded",
      why: `${leftBytes} bytes without a name, left of functions that another object's definition takes the place of`,
    });
  for (const insn of flow.unresolved) {
    const f = functions.ofInsn[insn] as number;
    if (f === NONE || marks.excluded[f] === 1 || !leavesModified(context, insn)) continue;
    notes.push({
      kind: "unresolved-jump",
      function: functionName(code, functions, f),
      why: "an indirect jump without a known table",
    });
  }
  for (const { jump, boundedBy } of flow.tables.tables) {
    const f = functions.ofInsn[jump] as number;
    const ending = assumedEnd[boundedBy];
    if (ending === undefined || f === NONE || marks.excluded[f] === 1) continue;
    notes.push({
      kind: "assumption",
      function: functionName(code, functions, f),
      why: `its jump table is taken to end ${ending}`,
    });
  }
  for (const [f, bytes] of undecoded) {
    const name = f === NONE ? undefined : functionName(code, functions, f);
    notes.push({
      kind: "undecoded-bytes",
      ...(name === undefined ? {} : { function: name }),
      why: `${bytes} bytes that are no instructions`,
    });
  }
  for (const [f, count] of untoldEvents(context)) {
    notes.push({
      kind: "assumption",
      ...(f < 0 ? {} : { function: functionName(code, functions, f) }),
      why: `${count} more of what its findings say are not listed`,
    });
  }
  for (const section of flow.formats.assumed)
    notes.push({
      kind: "assumption",
      why: `${section} is read as in the newest kernel: nothing says which kernel's it is`,
    });
  for (const { what } of [...flow.marks.dangling, ...flow.instead.dangling])
    notes.push({ kind: "assumption", why: `${what} names no instruction` });
  return { functions: total, functionsAnalysed: analysed, textBytes, textBytesAnalysed, notes };
}

/**
 * Bytes of instructions that a path comes to, and of those that were followed there.
 * @param replaced those that do not count
 */
function reachedBytes({ flow, frames }: RuleContext, replaced: BitSet | undefined) {
  const { bytes, lostBytes } = reachOf(flow, frames);
  let all = bytes;
  let followed = bytes - lostBytes;
  if (replaced === undefined) return { all, followed };
  const { kind } = flow;
  const { size } = flow.code.insns;
  for (let i = 0; i < kind.length; i++) {
    const id = frames.state[i] as number;
    if (!replaced.has(i) || id === NONE || kind[i] === KIND_NOP || kind[i] === KIND_TRAP) continue;
    all -= size[i] as number;
    if ((frames.states.all[id] as FrameState).base !== BASE_LOST) followed -= size[i] as number;
  }
  return { all, followed };
}

/**
 * Whether a function is a trampoline of static calls, which is patched to go anywhere. The kernel knows it by a constant behind its jump, put as a trap
 * (arch/x86/include/asm/static_call.h, ARCH_DEFINE_STATIC_CALL_TRAMP).
 */
function isTrampoline({ flow }: RuleContext, f: number): boolean {
  return flow.code.arch.names.isStaticCallTrampoline(functionName(flow.code, flow.functions, f));
}

function isEntered({ flow, frames }: RuleContext, f: number): boolean {
  const first = flow.functions.table.firstInsn[f] as number;
  return first !== NONE && frames.state[first] !== NONE;
}

/** Where a table ends for which neither the compiler nor the code says how many entries it has. */
const assumedEnd: Partial<Record<TableEnd, string>> = {
  "next-table": "where another one begins",
  "foreign-entry": "before an address outside of the function",
  "end-of-function": "before an address right behind the function",
  "no-entry": "where its addresses stop",
  "section-end": "with its section",
};

/** An indirect jump with the frame of the entry is a tail call through a pointer, and nothing is open about it. */
function leavesModified(context: RuleContext, insn: number): boolean {
  const { frames } = context;
  const id = frames.state[insn] as number;
  if (id === NONE) return false;
  return (frames.states.all[id] as FrameState).contract !== frames.states.entry().contract;
}

/** function -> events beyond the bound that one function is told of each kind */
function untoldEvents({ flow, frames, flags }: RuleContext): Map<number, number> {
  const untold = new Map(flags.untold);
  const seen = new Map<string, number>();
  for (const { owner, kind, insn } of frames.events) {
    const key = `${countedFor(flow, owner, insn)} ${kind}`;
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    if (count > MOST_EVENTS) untold.set(owner, (untold.get(owner) ?? 0) + 1);
  }
  return untold;
}
