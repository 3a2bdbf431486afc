// The control-flow graph around a finding as inline SVG. One column, read from the top: the blocks on the way to the finding, with
// the state that each is entered with. So the way is in view at once on any screen, without a script. Edges of the way that do not
// lead to the next block run in lanes at the left; what lies beside the way stands at the right, one line each. Colours come from the
// page by class: "path" for the way to the finding, "other" for the other way of a two-sided one, "site" for the block it is in.

import { type Lane, placeInLanes } from "./lanes.ts";
import { escapeHtml } from "./markup.ts";
import type { ReviewGraph } from "./result.ts";
import { safeText } from "./safe.ts";
import { offsetWords } from "./steps.ts";
import { clip, clipStart, padLeft, plural, textWidth } from "./wrap.ts";

type Block = ReviewGraph["blocks"][number];
type Edge = ReviewGraph["edges"][number];
type Row = Block["instructions"][number];

/** Blocks and edges that are drawn of a graph that was not cut to size where it was made. */
const MAX_COLUMN = 60;
const MAX_EDGES = 400;
const MAX_STUBS_OF_ONE = 4;
const MAX_ROWS = 14;

// Units are CSS pixels at full size. A monospace character is at most 0.61 of its size wide.
const CHAR = 7.35;
const LINE = 16;
const PAD_X = 10;
const PAD_Y = 7;
const GAP = 24;
const LANE = 11;
const STUB_CHAR = 6.75;
const STUB_LINE = 19;
/** Characters of a line in a block: with the lanes as wide as a phone. */
const BLOCK_WIDTH = 46;
const STUB_WIDTH = 33;
const MAX_LANES = 5;

const KIND_WORDS: Readonly<Record<Edge["kind"], string>> = {
  fall: "",
  jump: "",
  branch: "branch",
  table: "jump table",
  alternative: "alternative",
  fixup: "faults",
  "jump-label": "jump label",
};

function isInColumn(block: Block): boolean {
  return block.onPath || block.onOtherPath === true || block.isSite || (block.foldedBlocks ?? 0) > 0;
}

/** The blocks of the column: all of the way, or of a way beyond all measure its site, its beginning and its end. */
function columnOf(graph: ReviewGraph): Block[] {
  const unique = [...new Map(graph.blocks.map((block) => [block.id, block])).values()];
  const column = unique.filter(isInColumn);
  if (column.length === 0) return unique.slice(0, 1);
  if (column.length <= MAX_COLUMN) return column;
  const kept = new Set([
    ...column.filter((block) => block.isSite).slice(0, 4),
    ...column.slice(0, MAX_COLUMN / 2),
    ...column.slice(-MAX_COLUMN / 2 + 4),
  ]);
  return column.filter((block) => kept.has(block));
}

/** Number of blocks of the function that the drawing does not show. */
export function blocksLeftOut(graph: ReviewGraph): number {
  const column = columnOf(graph);
  const inColumn = new Set(column.map((block) => block.id));
  const beside = new Set(stubEdges(graph, inColumn).map(({ stub }) => stub.id));
  return graph.omittedBlocks + new Set(graph.blocks.map((block) => block.id)).size - inColumn.size - beside.size;
}

/** The graph shows two ways to one place. */
export function isTwoSided(graph: ReviewGraph): boolean {
  return graph.blocks.some((block) => block.onOtherPath === true);
}

interface TextLine {
  readonly text: string;
  readonly kind: "state" | "other-state" | "code" | "gap" | "here";
}

function stateLines(block: Block): TextLine[] {
  const state = (text: string) => safeText(text, { max: 60 });
  const out = block.stateOut === undefined || block.stateOut === "" ? "" : ` -> ${state(block.stateOut)}`;
  const head = block.stateIn === "" && out === "" ? "" : `${state(block.stateIn)}${out}`;
  const isTold = block.otherStateIn !== undefined && block.otherStateIn !== "";
  const lines: TextLine[] = head === "" ? [] : [{ text: isTold ? `${head} by one way` : head, kind: "state" }];
  if (isTold) lines.push({ text: `${state(block.otherStateIn ?? "")} by the other way`, kind: "other-state" });
  return lines;
}

function codeLines(block: Block, siteOffset: number | undefined): TextLine[] {
  const half = MAX_ROWS / 2;
  const all = block.instructions;
  const rows = all.length <= MAX_ROWS ? all : [...all.slice(0, half), ...all.slice(-half)];
  const offsetWidth = Math.max(1, ...rows.map((row) => offsetWords(row).length));
  const lineWidth = Math.max(0, ...rows.map((row) => (row.line > 0 ? String(row.line).length : 0)));
  const indent = " ".repeat(lineWidth === 0 ? 0 : lineWidth + 2);
  const lines: TextLine[] = [];
  let told = 0;
  const gap = (count: number) => {
    told += count;
    if (count > 0) lines.push({ text: `${indent}${padLeft("...", offsetWidth)}  ${count} more`, kind: "gap" });
  };
  rows.forEach((row, i) => {
    gap((row.skipped ?? 0) + (i === half && all.length > MAX_ROWS ? all.length - MAX_ROWS : 0));
    const state = row.state === undefined ? "" : `  ${safeText(row.state, { max: 40 })}`;
    const isHere = block.isSite && row.offset === siteOffset;
    const line = lineWidth === 0 ? "" : `${padLeft(row.line > 0 ? String(row.line) : "", lineWidth)}  `;
    const text = `${line}${padLeft(offsetWords(row), offsetWidth)}  `;
    const room = BLOCK_WIDTH - textWidth(text) - (isHere ? 5 : 0) - textWidth(state);
    const code = `${text}${clip(codeWords(row), Math.max(8, room))}${state}`;
    lines.push({ text: isHere ? `${code}  <--` : code, kind: isHere ? "here" : "code" });
  });
  gap(Math.max(0, block.omittedInstructions - told));
  return lines;
}

function codeWords(row: Row): string {
  return safeText(row.asm.replaceAll(/\s+/g, " "), { max: 80 });
}

function blockLines(block: Block, siteOffset: number | undefined): TextLine[] {
  const folded = block.foldedBlocks ?? 0;
  if (folded > 0) {
    const changes = block.stateOut !== undefined && block.stateOut !== block.stateIn;
    const words = `${plural(folded, "block")}${changes ? "" : " without a change of state"}`;
    return [...stateLines(block), { text: words, kind: "gap" }];
  }
  const lines = [...stateLines(block), ...codeLines(block, siteOffset)];
  return lines.length > 0 ? lines : [{ text: block.start.toString(16), kind: "code" }];
}

/** Edges between the column and what lies beside it. */
function stubEdges(graph: ReviewGraph, inColumn: ReadonlySet<number>): { edge: Edge; own: number; stub: Block }[] {
  const byId = new Map(graph.blocks.map((block) => [block.id, block]));
  const count = new Map<number, number>();
  return graph.edges.flatMap((edge) => {
    const leaves = inColumn.has(edge.from);
    if (leaves === inColumn.has(edge.to)) return [];
    const own = leaves ? edge.from : edge.to;
    const stub = byId.get(leaves ? edge.to : edge.from);
    const taken = count.get(own) ?? 0;
    if (stub === undefined || taken >= MAX_STUBS_OF_ONE) return [];
    count.set(own, taken + 1);
    return [{ edge, own, stub }];
  });
}

/** Where the way could have gone: how it begins there. What leads to the way: how it ends. */
function stubRow(stub: Block, leaves: boolean): Row | undefined {
  return stub.instructions[leaves ? 0 : stub.instructions.length - 1];
}

interface Box {
  readonly block: Block;
  readonly lines: readonly TextLine[];
  readonly stubs: readonly { readonly edge: Edge; readonly stub: Block }[];
  readonly top: number;
  readonly height: number;
}

function wayClass(of: { readonly onPath: boolean; readonly onOtherPath?: boolean | undefined }): string {
  return `${of.onPath ? " path" : ""}${of.onOtherPath === true ? " other" : ""}`;
}

function textElement(x: number, y: number, text: string, kind: string): string {
  // Spaces that hold columns together must survive.
  return `<text x="${x}" y="${y}"${kind === "" ? "" : ` class="${kind}"`}>${escapeHtml(text).replaceAll(" ", "\u00a0")}</text>`;
}

function arrow(x: number, y: number, direction: "down" | "left" | "right"): string {
  const points =
    direction === "down"
      ? [x - 4, y - 7, x + 4, y - 7, x, y]
      : direction === "right"
        ? [x - 7, y - 4, x - 7, y + 4, x, y]
        : [x + 7, y - 4, x + 7, y + 4, x, y];
  return `<polygon points="${points.join(" ")}"></polygon>`;
}

/** Draws one graph. */
class Drawing {
  readonly #graph: ReviewGraph;
  readonly #id: string;
  readonly #boxes: Box[] = [];
  readonly #rowOf = new Map<number, number>();
  readonly #left: Lane<Edge>[];
  readonly #right: Lane<Edge>[];
  readonly #spine: Edge[];
  readonly #x: number;
  readonly #columnWidth: number;
  readonly #parts: string[] = [];
  readonly #named = new Set<string>();
  #edges = 0;

  constructor(graph: ReviewGraph, id: string, siteOffset: number | undefined) {
    this.#graph = graph;
    this.#id = id;
    const column = columnOf(graph);
    column.forEach((block, row) => {
      this.#rowOf.set(block.id, row);
    });
    const beside = stubEdges(graph, new Set(this.#rowOf.keys()));
    let top = 1;
    for (const block of column) {
      const lines = blockLines(block, siteOffset).map((line) => ({ ...line, text: clip(line.text, BLOCK_WIDTH) }));
      const stubs = beside.filter(({ own }) => own === block.id);
      const height = Math.max(lines.length * LINE, stubs.length * STUB_LINE) + 2 * PAD_Y;
      this.#boxes.push({ block, lines, stubs, top, height });
      top += height + GAP;
    }
    const within = graph.edges
      .filter((edge) => this.#rowOf.has(edge.from) && this.#rowOf.has(edge.to))
      .sort((a, b) => Number(isOnWay(b)) - Number(isOnWay(a)))
      .slice(0, MAX_EDGES);
    const isNext = (edge: Edge) => this.#row(edge.to) === this.#row(edge.from) + 1;
    const next = new Map<number, Edge>();
    for (const edge of within) if (isNext(edge) && !next.has(edge.from)) next.set(edge.from, edge);
    this.#spine = [...next.values()];
    const far = within.filter((edge) => !isNext(edge));
    const span = (edge: Edge): [number, number] => [this.#row(edge.from), this.#row(edge.to)];
    this.#left = placeInLanes(far.filter(isOnWay), span, MAX_LANES);
    this.#right = placeInLanes(
      far.filter((edge) => !isOnWay(edge)),
      span,
      MAX_LANES,
    );
    const lanes = Math.max(0, ...this.#left.map(({ lane }) => lane + 1));
    this.#x = lanes === 0 ? 1 : 6 + lanes * LANE;
    const widest = Math.max(...this.#boxes.flatMap(({ lines }) => lines.map(({ text }) => textWidth(text))));
    this.#columnWidth = Math.ceil(Math.max(24, widest) * CHAR + 2 * PAD_X);
  }

  #row(id: number): number {
    return this.#rowOf.get(id) as number;
  }

  svg(label: string): string {
    for (const edge of this.#spine) this.#drawSpine(edge);
    for (const { item, lane } of this.#left) this.#drawLane(item, lane, "left");
    for (const { item, lane } of this.#right) this.#drawLane(item, lane, "right");
    this.#boxes.forEach((box) => {
      this.#drawStubs(box);
    });
    this.#boxes.forEach((box) => {
      this.#drawBox(box);
    });
    const last = this.#boxes[this.#boxes.length - 1] as Box;
    const hasStubs = this.#boxes.some(({ stubs }) => stubs.length > 0);
    const height = last.top + last.height + 1;
    const width = Math.ceil(hasStubs ? this.#stubX() + STUB_WIDTH * STUB_CHAR : this.#stubX() - 24);
    return `<svg role="img" aria-label="${escapeHtml(label)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${this.#parts.join("")}</svg>`;
  }

  /** Left end of the text of what lies beside the column. */
  #stubX(): number {
    const lanes = Math.max(0, ...this.#right.map(({ lane }) => lane + 1));
    return this.#x + this.#columnWidth + 8 + lanes * LANE + 26;
  }

  #edge(edge: Edge, ...parts: string[]): void {
    const name = `class="edge ${edge.kind}${wayClass(edge)}" id="${this.#id}-e${this.#edges++}"`;
    this.#parts.push(`<g ${name}>${parts.join("")}</g>`);
  }

  /** Of two ways, the first edge that only one of them takes says which it is. */
  #wayName(edge: Edge): string {
    if (!isTwoSided(this.#graph) || edge.onPath === (edge.onOtherPath === true)) return "";
    const name = edge.onPath ? "one way" : "the other way";
    if (this.#named.has(name)) return "";
    this.#named.add(name);
    return name;
  }

  #drawSpine(edge: Edge): void {
    const box = this.#boxes[this.#row(edge.from)] as Box;
    const x = this.#x + 26;
    const y = box.top + box.height;
    const words = [this.#wayName(edge), KIND_WORDS[edge.kind]].filter((part) => part !== "").join(", ");
    this.#edge(
      edge,
      `<path d="M${x} ${y}V${y + GAP - 6}"></path>`,
      arrow(x, y + GAP - 1, "down"),
      words === "" ? "" : textElement(x + 12, y + 16, words, "label"),
    );
  }

  #drawLane(edge: Edge, lane: number, side: "left" | "right"): void {
    const from = this.#boxes[this.#row(edge.from)] as Box;
    const to = this.#boxes[this.#row(edge.to)] as Box;
    const isLeft = side === "left";
    const start = isLeft ? this.#x : this.#x + this.#columnWidth;
    const x = isLeft ? start - 8 - (lane + 0.5) * LANE + 2 : start + 8 + (lane + 0.5) * LANE;
    const y = from.top + from.height - 6;
    const end = to.top + 8;
    const words = isLeft ? this.#wayName(edge) : "";
    this.#edge(
      edge,
      `<path d="M${start} ${y}H${x}V${end}H${isLeft ? start - 6 : start + 6}"></path>`,
      arrow(isLeft ? start - 1 : start + 1, end, isLeft ? "right" : "left"),
      words === "" ? "" : textElement(this.#x + this.#columnWidth / 2, to.top - 8, words, "label"),
    );
  }

  #drawStubs(box: Box): void {
    const start = this.#x + this.#columnWidth;
    const textX = this.#stubX();
    const rows = box.stubs.flatMap(({ edge, stub }) => stubRow(stub, edge.from === box.block.id) ?? []);
    const lineWidth = Math.max(0, ...rows.map(({ line }) => (line > 0 ? String(line).length : 0)));
    const offsetWidth = Math.max(0, ...rows.map((row) => offsetWords(row).length));
    box.stubs.forEach(({ edge, stub }, i) => {
      const y = box.top + PAD_Y + (i + 0.5) * STUB_LINE;
      const leaves = edge.from === box.block.id;
      this.#edge(
        edge,
        `<path d="M${leaves ? start : start + 6} ${y}H${leaves ? textX - 9 : textX - 4}"></path>`,
        leaves ? arrow(textX - 4, y, "right") : arrow(start + 1, y, "left"),
      );
      const row = stubRow(stub, leaves);
      const line =
        lineWidth === 0 ? "" : `${padLeft(row !== undefined && row.line > 0 ? String(row.line) : "", lineWidth)}  `;
      const words =
        row === undefined
          ? stub.start.toString(16)
          : clip(`${line}${padLeft(offsetWords(row), offsetWidth)}  ${codeWords(row)}`, STUB_WIDTH);
      const text = textElement(textX, y + 4, words, "");
      this.#parts.push(`<g class="node stub" id="${this.#id}-s${box.block.id}-${i}">${text}</g>`);
    });
  }

  #drawBox(box: Box): void {
    const { block, lines, top, height } = box;
    const kind = `${wayClass(block)}${block.isSite ? " site" : ""}${(block.foldedBlocks ?? 0) > 0 ? " fold" : ""}`;
    const text = lines.map((line, i) =>
      textElement(this.#x + PAD_X, top + PAD_Y + i * LINE + 12, line.text, line.kind),
    );
    this.#parts.push(
      `<g class="node block${kind}" id="${this.#id}-b${block.id}"><rect x="${this.#x}" y="${top}" width="${this.#columnWidth}" height="${height}" rx="4"></rect>${text.join("")}</g>`,
    );
  }
}

function isOnWay(edge: Edge): boolean {
  return edge.onPath || edge.onOtherPath === true;
}

/**
 * The graph as one <svg> element, or undefined for one without blocks. `siteOffset`: section offset in bytes of the instruction that
 * the finding is about. `id`: unique on the page, letters, digits and "-".
 */
export function paintGraph(graph: ReviewGraph, id: string, siteOffset: number | undefined): string | undefined {
  if (graph.blocks.length === 0) return undefined;
  return new Drawing(graph, id, siteOffset).svg(`Control-flow graph of ${clipStart(graph.function, 120)}`);
}
