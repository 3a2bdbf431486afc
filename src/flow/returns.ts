import { BitSet } from "../base/bit-set.ts";
import { NONE } from "../base/table.ts";
import { STB_LOCAL, STB_WEAK } from "../elf/constants.ts";
import { KIND_BRANCH, KIND_CALL, KIND_JUMP, KIND_RETURN } from "../isa/insn-table.ts";
import { type Flow, KIND_CONDITIONAL_TAIL, KIND_INDIRECT_TAIL, KIND_TAIL_CALL } from "./flow.ts";
import { FUNCTION_WEAK } from "./functions.ts";
import { MARK_REACHABLE } from "./marks.ts";

/** What is known about callees outside of this object: true never returns, false returns, undefined not known. */
export type ExternalReturns = (symbol: string) => boolean | undefined;

export interface Returns {
  /** insn -> 1 when the call (or tail call) there never comes back */
  readonly deadCall: BitSet;
  /** function -> 1 when it never returns to its caller */
  readonly neverReturns: Uint8Array;
  /** Symbols outside of this object that a call was decided by without knowing: they were taken to return. */
  readonly assumed: ReadonlySet<number>;
}

/**
 * Which functions of this object never return, and which calls therefore end their path.
 *
 * A function returns when it holds a return, an indirect tail call, a tail call to something that returns, or is weak (another body may
 * replace it). The least fixpoint over tail calls: functions that only tail-call each other in a circle never return.
 */
export function solveReturns(flow: Flow, external: ExternalReturns): Returns {
  const { code, functions, kind, symbol } = flow;
  const { table } = functions;
  const assumed = new Set<number>();
  // Asked once of each symbol: a kernel has a few that nearly every function calls.
  const answers: (boolean | undefined | null)[] = new Array(code.object.symbols.length).fill(null);
  const ask = (s: number): boolean | undefined => {
    let answer = answers[s];
    if (answer === null) {
      answer = external(code.object.symbolName[s] as string);
      answers[s] = answer;
    }
    return answer;
  };
  const externalReturns = (s: number): boolean => {
    const verdict = ask(s);
    if (verdict === undefined) assumed.add(s);
    return verdict !== true;
  };
  const { returns, edges } = findLeaving(flow);
  const inside = edges.filter(({ from, to, symbol: s }) => {
    if (to === NONE) {
      if (externalReturns(s)) returns[from] = 1;
      return false;
    }
    // A name that others see may be listed, or be theirs: a weak definition gives way to a strong one.
    return code.object.symbols.binding[s] === STB_LOCAL || ask(s) !== true;
  });
  spreadReturns(returns, inside);
  const neverReturns = new Uint8Array(table.length);
  for (let f = 0; f < table.length; f++) neverReturns[f] = returns[table.parent[f] as number] === 1 ? 0 : 1;
  const deadCall = new BitSet(kind.length);
  const neverComesBack = (s: number): boolean => {
    if (code.object.symbols.binding[s] !== STB_LOCAL && ask(s) === true) return true;
    const callee = functionOfSymbol(flow, s);
    if (callee === NONE) return code.object.symbols.section[s] === NONE && !externalReturns(s);
    return code.object.symbols.binding[s] !== STB_WEAK && neverReturns[callee] === 1;
  };
  // symbol -> what a call of it does, worked out at the first one: 1 ends the path, 2 comes back
  const ends = new Uint8Array(code.object.symbols.length);
  const calls = flow.rows.of(KIND_CALL);
  for (let n = 0; n < calls.length; n++) {
    const i = calls[n] as number;
    const s = symbol.at(i);
    // An annotation says that execution goes on behind this one (arch/x86/include/asm/irq_stack.h, ASM_REACHABLE).
    if (s === NONE || ((flow.marks.bits[i] as number) & MARK_REACHABLE) !== 0) continue;
    if (ends[s] === 0) ends[s] = neverComesBack(s) ? 1 : 2;
    if (ends[s] === 1) deadCall.add(i);
  }
  return { deadCall, neverReturns, assumed };
}

/** What functions leave to by tail calls; functions are named by their parents, so that parts count as one. */
export interface Leaving {
  /** function -> 1 when it returns whatever it leaves to: by a return, an indirect tail call, or because another body may take its place */
  readonly returns: Uint8Array;
  /** `to` is NONE where `symbol` is no function of this object. */
  readonly edges: readonly { readonly from: number; readonly to: number; readonly symbol: number }[];
}

export function findLeaving(flow: Flow): Leaving {
  const { code, functions, kind, symbol, rows } = flow;
  const { table } = functions;
  const returns = new Uint8Array(table.length);
  const edges: { from: number; to: number; symbol: number }[] = [];
  const hasBody = new Uint8Array(table.length);
  for (let f = 0; f < table.length; f++) if (functions.hasCode[f] === 1) hasBody[table.parent[f] as number] = 1;
  const { ofInsn } = functions;
  // By index: nobody has compiled these loops yet, and an iterator costs as much as all the rest then.
  const { parent } = table;
  for (const k of [KIND_RETURN, KIND_INDIRECT_TAIL]) {
    const ends = rows.of(k);
    for (let n = 0; n < ends.length; n++) {
      const f = ofInsn[ends[n] as number] as number;
      if (f !== NONE) returns[parent[f] as number] = 1;
    }
  }
  const tails = rows.of(KIND_TAIL_CALL, KIND_CONDITIONAL_TAIL);
  for (let n = 0; n < tails.length; n++) {
    const i = tails[n] as number;
    const f = ofInsn[i] as number;
    if (f === NONE) continue;
    const from = table.parent[f] as number;
    const callee = functionOfSymbol(flow, symbol.at(i));
    if (callee !== NONE) edges.push({ from, to: table.parent[callee] as number, symbol: symbol.at(i) });
    else if (symbol.at(i) === NONE) returns[from] = 1;
    else edges.push({ from, to: NONE, symbol: symbol.at(i) });
  }
  // Assembly may leave for code that is no function (6.1 arch/x86/entry/thunk_64.S, __thunk_restore).
  for (const i of flow.toNobody) {
    const f = ofInsn[i] as number;
    if (f === NONE || (kind[i] !== KIND_JUMP && kind[i] !== KIND_BRANCH)) continue;
    const to = flow.target.at(i);
    const { section, offset } = code.insns;
    if (functions.symbolCovering(section[to] as number, offset[to] as number) !== NONE)
      returns[table.parent[f] as number] = 1;
  }
  for (let f = 0; f < table.length; f++) {
    if (((table.flags[f] as number) & FUNCTION_WEAK) !== 0 || hasBody[f] === 0) returns[f] = 1;
  }
  return { returns, edges };
}

/** Marks everything that reaches a returning function. Linear: each edge is looked at once per change of its end. */
export function spreadReturns(
  returns: Uint8Array,
  edges: readonly { readonly from: number; readonly to: number }[],
): void {
  const callers = new Map<number, number[]>();
  for (const { from, to } of edges) {
    if (returns[from] === 1) continue;
    const list = callers.get(to);
    if (list === undefined) callers.set(to, [from]);
    else list.push(from);
  }
  const work: number[] = [];
  for (let f = 0; f < returns.length; f++) if (returns[f] === 1) work.push(f);
  for (let f = work.pop(); f !== undefined; f = work.pop()) {
    for (const caller of callers.get(f) ?? []) {
      if (returns[caller] === 1) continue;
      returns[caller] = 1;
      work.push(caller);
    }
  }
}

/** Function row that a call's symbol names in this object, or NONE. */
export function functionOfSymbol(flow: Flow, symbol: number): number {
  return symbol === NONE ? NONE : (flow.functions.ofSymbol.get(symbol) ?? NONE);
}
