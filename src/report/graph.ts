// A function's control-flow graph as inline SVG, laid out by Graphviz (@viz-js/viz, WebAssembly; no process, no network).
// Colours come from the page by class: "path" for what lies on the way to the finding, "site" for the block it is in.

import { type Edge, instance, type Node } from "@viz-js/viz";
import type { ReviewGraph } from "./result.ts";
import { safeText } from "./safe.ts";
import { clip } from "./wrap.ts";

/** Blocks and edges that are drawn; the layout's time grows faster than either. */
const MAX_BLOCKS = 150;
const MAX_EDGES = 400;
const MAX_INSTRUCTIONS = 14;
const ASM_WIDTH = 44;
const STATE_WIDTH = 52;

/** Draws graphs; made once per page, for the loading of Graphviz takes 25 ms. */
export interface GraphPainter {
  /**
   * The graph as one <svg> element, or undefined where Graphviz would not. `siteOffset`: section offset in bytes of the
   * instruction that the finding is about. `id`: unique on the page, letters, digits and "-".
   */
  readonly paint: (graph: ReviewGraph, id: string, siteOffset: number | undefined) => string | undefined;
}

/** Graphviz label text: its escapes (attribute type escString) and its entities are not for text from outside. */
function label(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("\\", "\\\\");
}

type Block = ReviewGraph["blocks"][number];

function blockLabel(block: Block, siteOffset: number | undefined): string {
  const all = block.instructions;
  const offsetWidth = Math.max(1, ...all.map((row) => row.offset.toString(16).length));
  const lineWidth = Math.max(0, ...all.map((row) => (row.line > 0 ? String(row.line).length : 0)));
  const lineOf = (row: Block["instructions"][number]) => {
    const line = lineWidth === 0 ? "" : `${(row.line > 0 ? String(row.line) : "").padStart(lineWidth)}  `;
    const here = block.isSite && row.offset === siteOffset ? "  <--" : "";
    const asm = clip(safeText(row.asm.replaceAll(/\s+/g, " "), { max: 80 }), ASM_WIDTH);
    return `${line}${row.offset.toString(16).padStart(offsetWidth)}  ${asm}${here}`;
  };
  const half = Math.floor(MAX_INSTRUCTIONS / 2);
  const isLong = all.length > MAX_INSTRUCTIONS;
  const left = block.omittedInstructions + (isLong ? all.length - 2 * half : 0);
  const rows = isLong
    ? [...all.slice(0, half).map(lineOf), `... ${left} more`, ...all.slice(-half).map(lineOf)]
    : [...all.map(lineOf), ...(left > 0 ? [`... ${left} more`] : [])];
  const state = clip(safeText(block.stateIn, { max: 120 }), STATE_WIDTH);
  const head = state === "" ? block.start.toString(16) : state;
  return [head, ...rows].map((line) => `${label(line)}\\l`).join("");
}

/** The blocks that matter most where not all can be drawn: site and path first, then in order. */
function chosenBlocks(graph: ReviewGraph): Block[] {
  const unique = [...new Map(graph.blocks.map((block) => [block.id, block])).values()];
  const rank = (block: Block) => (block.isSite ? 0 : block.onPath ? 1 : 2);
  const kept = [...unique].sort((a, b) => rank(a) - rank(b)).slice(0, MAX_BLOCKS);
  return kept.sort((a, b) => a.start - b.start || a.id - b.id);
}

const LABELLED: ReadonlySet<string> = new Set(["table", "alternative", "fixup", "jump-label"]);

/** Number of blocks of the function that the drawing leaves out. */
export function blocksLeftOut(graph: ReviewGraph): number {
  return graph.omittedBlocks + graph.blocks.length - chosenBlocks(graph).length;
}

/** Strips what is for a file of its own or for tooltips: prolog, comments, titles. */
function inlineSvg(svg: string, name: string): string | undefined {
  const start = svg.indexOf("<svg");
  if (start < 0) return undefined;
  return svg
    .slice(start)
    .replaceAll(/<!--[\s\S]*?-->\n?/g, "")
    .replaceAll(/<title>[\s\S]*?<\/title>\n?/g, "")
    .replace("<svg", `<svg role="img" aria-label="${name}"`)
    .trim();
}

/** Loads Graphviz. */
export async function loadGraphPainter(): Promise<GraphPainter> {
  const viz = await instance();
  const paint: GraphPainter["paint"] = (graph, id, siteOffset) => {
    const blocks = chosenBlocks(graph);
    if (blocks.length === 0) return undefined;
    const known = new Set(blocks.map((block) => block.id));
    // The order of nodes decides what stands left: the way to the finding comes first, for a narrow screen shows it.
    const ordered = [
      ...blocks.filter((block) => block.onPath || block.isSite),
      ...blocks.filter((block) => !block.onPath && !block.isSite),
    ];
    const nodes = ordered.map(
      (block): Node => ({
        name: `b${block.id}`,
        attributes: {
          label: blockLabel(block, siteOffset),
          id: `${id}-b${block.id}`,
          class: `block${block.onPath ? " path" : ""}${block.isSite ? " site" : ""}`,
        },
      }),
    );
    const edges = graph.edges
      .filter((edge) => known.has(edge.from) && known.has(edge.to))
      .sort((a, b) => Number(b.onPath) - Number(a.onPath))
      .slice(0, MAX_EDGES)
      .map(
        (edge, i): Edge => ({
          tail: `b${edge.from}`,
          head: `b${edge.to}`,
          attributes: {
            id: `${id}-e${i}`,
            class: `${edge.kind}${edge.onPath ? " path" : ""}`,
            ...(LABELLED.has(edge.kind) ? { label: ` ${edge.kind} `, style: "dashed" } : {}),
            ...(edge.onPath ? { weight: 4 } : {}),
          },
        }),
      );
    const drawing = viz.render(
      {
        name: "cfg",
        directed: true,
        graphAttributes: { id, bgcolor: "transparent", pad: 0.1, nodesep: 0.4, ranksep: 0.42, rankdir: "TB" },
        // Courier has metrics inside Graphviz; any other monospace name would give boxes that are too narrow.
        nodeAttributes: { shape: "box", fontname: "Courier", fontsize: 10, margin: "0.14,0.09" },
        edgeAttributes: { fontname: "Courier", fontsize: 9, arrowsize: 0.7 },
        nodes,
        edges,
      },
      { format: "svg", engine: "dot" },
    );
    if (drawing.status !== "success") return undefined;
    const plain = safeText(graph.function, { max: 120 }).replaceAll(/[^\w.$ -]/g, "?");
    return inlineSvg(drawing.output, `Control-flow graph of ${plain}`);
  };
  return { paint };
}
