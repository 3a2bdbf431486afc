import { lowerBound, NONE } from "../base/table.ts";
import { type Flow, KIND_INTRA_CALL, KIND_TABLE_JUMP } from "../flow/flow.ts";
import { INSTEAD_ALTERNATIVE, INSTEAD_FIXUP } from "../flow/instead.ts";
import { KIND_BRANCH, KIND_CALL, KIND_INDIRECT_CALL, KIND_JUMP, opName } from "../isa/insn-table.ts";
import type { PathStep, SourcePlace } from "../rules/finding.ts";
import type { RuleContext, Way } from "../rules/rule.ts";
import { ACCESS_OPEN, DIRECTION_SET } from "../unwind/machine-flags.ts";
import { describeCfa, type FrameState } from "../unwind/state.ts";

/** A reader follows this many steps; what lies between the first and the last ones is left out. */
const MAX_STEPS = 12;
const KEPT_FIRST = 3;

/** How control left an instruction on the way to the next one of a path; "" when it just went on. */
export function edgeNote(flow: Flow, from: number, to: number): string {
  const kind = flow.kind[from] as number;
  const { edges } = flow.instead;
  for (let e = lowerBound(edges.from, from, 0, edges.length); e < edges.length && edges.from[e] === from; e++) {
    if (edges.to[e] !== to || (flow.next[from] === to && kind !== KIND_JUMP)) continue;
    return edges.kind[e] === INSTEAD_FIXUP
      ? "faults"
      : edges.kind[e] === INSTEAD_ALTERNATIVE
        ? "alternative"
        : "jump label";
  }
  if (kind === KIND_TABLE_JUMP) return "jump table";
  if (kind === KIND_INTRA_CALL) return "call";
  if (flow.target[from] === to && kind === KIND_BRANCH) return "branch";
  if (flow.target[from] === to && kind === KIND_JUMP) return "jump";
  return "";
}

/** The steps of a way that matter: where it starts, what changes the state, where it branches, where it ends. */
export function describeWay(
  context: RuleContext,
  way: Way,
  placeOf: (insn: number) => SourcePlace | undefined,
): PathStep[] {
  const { flow } = context;
  const { insns } = way;
  const steps: PathStep[] = [];
  const firstChange = insns.findIndex(
    (_, n) => n + 1 < insns.length && stateText(context, way, n) !== stateText(context, way, n + 1),
  );
  for (let n = 0; n < insns.length; n++) {
    const insn = insns[n] as number;
    const last = n === insns.length - 1;
    const before = stateText(context, way, n);
    const after = last ? before : stateText(context, way, n + 1);
    const notes: string[] = [];
    if (n === 0) notes.push("entry");
    if (n > 0 && edgeNote(flow, insns[n - 1] as number, insn) === "alternative") notes.push("alternative");
    if (before !== after) notes.push(changeNote(flow, insn));
    // Branches before anything has changed lead everywhere: they explain nothing.
    if (!last && (firstChange < 0 || n > firstChange)) notes.push(turnNote(flow, insn, insns[n + 1] as number));
    if (last) notes.push("here");
    if (notes.every((note) => note === "") && before === after) continue;
    if (notes.length === 1 && notes[0] === "alternative" && before === after) continue;
    const place = placeOf(insn);
    steps.push({
      section: flow.code.object.sectionName[flow.code.insns.section[insn] as number] as string,
      offset: flow.code.insns.offset[insn] as number,
      size: flow.code.insns.size[insn] as number,
      note: [...new Set(notes.filter((note) => note !== ""))].join(", "),
      state: after,
      ...(place === undefined ? {} : { place }),
    });
  }
  if (steps.length <= MAX_STEPS) return steps;
  return [...steps.slice(0, KEPT_FIRST), ...steps.slice(steps.length - (MAX_STEPS - KEPT_FIRST))];
}

/** How a way leaves an instruction, where that is worth a step of its own. */
function turnNote(flow: Flow, from: number, to: number): string {
  const note = edgeNote(flow, from, to);
  return note === "jump" || note === "alternative" ? "" : note;
}

function stateText(context: RuleContext, way: Way, index: number): string {
  if (way.kind === "flags") {
    const flags = way.flags[index] as number;
    return way.show === "AC"
      ? `AC=${(flags & ACCESS_OPEN) !== 0 ? 1 : 0}`
      : `DF=${(flags & DIRECTION_SET) !== 0 ? 1 : 0}`;
  }
  if (index === way.insns.length - 1 && way.arrives !== undefined) return way.arrives;
  const id = context.frames.state[way.insns[index] as number] as number;
  return id === NONE ? "" : describeCfa(context.flow.code.arch, context.frames.states.all[id] as FrameState);
}

function changeNote(flow: Flow, insn: number): string {
  const row = flow.code.insns.op[insn] as number;
  if (row !== NONE) return opName[flow.code.ops.op[row] as number] as string;
  const kind = flow.kind[insn];
  if (kind === KIND_CALL || kind === KIND_INDIRECT_CALL) return "call";
  return "";
}
