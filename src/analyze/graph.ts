import { lowerBound, NONE } from "../base/table.ts";
import { INSTEAD_ALTERNATIVE, INSTEAD_FIXUP } from "../flow/instead.ts";
import { successors } from "../flow/successors.ts";
import { KIND_NOP, KIND_TRAP } from "../isa/insn-table.ts";
import type { SourcePlace } from "../rules/finding.ts";
import type { Report, RuleContext } from "../rules/rule.ts";
import { describeCfa, type FrameState } from "../unwind/state.ts";
import { edgeNote } from "./describe-way.ts";

// The control-flow graph of one function, as the page draws it: basic blocks, the ones on the bad path marked.

export interface GraphBlock {
  readonly id: number;
  readonly section: string;
  /** Section offsets in bytes. */
  readonly start: number;
  readonly end: number;
  readonly stateIn: string;
  readonly onPath: boolean;
  readonly isSite: boolean;
  readonly instructions: readonly { readonly offset: number; readonly size: number; readonly line: number }[];
  readonly omittedInstructions: number;
}

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: "fall" | "jump" | "branch" | "table" | "alternative" | "fixup" | "jump-label";
  readonly onPath: boolean;
}

export interface FunctionGraph {
  readonly function: string;
  readonly omittedBlocks: number;
  readonly blocks: readonly GraphBlock[];
  readonly edges: readonly GraphEdge[];
}

/** A drawing with more blocks is not read; the ones nearest to the path are kept. */
const MAX_BLOCKS = 60;
const MAX_INSNS = 10;

export function buildGraph(
  context: RuleContext,
  f: number,
  report: Report,
  placeOf: (insn: number) => SourcePlace | undefined,
): FunctionGraph | undefined {
  const { flow, frames } = context;
  const { code, functions } = flow;
  const family = functions.table.parent[f] as number;
  const onWay = new Set<number>([...(report.way?.insns ?? []), ...(report.otherWay?.insns ?? []), report.at]);
  const wayEdges = new Set<string>();
  for (const way of [report.way, report.otherWay]) {
    const insns = way?.insns ?? [];
    for (let n = 1; n < insns.length; n++) wayEdges.add(`${insns[n - 1]}>${insns[n]}`);
  }
  const rows: number[] = [];
  for (let i = 0; i < flow.kind.length; i++) {
    const g = functions.ofInsn[i] as number;
    const isOwn = g !== NONE && functions.table.parent[g] === family;
    if ((isOwn && (frames.state[i] !== NONE || !isPadding(flow.kind[i] as number))) || onWay.has(i)) rows.push(i);
  }
  const own = new Set(rows);
  const edges = collectEdges(context, rows, own);
  const leaders = findLeaders(rows, edges);
  const blockOf = new Map<number, number>();
  const blocks: number[][] = [];
  for (const i of rows) {
    if (leaders.has(i) || blocks.length === 0) blocks.push([]);
    (blocks[blocks.length - 1] as number[]).push(i);
    blockOf.set(i, blocks.length - 1);
  }
  const kept = nearest(blocks, edges, blockOf, onWay);
  const keptId = new Map([...kept].sort((a, b) => a - b).map((block, id) => [block, id]));
  return {
    function: code.object.symbolName[functions.table.symbol[f] as number] as string,
    omittedBlocks: blocks.length - kept.size,
    blocks: [...keptId].map(([block, id]) =>
      drawBlock(context, blocks[block] as number[], id, onWay, report.at, placeOf),
    ),
    edges: edges
      .filter((e) => blockOf.get(e.from) !== blockOf.get(e.to) || leaders.has(e.to))
      .filter((e) => isBlockEnd(blocks, blockOf, e.from) || e.kind !== "fall")
      .flatMap((e) => {
        const from = keptId.get(blockOf.get(e.from) as number);
        const to = keptId.get(blockOf.get(e.to) as number);
        if (from === undefined || to === undefined) return [];
        return [{ from, to, kind: e.kind, onPath: wayEdges.has(`${e.from}>${e.to}`) }];
      }),
  };
}

function isPadding(kind: number): boolean {
  return kind === KIND_NOP || kind === KIND_TRAP;
}

interface RowEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: GraphEdge["kind"];
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
        kind: note === "branch" ? "branch" : note === "jump table" ? "table" : to === flow.next[from] ? "fall" : "jump",
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

/** Blocks on the way, then their neighbours, ring by ring, up to the cap. */
function nearest(
  blocks: readonly number[][],
  edges: readonly RowEdge[],
  blockOf: ReadonlyMap<number, number>,
  onWay: ReadonlySet<number>,
): Set<number> {
  const kept = new Set<number>();
  blocks.forEach((block, b) => {
    if (kept.size < MAX_BLOCKS && block.some((i) => onWay.has(i))) kept.add(b);
  });
  if (kept.size === 0 && blocks.length > 0) kept.add(0);
  for (let grew = true; grew && kept.size < MAX_BLOCKS; ) {
    grew = false;
    const ring: number[] = [];
    for (const e of edges) {
      const a = blockOf.get(e.from) as number;
      const b = blockOf.get(e.to) as number;
      if (kept.has(a) && !kept.has(b)) ring.push(b);
      if (kept.has(b) && !kept.has(a)) ring.push(a);
    }
    for (const b of ring) {
      if (kept.size >= MAX_BLOCKS || kept.has(b)) continue;
      kept.add(b);
      grew = true;
    }
  }
  return kept;
}

function drawBlock(
  context: RuleContext,
  rows: readonly number[],
  id: number,
  onWay: ReadonlySet<number>,
  site: number,
  placeOf: (insn: number) => SourcePlace | undefined,
): GraphBlock {
  const { flow, frames } = context;
  const { insns, object } = flow.code;
  const first = rows[0] as number;
  const last = rows[rows.length - 1] as number;
  const stateId = frames.state[first] as number;
  // The site must be seen: a long block shows its beginning and what is around the site.
  const at = rows.indexOf(site);
  const from = at > MAX_INSNS - 2 ? at - (MAX_INSNS - 2) : 0;
  const shown = rows.slice(from, from + MAX_INSNS);
  return {
    id,
    section: object.sectionName[insns.section[first] as number] as string,
    start: insns.offset[first] as number,
    end: (insns.offset[last] as number) + (insns.size[last] as number),
    stateIn: stateId === NONE ? "not reached" : describeCfa(flow.code.arch, frames.states.all[stateId] as FrameState),
    onPath: rows.some((i) => onWay.has(i)),
    isSite: at >= 0,
    instructions: shown.map((i) => ({
      offset: insns.offset[i] as number,
      size: insns.size[i] as number,
      line: outermostLine(placeOf(i)),
    })),
    omittedInstructions: rows.length - shown.length,
  };
}

function outermostLine(place: SourcePlace | undefined): number {
  if (place === undefined) return 0;
  return place.inlineStack[place.inlineStack.length - 1]?.line ?? place.line;
}
