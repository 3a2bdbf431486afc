import type { TreeFacts } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { NONE } from "../../src/base/table.ts";
import { openObject } from "../../src/elf/object.ts";
import { buildCode, type Code } from "../../src/flow/code.ts";
import { buildFlow, type Flow } from "../../src/flow/flow.ts";
import { buildFunctions } from "../../src/flow/functions.ts";
import type { Outside } from "../../src/flow/outside.ts";
import { type Returns, solveReturns } from "../../src/flow/returns.ts";
import { successors } from "../../src/flow/successors.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { type Frames, simulateFrames } from "../../src/unwind/simulate.ts";
import { describeState } from "../../src/unwind/state.ts";

/** What the engine knows of every instruction of one object. */
export interface Stages {
  readonly code: Code;
  readonly flow: Flow;
  readonly returns: Returns;
  readonly frames: Frames;
  /** The frame before an instruction in words, "" where nothing leads there. */
  frame(insn: number): string;
  /** Where control goes behind an instruction. */
  after(insn: number): readonly number[];
}

export function buildStages(bytes: Uint8Array, facts: TreeFacts, outside: Outside): Stages {
  const code = buildCode(openObject(bytesSource(bytes)), x86_64);
  const flow = buildFlow(code, buildFunctions(code), facts.formats);
  const returns = solveReturns(flow, (symbol) => (facts.noreturn.has(symbol) ? true : outside.neverReturns(symbol)));
  const frames = simulateFrames(flow, returns);
  const next = successors(flow, returns);
  const words = new Map<number, string>();
  return {
    code,
    flow,
    returns,
    frames,
    frame(insn) {
      const id = frames.state[insn] as number;
      if (id === NONE) return "";
      let text = words.get(id);
      if (text === undefined) {
        text = describeState(code.arch, frames.states.all[id]!);
        words.set(id, text);
      }
      return text;
    },
    after: (insn) => next.to.slice(0, next.of(insn)),
  };
}
