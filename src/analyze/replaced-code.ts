import { BitSet } from "../base/bit-set.ts";
import { lowerBound, NONE } from "../base/table.ts";
import { ownerOf } from "../flow/flow.ts";
import { isLinkedObject } from "../flow/linked-object.ts";
import { successors } from "../flow/successors.ts";
import type { RuleContext } from "../rules/rule.ts";
import { reachOf } from "../unwind/reach.ts";

// Bodies of weak functions that another object's definition takes the place of. They never run. In an object by itself they have their names,
// and the index says of them that they give way; in a linked one the name went to the other definition and the bytes stayed (ld -r drops none).

/** Code that never runs since another definition has its name. */
export interface ReplacedCode {
  /** Bodies of functions that still have their names here, with their replacements; undefined where there is none. */
  readonly named: BitSet | undefined;
  /** What a link left of such bodies. */
  readonly nameless: BitSet;
}

/**
 * Functions that give way, with their replacements; in an object that was linked from several, what no symbol names and no path reaches, with the
 * replacements, fixups and cold parts that are reached from nowhere else.
 * @param overridden function -> 1, see findOverridden
 */
export function findReplacedCode(context: RuleContext, overridden: Uint8Array): ReplacedCode {
  const { flow } = context;
  const { ofInsn } = flow.functions;
  let named: BitSet | undefined;
  if (overridden.includes(1)) {
    named = new BitSet(ofInsn.length);
    for (let i = 0; i < ofInsn.length; i++) {
      const f = ofInsn[i] === NONE ? ownerOf(flow, i) : (ofInsn[i] as number);
      if (f !== NONE && overridden[f] === 1) named.add(i);
    }
  }
  const nameless = new BitSet(ofInsn.length);
  if (isLinkedObject(flow.code.object)) markNameless(context, named, nameless);
  return { named, nameless };
}

function markNameless(context: RuleContext, named: BitSet | undefined, nameless: BitSet): void {
  const { flow, frames, returns } = context;
  const { code, functions, instead } = flow;
  const { table, ofInsn } = functions;
  const { state } = frames;
  const work: number[] = [];
  const mark = (insn: number): void => {
    nameless.add(insn);
    work.push(insn);
  };
  let isNamed: ((insn: number) => boolean) | undefined;
  // Replacements and what they lead to (static_cpu_has() of arch/x86) have no names anywhere: only what leads there tells whose they are.
  const isReplacement = code.object.sectionName.map((name) => name.startsWith(".altinstr"));
  for (const i of reachOf(flow, frames).unreached) {
    if (ofInsn[i] !== NONE || isReplacement[code.insns.section[i] as number]) continue;
    isNamed ??= namedFinder(context);
    if (!isNamed(i)) mark(i);
  }
  if (isNamed === undefined) return;
  const spread = (to: number): void => {
    if (to === NONE || to >= state.length || state[to] !== NONE) return;
    if (nameless.has(to) || named?.has(to) === true) return;
    const f = ofInsn[to] as number;
    const isIts = f === NONE ? isNamed?.(to) === false : table.parent[f] !== f && flow.marks.excluded[f] === 0;
    if (isIts) mark(to);
  };
  const after = successors(flow, returns);
  const { from, to } = instead.edges;
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    const count = after.of(i);
    for (let n = 0; n < count; n++) spread(after.to[n] as number);
    for (let e = lowerBound(from, i, 0, from.length); e < from.length && from[e] === i; e++) spread(to[e] as number);
  }
}

/**
 * Labels of the compiler's own (gas manual, "Symbol Names": local to the assembly). clang's assembler writes those into the object that another section
 * refers to, such as the begin of the no-ops before each function (-fpatchable-function-entry).
 */
const COMPILER_LABEL = ".L";

/** Whether a symbol says what an instruction is: one that covers it, or one without a size before it, which goes on to the next function. */
function namedFinder({ flow }: RuleContext): (insn: number) => boolean {
  const { code, functions } = flow;
  const { symbols, symbolName } = code.object;
  const { table } = functions;
  const labels = new Map<number, number[]>();
  for (const s of functions.labels) {
    const section = symbols.section[s] as number;
    if (symbols.size[s] !== 0) continue;
    if ((symbolName[s] as string).startsWith(COMPILER_LABEL)) continue;
    const list = labels.get(section);
    if (list === undefined) labels.set(section, [symbols.value[s] as number]);
    else list.push(symbols.value[s] as number);
  }
  for (const list of labels.values()) list.sort((a, b) => a - b);
  return (insn) => {
    const section = code.insns.section[insn] as number;
    const offset = code.insns.offset[insn] as number;
    if (functions.symbolCovering(section, offset) !== NONE) return true;
    const list = labels.get(section) ?? [];
    const label = list[countUntil(list.length, (n) => (list[n] as number) <= offset) - 1];
    if (label === undefined) return false;
    const f = countUntil(table.length, (n) => {
      const home = table.section[n] as number;
      return home < section || (home === section && (table.start[n] as number) <= offset);
    });
    return f === 0 || table.section[f - 1] !== section || (table.start[f - 1] as number) <= label;
  };
}

/** How many of the first of `length` rows hold; none behind the first that does not. */
function countUntil(length: number, holds: (row: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
