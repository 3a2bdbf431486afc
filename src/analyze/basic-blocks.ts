import { lowerBound, NONE } from "../base/table.ts";
import { INSTEAD_ALTERNATIVE, INSTEAD_FIXUP } from "../flow/instead.ts";
import { successors } from "../flow/successors.ts";
import { KIND_NOP, KIND_TRAP } from "../isa/insn-table.ts";
import type { RuleContext } from "../rules/rule.ts";
import { edgeNote } from "./describe-way.ts";

// Instructions of one function cut into basic blocks, with the edges between them.

export type EdgeKind = "fall" | "jump" | "branch" | "table" | "alternative" | "fixup" | "jump-label";

export interface BlockEdge {
  /** -> block */
  readonly from: number;
  /** -> block */
  readonly to: number;
  readonly kind: EdgeKind;
}

export interface BasicBlocks {
  /** Instructions of each block, in order. */
  readonly rows: readonly (readonly number[])[];
  /** insn -> block */
  readonly blockOf: ReadonlyMap<number, number>;
  /** Without repetitions. */
  readonly edges: readonly BlockEdge[];
}

/** Basic blocks of function `f` with its parts, and of every instruction in `also`. */
export function basicBlocks(context: RuleContext, f: number, also: ReadonlySet<number>): BasicBlocks {
  const { flow, frames } = context;
  const { functions } = flow;
  const family = functions.table.parent[f] as number;
  const rows: number[] = [];
  for (let i = 0; i < flow.kind.length; i++) {
    const g = functions.ofInsn[i] as number;
    const isOwn = g !== NONE && functions.table.parent[g] === family;
    if ((isOwn && (frames.state[i] !== NONE || !isPadding(flow.kind[i] as number))) || also.has(i)) rows.push(i);
  }
  const edges = collectEdges(context, rows, new Set(rows));
  const leaders = findLeaders(rows, edges);
  const blockOf = new Map<number, number>();
  const blocks: number[][] = [];
  for (const i of rows) {
    if (leaders.has(i) || blocks.length === 0) blocks.push([]);
    (blocks[blocks.length - 1] as number[]).push(i);
    blockOf.set(i, blocks.length - 1);
  }
  const seen = new Set<string>();
  const between: BlockEdge[] = [];
  for (const e of edges) {
    if (e.kind === "fall" && !isBlockEnd(blocks, blockOf, e.from)) continue;
    const edge = { from: blockOf.get(e.from) as number, to: blockOf.get(e.to) as number, kind: e.kind };
    const key = `${edge.from}>${edge.to}>${edge.kind}`;
    if (!seen.has(key)) between.push(edge);
    seen.add(key);
  }
  return { rows: blocks, blockOf, edges: between };
}

function isPadding(kind: number): boolean {
  return kind === KIND_NOP || kind === KIND_TRAP;
}

interface RowEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
}

function collectEdges(context: RuleContext, rows: readonly number[], own: ReadonlySet<number>): RowEdge[] {
  const { flow, returns } = context;
  const after = successors(flow, returns);
  const { edges: instead } = flow.instead;
  const edges: RowEdge[] = [];
  for (const from of rows) {
    for (
      let e = lowerBound(instead.from, from, 0, instead.length);
      e < instead.length && instead.from[e] === from;
      e++
    ) {
      const to = instead.to[e] as number;
      const kind =
        instead.kind[e] === INSTEAD_FIXUP
          ? "fixup"
          : instead.kind[e] === INSTEAD_ALTERNATIVE
            ? "alternative"
            : "jump-label";
      if (own.has(to)) edges.push({ from, to, kind });
    }
    if (flow.instead.skipped.has(from)) continue;
    const count = after.of(from);
    for (const to of after.to.slice(0, count)) {
      if (!own.has(to)) continue;
      const note = edgeNote(flow, from, to);
      edges.push({
        from,
        to,
        kind:
          note === "branch" ? "branch" : note === "jump table" ? "table" : to === flow.next.of(from) ? "fall" : "jump",
      });
    }
  }
  return edges;
}

function findLeaders(rows: readonly number[], edges: readonly RowEdge[]): Set<number> {
  const leaders = new Set<number>();
  const out = new Map<number, number>();
  for (const e of edges) out.set(e.from, (out.get(e.from) ?? 0) + 1);
  for (const e of edges) {
    if (e.kind !== "fall") leaders.add(e.to);
    if (e.kind !== "fall" || (out.get(e.from) as number) > 1) leaders.add(e.from + 1);
    if (e.to !== e.from + 1) leaders.add(e.to);
  }
  for (let n = 0; n < rows.length; n++) {
    if (n === 0 || rows[n] !== (rows[n - 1] as number) + 1 || (out.get(rows[n - 1] as number) ?? 0) === 0)
      leaders.add(rows[n] as number);
  }
  return leaders;
}

function isBlockEnd(blocks: readonly number[][], blockOf: ReadonlyMap<number, number>, insn: number): boolean {
  const block = blocks[blockOf.get(insn) as number] as number[];
  return block[block.length - 1] === insn;
}
