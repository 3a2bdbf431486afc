import { NONE } from "../base/table.ts";
import { insnEnd } from "../flow/code.ts";
import { KIND_CALL, KIND_INDIRECT_CALL, KIND_NOP, KIND_OTHER } from "../isa/insn-table.ts";
import { BASE_LOST, describeState, type FrameState } from "../unwind/state.ts";
import { defineRule, type RuleContext } from "./rule.ts";
import { frameWay } from "./ways.ts";

export const alternativesDisagree = defineRule({
  id: "alternatives-disagree",
  summary: "Variants of run-time patched code have different stack frames at the same byte.",
  severity: "error",
  consequence:
    "there is one unwind row for a byte, whichever variant runs: a stack trace taken there is wrong on some machines",
  messages: { default: { text: "{function}(): alternatives have different stack frames at the same place" } },
  check(context, report) {
    const { flow, frames } = context;
    const { alternatives } = flow.instead;
    const { arch } = flow.code;
    const told = new Set<number>();
    const layouts = new Map<number, Map<number, FrameState>>();
    const originals = new Map<number, ReadonlyMap<number, FrameState>>();
    for (let a = 0; a < alternatives.length; a++) {
      const from = alternatives.from[a] as number;
      if (frames.state[from] === NONE) continue;
      let layout = layouts.get(from);
      if (layout === undefined) {
        layout = new Map();
        layouts.set(from, layout);
        if (!flow.instead.skipped.has(from)) note(context, layout, from, alternatives.to[a] as number, () => undefined);
        originals.set(from, new Map(layout));
      }
      const start = alternatives.replacement[a] as number;
      if (start === NONE || told.has(from)) continue;
      const end = alternatives.replacementEnd[a] as number;
      const conflict = (insn: number, here: FrameState, there: FrameState): void => {
        if (told.has(from)) return;
        told.add(from);
        report({
          message: "default",
          at: from,
          owner: frames.owner.of(from),
          way: frameWay(context, insn),
          evidence: [
            { witness: "this variant", says: describeState(arch, here) },
            { witness: "the variant before it", says: describeState(arch, there) },
          ],
        });
      };
      note(context, layout, start, end, conflict);
      tail(context, originals.get(from) as ReadonlyMap<number, FrameState>, start, end, conflict);
    }
  },
});

type Conflict = (insn: number, here: FrameState, there: FrameState) => void;

/** Writes down the state at every byte where an instruction of [from, to) begins; tells where another variant has a different one. */
function note(
  context: RuleContext,
  layout: Map<number, FrameState>,
  from: number,
  to: number,
  conflict: Conflict,
): void {
  const { frames, flow } = context;
  const origin = flow.code.insns.offset[from] as number;
  for (let i = from; i < to; i++) {
    const id = frames.state[i] as number;
    if (id === NONE) continue;
    const here = frames.states.all[id] as FrameState;
    const at = (flow.code.insns.offset[i] as number) - origin;
    const there = layout.get(at);
    if (there === undefined) layout.set(at, here);
    else if (isConflict(here, there)) conflict(i, here, there);
  }
}

/** Behind a replacement that is shorter no-ops are put, and they run with the frame that it leaves: that of its last instruction, where this keeps it. */
function tail(
  { frames, flow }: RuleContext,
  original: ReadonlyMap<number, FrameState>,
  from: number,
  to: number,
  conflict: Conflict,
): void {
  const last = to - 1;
  const id = frames.state[last] as number;
  if (id === NONE || flow.code.insns.op.at(last) !== NONE || !keepsFrame(flow.kind[last] as number)) return;
  const here = frames.states.all[id] as FrameState;
  const there = original.get(insnEnd(flow.code, last) - (flow.code.insns.offset[from] as number));
  if (there !== undefined && isConflict(here, there)) conflict(last, here, there);
}

const keepsFrame = (kind: number): boolean => [KIND_OTHER, KIND_NOP, KIND_CALL, KIND_INDIRECT_CALL].includes(kind);

const isConflict = (here: FrameState, there: FrameState): boolean =>
  here.contract !== there.contract && here.base !== BASE_LOST && there.base !== BASE_LOST;
