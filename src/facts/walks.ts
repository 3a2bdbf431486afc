import { BitSet } from "../base/bit-set.ts";
import { lowerBound, NONE } from "../base/table.ts";
import { STB_LOCAL } from "../elf/constants.ts";
import { insnAt } from "../flow/code.ts";
import { type Flow, KIND_CONDITIONAL_TAIL, KIND_INDIRECT_TAIL, KIND_TABLE_JUMP, KIND_TAIL_CALL } from "../flow/flow.ts";
import { MARK_INSTEAD, MARK_RETPOLINE_SAFE } from "../flow/marks.ts";
import { findLeaving, functionOfSymbol, type Leaving, spreadReturns } from "../flow/returns.ts";
import { type Successors, successors } from "../flow/successors.ts";
import {
  KIND_CALL,
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_INDIRECT_CALL,
  KIND_NOP,
  KIND_RETURN,
} from "../isa/insn-table.ts";
import type { NameTable } from "./name-table.ts";
import {
  END_INDIRECT_BRANCH,
  END_RETURN,
  END_UNKNOWN,
  END_UNTRAINING,
  type FunctionNode,
  type WalkNode,
} from "./object-facts.ts";

// Graphs over the functions of an object whose answers depend on other functions. Only what others can ask about is kept: functions that they can
// name, and what those depend on.

interface Draft {
  readonly names: Set<number>;
  /** Drafts of this object, by their keys. */
  readonly inside: Set<number>;
  ends: number;
}

/** Functions without a return of their own, with what they leave to: whether those return decides. */
export function readReturns(flow: Flow, symbolRow: ReadonlyMap<number, number>, names: NameTable): FunctionNode[] {
  const { table } = flow.functions;
  const leaving = findLeaving(flow);
  const returns = leaving.returns.slice();
  const inside: Leaving["edges"] = leaving.edges.filter((edge) => isInside(flow, edge));
  spreadReturns(returns, inside);
  const drafts = new Map<number, Draft>();
  for (let f = 0; f < table.length; f++)
    if (table.parent[f] === f && returns[f] === 0) drafts.set(f, { names: new Set(), inside: new Set(), ends: 0 });
  for (const edge of leaving.edges) {
    const draft = drafts.get(edge.from);
    if (draft === undefined) continue;
    if (isInside(flow, edge)) draft.inside.add(edge.to);
    else draft.names.add(names.row(flow.code.object.symbolName[edge.symbol] as string));
  }
  const familyOf = (symbol: number): number => {
    const f = functionOfSymbol(flow, symbol);
    return f === NONE ? NONE : (table.parent[f] as number);
  };
  return finishNodes(drafts, symbolRow, familyOf).map(([symbols, to, nodes]) => [symbols, to, nodes]);
}

/** Nothing that is linked to the object can change what it leaves to. */
function isInside(flow: Flow, edge: { readonly to: number; readonly symbol: number }): boolean {
  return edge.to !== NONE && flow.code.object.symbols.binding[edge.symbol] === STB_LOCAL;
}

/** Steps that all walks of an object may take together, in instructions of the object: overlapping functions share code. */
const WALK_BUDGET = 8;

/**
 * Functions and named code on whose ways something else than a return comes first: an indirect branch, the untraining, or a call, which decides
 * then. Drafts are kept by their first instruction, since entry code that is called is no function.
 */
export function readWalks(flow: Flow, symbolRow: ReadonlyMap<number, number>, names: NameTable): WalkNode[] {
  const walker = new Walker(flow, names);
  const drafts = new Map<number, Draft>();
  const returns = new Uint8Array(flow.kind.length);
  const work = [...new Set([...symbolRow.keys()].map((symbol) => entryOf(flow, symbol)))];
  const queued = new Set(work);
  for (let first = work.pop(); first !== undefined; first = work.pop()) {
    if (first === NONE) continue;
    const draft = walker.walk(first);
    if ((draft.ends & END_RETURN) !== 0) returns[first] = 1;
    else drafts.set(first, draft);
    for (const to of draft.inside) {
      if (!queued.has(to)) work.push(to);
      queued.add(to);
    }
  }
  const edges: { from: number; to: number }[] = [];
  for (const [from, draft] of drafts) for (const to of draft.inside) edges.push({ from, to });
  spreadReturns(returns, edges);
  for (const first of [...drafts.keys()]) if (returns[first] === 1) drafts.delete(first);
  return finishNodes(drafts, symbolRow, (symbol) => entryOf(flow, symbol));
}

/** First instruction of the code that a symbol names, or NONE. */
function entryOf({ code }: Flow, symbol: number): number {
  const { symbols } = code.object;
  return insnAt(code, symbols.section[symbol] as number, symbols.value[symbol] as number);
}

class Walker {
  readonly #flow: Flow;
  readonly #names: NameTable;
  readonly #next: Successors;
  /** insn -> the walk that has been there last */
  readonly #seen: Int32Array;
  #walk = 0;
  #budget: number;

  constructor(flow: Flow, names: NameTable) {
    const { kind } = flow;
    this.#flow = flow;
    this.#names = names;
    // What a call is followed by does not matter: the walk ends in it.
    this.#next = successors(flow, {
      deadCall: new BitSet(kind.length),
      neverReturns: new Uint8Array(flow.functions.table.length),
      assumed: new Set(),
    });
    this.#seen = new Int32Array(kind.length);
    this.#budget = WALK_BUDGET * kind.length + 1000;
  }

  walk(first: number): Draft {
    const { kind, marks, instead, functions, next } = this.#flow;
    const { edges } = instead;
    const draft: Draft = { names: new Set(), inside: new Set(), ends: 0 };
    const walk = ++this.#walk;
    const work = [first];
    for (let insn = work.pop(); insn !== undefined; insn = work.pop()) {
      if (this.#seen[insn] === walk) continue;
      this.#seen[insn] = walk;
      if (--this.#budget < 0) {
        draft.ends |= END_UNKNOWN;
        break;
      }
      const bits = marks.bits[insn] as number;
      if ((bits & MARK_INSTEAD) !== 0) {
        for (let e = lowerBound(edges.from, insn, 0, edges.length); e < edges.length && edges.from[e] === insn; e++)
          work.push(edges.to[e] as number);
        if (instead.skipped.has(insn)) continue;
      }
      switch (kind[insn]) {
        case KIND_RETURN:
          // Nothing that is found on another way outweighs it.
          draft.ends |= END_RETURN;
          return draft;
        case KIND_INDIRECT_CALL:
        case KIND_INDIRECT_TAIL:
        case KIND_TABLE_JUMP:
          draft.ends |= END_INDIRECT_BRANCH;
          continue;
        case KIND_NOP:
          // include/asm/nospec-branch.h, VALIDATE_UNRET_END
          if ((bits & MARK_RETPOLINE_SAFE) !== 0) {
            draft.ends |= END_UNTRAINING;
            continue;
          }
          break;
        case KIND_CALL:
        case KIND_TAIL_CALL:
          this.#leave(draft, insn);
          continue;
        case KIND_CONDITIONAL_TAIL:
          this.#leave(draft, insn);
          break;
        case KIND_CONTEXT_CALL:
        case KIND_CONTEXT_RETURN:
          // Inside a function it comes back behind itself.
          if (functions.ofInsn[insn] !== NONE && next.of(insn) !== NONE) work.push(next.of(insn));
          continue;
      }
      const count = this.#next.of(insn);
      for (let n = 0; n < count; n++) work.push(this.#next.to[n] as number);
    }
    return draft;
  }

  #leave(draft: Draft, insn: number): void {
    const { symbol, code } = this.#flow;
    const s = symbol.at(insn);
    if (s === NONE) draft.ends |= END_UNKNOWN;
    else if (code.object.symbols.binding[s] !== STB_LOCAL)
      draft.names.add(this.#names.row(code.object.symbolName[s] as string));
    else {
      const to = entryOf(this.#flow, s);
      if (to === NONE) draft.ends |= END_UNKNOWN;
      else draft.inside.add(to);
    }
  }
}

/** Keeps what a symbol that others can name depends on, and numbers it. */
function finishNodes(
  drafts: ReadonlyMap<number, Draft>,
  symbolRow: ReadonlyMap<number, number>,
  draftOf: (symbol: number) => number,
): WalkNode[] {
  const entered = new Map<number, number[]>();
  for (const [symbol, row] of symbolRow) {
    const key = draftOf(symbol);
    if (!drafts.has(key)) continue;
    const list = entered.get(key);
    if (list === undefined) entered.set(key, [row]);
    else list.push(row);
  }
  const order = [...entered.keys()];
  const number = new Map(order.map((key, i) => [key, i]));
  for (let at = 0; at < order.length; at++) {
    for (const to of (drafts.get(order[at] as number) as Draft).inside) {
      if (number.has(to) || !drafts.has(to)) continue;
      number.set(to, order.length);
      order.push(to);
    }
  }
  return order.map((key) => {
    const draft = drafts.get(key) as Draft;
    const nodes = [...draft.inside].flatMap((to) => number.get(to) ?? []);
    return [entered.get(key) ?? [], [...draft.names], nodes, draft.ends];
  });
}
