import type { ObjectAnalysis, ObjectFinding } from "../analyze/analyze-object.ts";
import type { Tree } from "../kernel/tree.ts";
import { type Disassembler, openDisassembler } from "../report/excerpt.ts";
import type { ReviewFrameTable, ReviewGraph, ReviewStep } from "../report/result.ts";
import { outerPlace, type PathStep } from "../rules/finding.ts";

/** Adds what people read beside the bare facts: disassembly and source text. One per side. */
export class Decorator {
  readonly #tree: Tree;
  readonly #lines = new Map<string, string[] | undefined>();
  readonly #disassemblers = new Map<number, Disassembler | undefined>();

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  async steps(steps: readonly PathStep[], analysis: ObjectAnalysis, commit: string): Promise<ReviewStep[]> {
    const disassembler = await this.#open(analysis.machine);
    const result: ReviewStep[] = [];
    for (const step of steps) {
      const code = step.place === undefined ? undefined : await this.#line(commit, outerPlace(step.place));
      result.push({
        section: step.section,
        offset: step.offset,
        size: step.size,
        note: step.note,
        state: step.state,
        ...(step.folded === undefined ? {} : { folded: step.folded }),
        ...(step.skipped === undefined ? {} : { skipped: step.skipped }),
        ...(step.insteadOf === undefined ? {} : { insteadOf: step.insteadOf }),
        asm: printInsn(analysis, disassembler, step.section, step.offset),
        ...(step.place === undefined ? {} : { place: copyPlace(step.place) }),
        ...(code === undefined ? {} : { code }),
      });
    }
    return result;
  }

  async graph(
    id: string,
    object: string,
    finding: ObjectFinding,
    analysis: ObjectAnalysis,
  ): Promise<ReviewGraph | undefined> {
    const graph = finding.graph();
    if (graph === undefined) return undefined;
    const disassembler = await this.#open(analysis.machine);
    return {
      id,
      object,
      function: graph.function,
      omittedBlocks: graph.omittedBlocks,
      blocks: graph.blocks.map((block) => ({
        ...block,
        instructions: block.instructions.map(({ section, ...row }) => ({
          ...row,
          asm: printInsn(analysis, disassembler, section, row.offset),
        })),
      })),
      edges: graph.edges.map((edge) => ({ ...edge })),
    };
  }

  async frames(
    id: string,
    object: string,
    finding: ObjectFinding,
    analysis: ObjectAnalysis,
  ): Promise<ReviewFrameTable | undefined> {
    const excerpt = finding.frames();
    if (excerpt === undefined) return undefined;
    const disassembler = await this.#open(analysis.machine);
    const { section } = excerpt;
    return {
      ...excerpt,
      id,
      object,
      witnesses: [...excerpt.witnesses],
      rows: excerpt.rows.map(({ insn, says, ...row }) => ({
        ...row,
        asm: insn === undefined ? "" : printInsn(analysis, disassembler, section, insn),
        says: says.map(({ frame, wrong }) => ({ frame, wrong: [...wrong] })),
      })),
    };
  }

  close(): void {
    for (const disassembler of this.#disassemblers.values()) disassembler?.close();
  }

  async #open(machine: number): Promise<Disassembler | undefined> {
    if (!this.#disassemblers.has(machine)) this.#disassemblers.set(machine, await openDisassembler(machine));
    return this.#disassemblers.get(machine);
  }

  async #line(commit: string, at: { file: string; line: number }): Promise<string | undefined> {
    const key = `${commit}:${at.file}`;
    if (!this.#lines.has(key)) {
      const bytes = at.file.startsWith("/") ? undefined : await this.#tree.readFile(commit, at.file);
      this.#lines.set(key, bytes === undefined ? undefined : new TextDecoder().decode(bytes).split("\n"));
    }
    return this.#lines.get(key)?.[at.line - 1]?.trim();
  }
}

/** Bytes; of x86 15 (Intel SDM volume 2, 2.3.11), of arm64 4. */
const LONGEST_INSTRUCTION = 16;

/** Disassembly of one instruction of an analysed object; "" where none can be had. */
export function printInsn(
  analysis: Pick<ObjectAnalysis, "codeBytes" | "symbolAt">,
  disassembler: Disassembler | undefined,
  section: string,
  offset: number,
): string {
  const bytes = analysis.codeBytes(section, offset, offset + LONGEST_INSTRUCTION);
  if (bytes === undefined || disassembler === undefined) return "";
  return disassembler.print(bytes, offset, analysis.symbolAt(section, offset));
}

export function copyPlace(place: NonNullable<PathStep["place"]>): NonNullable<ReviewStep["place"]> {
  return { file: place.file, line: place.line, inlineStack: place.inlineStack.map((frame) => ({ ...frame })) };
}
