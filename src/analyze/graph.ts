import { KIND_NOP } from "../isa/insn-table.ts";
import { outerPlace, type SourcePlace } from "../rules/finding.ts";
import type { Report, RuleContext, Way } from "../rules/rule.ts";
import { type BasicBlocks, basicBlocks, type EdgeKind } from "./basic-blocks.ts";
import { originalOf, stateText, type ToldWays, waysOf } from "./describe-way.ts";

// The picture of a finding: the blocks on the way to it, one below the other, with the state that each is entered with, and what lies
// right beside them. A kernel function has hundreds of blocks; the others are counted.

export interface GraphBlock {
  readonly id: number;
  /** Section offsets in bytes, of the first instruction and behind the last. */
  readonly start: number;
  readonly end: number;
  /** State on entry; "" where it says nothing about the finding. */
  readonly stateIn: string;
  /** State behind the block, where the way changes it there. */
  readonly stateOut?: string;
  /** State on entry by the other way, where it differs. */
  readonly otherStateIn?: string;
  readonly onPath: boolean;
  /** On the other way to a two-sided finding. */
  readonly onOtherPath: boolean;
  readonly isSite: boolean;
  /** Above 0: stands for so many blocks of the way in which the state stays the same. */
  readonly foldedBlocks: number;
  readonly instructions: readonly GraphInstruction[];
  readonly omittedInstructions: number;
}

export interface GraphInstruction {
  readonly section: string;
  readonly offset: number;
  /** 0: not known */
  readonly line: number;
  /** Instructions of the block left out before this one. */
  readonly skipped?: number;
  /** For an instruction of a replacement: section offset in bytes of what it is patched over. */
  readonly insteadOf?: number;
  /** State behind it, where it changes the state. */
  readonly state?: string;
}

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  readonly onPath: boolean;
  readonly onOtherPath: boolean;
}

export interface FunctionGraph {
  readonly function: string;
  /** Blocks that are neither drawn nor stood for. */
  readonly omittedBlocks: number;
  /** In reading order: the ways, the place of the finding last, then the neighbours. */
  readonly blocks: readonly GraphBlock[];
  readonly edges: readonly GraphEdge[];
}

/** More blocks below each other are not in view at once: those that change nothing are folded, and where it is far more, the middle. */
const MAX_COLUMN = 7;
const MAX_STRETCH = 4;
const MIN_FOLD = 2;
const FAR_MORE = 2;
const MAX_NEIGHBOURS = 24;
const MAX_NEIGHBOURS_OF_ONE = 3;
const MAX_INSNS = 5;

export function buildGraph(
  context: RuleContext,
  f: number,
  report: Report,
  placeOf: (insn: number) => SourcePlace | undefined,
): FunctionGraph | undefined {
  const { code, functions } = context.flow;
  const ways = waysOf(context, report);
  const onWays = new Set([...(ways?.one.insns ?? []), ...(ways?.other?.insns ?? []), report.at]);
  const blocks = basicBlocks(context, f, onWays);
  if (blocks.rows.length === 0) return undefined;
  const column = new Column(context, blocks, report.at, ways);
  const nodes = column.nodes;
  const nodeOf = new Map<number, number>();
  nodes.forEach((node, id) => {
    for (const block of node.blocks) nodeOf.set(block, id);
  });
  const inColumn = new Set(nodeOf.keys());
  const beside = neighbours(blocks, nodes, inColumn);
  const shown: GraphBlock[] = nodes.map((node, id) => drawNode(context, column, node, id, report.at, placeOf));
  for (const block of beside) {
    nodeOf.set(block, shown.length);
    shown.push(drawNeighbour(context, blocks.rows[block] as number[], shown.length, placeOf));
  }
  return {
    function: code.object.symbolName[functions.table.symbol[f] as number] as string,
    omittedBlocks: blocks.rows.length - nodeOf.size,
    blocks: shown,
    edges: drawEdges(blocks, nodeOf, column, new Set(beside)),
  };
}

/** What stands in one box of the column. */
interface Node {
  readonly blocks: readonly number[];
  readonly one: boolean;
  readonly other: boolean;
  readonly folded: boolean;
}

/** The blocks of the ways in reading order: what both begin with, the one, the other, the place of the finding. */
class Column {
  readonly nodes: readonly Node[];
  readonly ways: ToldWays | undefined;
  readonly blocks: BasicBlocks;
  /** "from>to" of blocks */
  readonly onOne = new Set<string>();
  readonly onOther = new Set<string>();
  /** block -> position in the way, of its first instruction and behind its last */
  readonly #one: Map<number, [number, number]>;
  readonly #other: Map<number, [number, number]>;
  readonly #context: RuleContext;

  constructor(context: RuleContext, blocks: BasicBlocks, at: number, ways: ToldWays | undefined) {
    this.#context = context;
    this.blocks = blocks;
    this.ways = ways;
    this.#one = this.#visit(ways?.one, ways?.unreached === true ? undefined : this.onOne);
    this.#other = this.#visit(ways?.other, this.onOther);
    const site = blocks.blockOf.get(at) as number;
    const stretches: { blocks: number[]; one: boolean; other: boolean }[] = [
      { blocks: [], one: true, other: true },
      { blocks: [], one: true, other: false },
      { blocks: [], one: false, other: true },
    ];
    for (const block of this.#one.keys())
      if (block !== site) stretches[this.#other.has(block) ? 0 : 1]?.blocks.push(block);
    for (const block of this.#other.keys())
      if (block !== site && !this.#one.has(block)) stretches[2]?.blocks.push(block);
    const isTwo = ways?.other !== undefined;
    const nodes: Node[] = [];
    for (const stretch of stretches) {
      const flags = { one: stretch.one, other: stretch.other && isTwo };
      const room = isTwo ? MAX_STRETCH : MAX_COLUMN;
      for (const part of this.#fold(this.#merge(stretch.blocks), room)) nodes.push({ ...part, ...flags });
    }
    nodes.push({ blocks: [site], one: this.#one.has(site), other: this.#other.has(site), folded: false });
    this.nodes = nodes;
  }

  /** State before a block on a way, behind it when `behind`; "" where it is on neither. */
  state(block: number, way: "one" | "other", behind = false): string {
    const told = way === "one" ? this.ways?.one : this.ways?.other;
    const index = (way === "one" ? this.#one : this.#other).get(block)?.[behind ? 1 : 0];
    if (told === undefined || index === undefined) return "";
    return stateText(this.#context, told, Math.min(index, told.insns.length - 1));
  }

  changes(block: number): boolean {
    const way = this.#one.has(block) ? "one" : "other";
    return this.state(block, way) !== this.state(block, way, true);
  }

  #visit(way: Way | undefined, edges: Set<string> | undefined): Map<number, [number, number]> {
    const seen = new Map<number, [number, number]>();
    let previous = -1;
    way?.insns.forEach((insn, n) => {
      const block = this.blocks.blockOf.get(insn) as number;
      if (block !== previous) {
        if (previous >= 0) edges?.add(`${previous}>${block}`);
        seen.set(block, [n, n + 1]);
      } else (seen.get(block) as [number, number])[1] = n + 1;
      previous = block;
    });
    return seen;
  }

  /** State behind an instruction of a drawn block where it changes it; undefined elsewhere. */
  changeAt(insn: number): string | undefined {
    for (const way of [this.ways?.one, this.ways?.other]) {
      const n = way?.insns.lastIndexOf(insn) ?? -1;
      if (way === undefined || n < 0 || n + 1 >= way.insns.length) continue;
      const after = stateText(this.#context, way, n + 1);
      return after === stateText(this.#context, way, n) ? undefined : after;
    }
    return undefined;
  }

  /** The way leaves the block for an alternative before anything of it is executed. */
  isReplaced(block: number): boolean {
    const rows = this.blocks.rows[block] as readonly number[];
    return (
      rows.length === 1 &&
      this.blocks.edges.some(
        (e) =>
          e.from === block &&
          e.kind === "alternative" &&
          [this.onOne, this.onOther].some((on) => on.has(`${e.from}>${e.to}`)),
      )
    );
  }

  /** Blocks that only lead to each other are one, and what an alternative is patched over is one with the alternative. */
  #merge(blocks: readonly number[]): number[][] {
    const groups: number[][] = [];
    for (const block of blocks) {
      const group = groups[groups.length - 1];
      const last = group?.[group.length - 1];
      // Every edge out of the one is an edge into the other, and there is one.
      const isChain =
        last !== undefined &&
        (this.isReplaced(last) ||
          (this.blocks.edges.some((e) => e.from === last) &&
            this.blocks.edges.every((e) => (e.from === last) === (e.to === block))));
      if (isChain) group?.push(block);
      else groups.push([block]);
    }
    return groups;
  }

  /** Folds runs in which the state stays the same, and the middle of what is still far too long. */
  #fold(groups: readonly number[][], room: number): { blocks: number[]; folded: boolean }[] {
    const parts = groups.map((blocks) => ({ blocks, folded: false }));
    if (parts.length <= room) return parts;
    const changes = (n: number) => (parts[n]?.blocks ?? []).some((block) => this.changes(block));
    // What leads to a change, and to the place itself, is kept.
    const isDull = (n: number) => n > 0 && n < parts.length - 1 && !changes(n) && !changes(n + 1);
    const result: { blocks: number[]; folded: boolean }[] = [];
    for (let n = 0; n < parts.length; ) {
      let end = n;
      while (isDull(end)) end++;
      if (end - n >= MIN_FOLD) {
        result.push({ blocks: parts.slice(n, end).flatMap((p) => p.blocks), folded: true });
        n = end;
      } else result.push(parts[n++] as { blocks: number[]; folded: boolean });
    }
    if (result.length <= FAR_MORE * room) return result;
    const head = Math.floor(room / 3) + 1;
    const tail = result.length - (FAR_MORE * room - head - 1);
    const middle = result.slice(head, tail).flatMap((p) => p.blocks);
    return [...result.slice(0, head), { blocks: middle, folded: true }, ...result.slice(tail)];
  }
}

/** Blocks right beside the column, those that the way could have gone to before those that lead into it. */
function neighbours(blocks: BasicBlocks, nodes: readonly Node[], inColumn: ReadonlySet<number>): number[] {
  const drawn = new Set(nodes.filter((node) => !node.folded).flatMap((node) => node.blocks));
  const beside = new Set<number>();
  const collect = (own: "from" | "to", far: "from" | "to") => {
    const count = new Map<number, number>();
    for (const e of blocks.edges) {
      if (!drawn.has(e[own]) || inColumn.has(e[far]) || beside.has(e[far])) continue;
      const taken = count.get(e[own]) ?? 0;
      if (taken >= MAX_NEIGHBOURS_OF_ONE || beside.size >= MAX_NEIGHBOURS) continue;
      count.set(e[own], taken + 1);
      beside.add(e[far]);
    }
  };
  collect("from", "to");
  collect("to", "from");
  return [...beside];
}

function drawEdges(
  blocks: BasicBlocks,
  nodeOf: ReadonlyMap<number, number>,
  column: Column,
  beside: ReadonlySet<number>,
): GraphEdge[] {
  const edges = new Map<string, GraphEdge>();
  const add = (from: number, to: number, kind: EdgeKind, onPath: boolean, onOtherPath: boolean) => {
    const key = `${from}>${to}>${onPath || onOtherPath ? "" : kind}`;
    const known = edges.get(key);
    edges.set(key, {
      from,
      to,
      kind: known?.kind ?? kind,
      onPath: onPath || known?.onPath === true,
      onOtherPath: onOtherPath || known?.onOtherPath === true,
    });
  };
  const kinds = new Map(blocks.edges.map((e) => [`${e.from}>${e.to}`, e.kind]));
  for (const [ways, isOne] of [
    [column.onOne, true],
    [column.onOther, false],
  ] as const) {
    for (const key of ways) {
      const [from, to] = key.split(">").map((block) => nodeOf.get(Number(block))) as [number, number];
      if (from !== to) add(from, to, kinds.get(key) ?? "fall", isOne, !isOne);
    }
  }
  for (const e of blocks.edges) {
    const from = nodeOf.get(e.from);
    const to = nodeOf.get(e.to);
    if (from === undefined || to === undefined || (beside.has(e.from) && beside.has(e.to))) continue;
    const key = `${e.from}>${e.to}`;
    const isFolded = column.nodes[from]?.folded === true || column.nodes[to]?.folded === true;
    if (isFolded || column.onOne.has(key) || column.onOther.has(key)) continue;
    const isInside = from === to && !(column.nodes[from]?.blocks[0] === e.to);
    if (!isInside) add(from, to, e.kind, false, false);
  }
  return [...edges.values()];
}

function drawNode(
  context: RuleContext,
  column: Column,
  node: Node,
  id: number,
  site: number,
  placeOf: (insn: number) => SourcePlace | undefined,
): GraphBlock {
  const first = node.blocks[0] as number;
  const last = node.blocks[node.blocks.length - 1] as number;
  const executed = node.blocks.filter((block, n) => n === node.blocks.length - 1 || !column.isReplaced(block));
  const rows = executed.flatMap((block) => column.blocks.rows[block] as number[]);
  const own = node.one ? "one" : "other";
  const isSite = rows.includes(site);
  const stateIn = column.state(first, own);
  const stateOut = column.state(last, own, true);
  const otherStateIn = node.one && node.other ? column.state(first, "other") : "";
  const { insns } = context.flow.code;
  const ends = rows[rows.length - 1] as number;
  return {
    id,
    start: insns.offset[rows[0] as number] as number,
    end: (insns.offset[ends] as number) + (insns.size[ends] as number),
    stateIn: column.ways?.unreached === true && isSite ? "not reached" : stateIn,
    ...(stateOut === stateIn || isSite || stateOut === "" ? {} : { stateOut }),
    ...(otherStateIn === stateIn || otherStateIn === "" ? {} : { otherStateIn }),
    onPath: node.one,
    onOtherPath: node.other,
    isSite,
    foldedBlocks: node.folded ? node.blocks.length : 0,
    ...listing(context, node.folded ? [] : rows, telling(context, column, rows, site), placeOf, column),
  };
}

/** Of a long block: where the finding is, where it ends, what changes the state, where it begins. Padding last. */
function telling(context: RuleContext, column: Column, rows: readonly number[], site: number): Set<number> {
  const { kind } = context.flow;
  const at = rows.indexOf(site);
  const changes = rows.flatMap((insn, n) => (column.changeAt(insn) === undefined ? [] : [n]));
  const rest = rows.map((_, n) => n).filter((n) => kind[rows[n] as number] !== KIND_NOP);
  const wanted = [...(at >= 0 ? [at] : []), rows.length - 1, ...changes.slice(-2), 0, ...changes.slice(0, -2), ...rest];
  return new Set([...new Set(wanted)].slice(0, MAX_INSNS).map((n) => rows[n] as number));
}

function drawNeighbour(
  context: RuleContext,
  rows: readonly number[],
  id: number,
  placeOf: (insn: number) => SourcePlace | undefined,
): GraphBlock {
  const { insns } = context.flow.code;
  const last = rows[rows.length - 1] as number;
  return {
    id,
    start: insns.offset[rows[0] as number] as number,
    end: (insns.offset[last] as number) + (insns.size[last] as number),
    stateIn: "",
    onPath: false,
    onOtherPath: false,
    isSite: false,
    foldedBlocks: 0,
    ...listing(context, rows, new Set([rows[0] as number, last]), placeOf),
  };
}

function listing(
  context: RuleContext,
  rows: readonly number[],
  wanted: ReadonlySet<number>,
  placeOf: (insn: number) => SourcePlace | undefined,
  column?: Column,
): { instructions: GraphInstruction[]; omittedInstructions: number } {
  const { flow } = context;
  const { insns, object } = flow.code;
  const instructions: GraphInstruction[] = [];
  let skipped = 0;
  for (const i of rows) {
    if (!wanted.has(i)) {
      skipped++;
      continue;
    }
    const place = placeOf(i);
    const insteadOf = originalOf(flow, i);
    const state = column?.changeAt(i);
    instructions.push({
      section: object.sectionName[insns.section[i] as number] as string,
      offset: insns.offset[i] as number,
      line: place === undefined ? 0 : outerPlace(place).line,
      ...(skipped === 0 ? {} : { skipped }),
      ...(insteadOf === undefined ? {} : { insteadOf }),
      ...(state === undefined ? {} : { state }),
    });
    skipped = 0;
  }
  return { instructions, omittedInstructions: rows.length - instructions.length };
}
