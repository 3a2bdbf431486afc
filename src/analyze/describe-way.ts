import { lowerBound, NONE } from "../base/table.ts";
import { type Flow, KIND_INTRA_CALL, KIND_TABLE_JUMP } from "../flow/flow.ts";
import { INSTEAD_ALTERNATIVE, INSTEAD_FIXUP } from "../flow/instead.ts";
import {
  KIND_BRANCH,
  KIND_CALL,
  KIND_INDIRECT_CALL,
  KIND_JUMP,
  KIND_NOP,
  OP_ADD,
  OP_LOAD,
  OP_POP,
  OP_PUSH,
  OP_STORE,
  opName,
} from "../isa/insn-table.ts";
import type { PathStep, SourcePlace } from "../rules/finding.ts";
import type { Report, RuleContext, Way } from "../rules/rule.ts";
import { ACCESS_OPEN, DIRECTION_SET } from "../unwind/machine-flags.ts";
import { describeCfa, describeRegister, type FrameState } from "../unwind/state.ts";

/** A reader follows this many steps, both ways of a two-sided finding together. */
const MAX_STEPS = 12;
const MAX_OTHER_STEPS = 5;
const KEPT_FIRST = 3;
/** So many pushes, pops, saves or restores in a row are one step. */
const MIN_RUN = 3;
const NEAR = 8;
const RUN_WORDS: ReadonlyMap<number, string> = new Map([
  [OP_PUSH, "pushes"],
  [OP_POP, "pops"],
  [OP_STORE, "saves"],
  [OP_LOAD, "restores"],
]);

/** How control left an instruction on the way to the next one of a path; "" when it just went on. */
export function edgeNote(flow: Flow, from: number, to: number): string {
  const kind = flow.kind[from] as number;
  const { edges } = flow.instead;
  for (let e = lowerBound(edges.from, from, 0, edges.length); e < edges.length && edges.from[e] === from; e++) {
    if (edges.to[e] !== to || (flow.next.of(from) === to && kind !== KIND_JUMP)) continue;
    return edges.kind[e] === INSTEAD_FIXUP
      ? "faults"
      : edges.kind[e] === INSTEAD_ALTERNATIVE
        ? "alternative"
        : "jump label";
  }
  if (kind === KIND_TABLE_JUMP) return "jump table";
  if (kind === KIND_INTRA_CALL) return "call";
  if (flow.target.at(from) === to && kind === KIND_BRANCH) return "branch";
  if (flow.target.at(from) === to && kind === KIND_JUMP) return "jump";
  return "";
}

/** The ways of a report as they are told and drawn. */
export interface ToldWays {
  readonly one: Way;
  readonly other?: Way;
  /** Instructions that both ways begin with. */
  readonly common: number;
  /** Nothing leads to the place: `one` is the instruction before it in the section and the place itself. */
  readonly unreached: boolean;
}

/** The ways of a report without the padding behind its place; for a report without a way, what stands before the place. */
export function waysOf(context: RuleContext, report: Report): ToldWays | undefined {
  const { flow } = context;
  if (report.way === undefined) {
    const before = report.at - 1;
    if (context.frames.state[report.at] !== NONE || before < 0 || flow.next.of(before) !== report.at) return undefined;
    return { one: { kind: "frame", insns: [before, report.at] }, common: 0, unreached: true };
  }
  const one = withoutPadding(flow, report.way, report.at);
  if (report.otherWay === undefined) return { one, common: 0, unreached: false };
  const other = withoutPadding(flow, report.otherWay, report.at);
  const shorter = Math.min(one.insns.length, other.insns.length);
  let common = 0;
  while (common < shorter && one.insns[common] === other.insns[common]) common++;
  return { one, other, common, unreached: false };
}

/** A way that goes on behind its place over nothing but padding ends at the place. */
function withoutPadding(flow: Flow, way: Way, at: number): Way {
  const index = way.insns.lastIndexOf(at);
  if (index < 0 || index === way.insns.length - 1) return way;
  if (way.insns.slice(index + 1).some((insn) => flow.kind[insn] !== KIND_NOP)) return way;
  const insns = way.insns.slice(0, index + 1);
  return way.kind === "flags" ? { ...way, insns, flags: way.flags.slice(0, index + 1) } : { ...way, insns };
}

/** The steps of a report's ways that matter: where they start, what changes the state, where they part, where they end. */
export function describeWays(
  context: RuleContext,
  report: Report,
  placeOf: (insn: number) => SourcePlace | undefined,
): { path: PathStep[]; otherPath?: PathStep[] } {
  const ways = waysOf(context, report);
  if (ways === undefined) return { path: [makeStep(context, report.at, "here", "", placeOf)] };
  const { one, other, common } = ways;
  if (ways.unreached) {
    const [before, at] = one.insns as [number, number];
    return {
      path: [
        makeStep(context, before, "goes no further", "", placeOf),
        makeStep(context, at, "here", "not reached", placeOf),
      ],
    };
  }
  if (other === undefined) return { path: describe(context, one, 0, NONE, MAX_STEPS, placeOf) };
  // Where both begin alike, the other one is told from where they part.
  const parting = common - 1;
  const otherPath = describe(context, other, Math.max(0, parting), parting, MAX_OTHER_STEPS, placeOf);
  return { path: describe(context, one, 0, parting, MAX_STEPS - otherPath.length, placeOf), otherPath };
}

interface Draft {
  readonly step: PathStep;
  /** Position of the instruction in the way. */
  readonly index: number;
  /** Says more than that a branch was taken: a change of the state, the beginning, the end, a fault. */
  readonly telling: boolean;
  /** OP_* of a step that is nothing but a change of the state, else NO_CHANGE. */
  readonly change: number;
  /** The frame is found by the same register, further away. */
  readonly grows: boolean;
}

const NO_CHANGE = -1;

function describe(
  context: RuleContext,
  way: Way,
  start: number,
  parting: number,
  max: number,
  placeOf: (insn: number) => SourcePlace | undefined,
): PathStep[] {
  const { flow } = context;
  const { insns } = way;
  const drafts: Draft[] = [];
  const keys = insns.map((_, n) => stateKey(context, way, n));
  const firstChange = keys.findIndex((key, n) => n + 1 < keys.length && key !== keys[n + 1]);
  const passing = way.kind === "frame" ? passingChanges(keys) : undefined;
  for (let n = start; n < insns.length; n++) {
    const insn = insns[n] as number;
    const last = n === insns.length - 1;
    const changes = !last && passing?.[n] !== 1 && keys[n] !== keys[n + 1];
    // Branches before anything has changed, and before two ways part, lead everywhere: they explain nothing.
    const turn = !last && n > firstChange && n > parting ? turnNote(flow, insn, insns[n + 1] as number) : "";
    const alternative = n > 0 && edgeNote(flow, insns[n - 1] as number, insn) === "alternative" ? "alternative" : "";
    const notes = [
      n === 0 ? "entry" : "",
      changes ? alternative : "",
      changes ? changeNote(flow, insn) : "",
      n === parting ? "the ways part" : turn,
      way.kind === "frame" ? (way.notes?.get(insn) ?? "") : "",
      last ? "here" : "",
    ].filter((note) => note !== "");
    if (notes.length === 0 && !changes) continue;
    const after = stateText(context, way, last || passing?.[n] === 1 ? n : n + 1);
    const isBare = n > 0 && !last && n !== parting && turn === "" && changes && !isNoted(way, insn);
    drafts.push({
      index: n,
      grows: isBare && growsFrame(context, insn, insns[n + 1] as number),
      step: makeStep(context, insn, [...new Set(notes)].join(", "), after, placeOf),
      telling:
        n === 0 || last || n === parting || changes || isNoted(way, insn) || (turn !== "branch" && turn !== "call"),
      change: isBare ? stackOp(flow, insn) : NO_CHANGE,
    });
  }
  return cut(foldRuns(drafts), max);
}

function isNoted(way: Way, insn: number): boolean {
  return way.kind === "frame" && way.notes?.has(insn) === true;
}

/** Equal keys are equal states: more than their text, for that leaves out the registers that a frame holds. */
function stateKey(context: RuleContext, way: Way, index: number): string {
  const isOther = way.kind === "frame" && index === way.insns.length - 1 && way.arrives !== undefined;
  const id = way.kind === "flags" || isOther ? NONE : (context.frames.state[way.insns[index] as number] as number);
  if (id === NONE) return stateText(context, way, index);
  const state = context.frames.states.all[id] as FrameState;
  const told = way.kind === "frame" && way.register !== undefined ? ` ${state.value[way.register]}` : "";
  return `${state.contract}${told}`;
}

/** insn of the way -> 1 where the frame changes and is the same again later: an argument on the stack, say. That explains nothing. */
function passingChanges(keys: readonly string[]): Uint8Array {
  const last = new Map(keys.map((key, n) => [key, n]));
  const passing = new Uint8Array(keys.length);
  for (let n = 0; n < keys.length; ) {
    const until = last.get(keys[n] as string) as number;
    passing.fill(1, n, until);
    n = until + 1;
  }
  return passing;
}

/** Three pushes or more become one step, together with the change behind them; so do pops, stores and loads. */
function foldRuns(drafts: readonly Draft[]): Draft[] {
  const result: Draft[] = [];
  for (let n = 0; n < drafts.length; ) {
    const draft = drafts[n] as Draft;
    let end = n;
    while (RUN_WORDS.has(draft.change) && drafts[end]?.change === draft.change) end++;
    if (end - n < MIN_RUN) {
      result.push(draft);
      n++;
      continue;
    }
    const isPush = draft.change === OP_PUSH;
    const takesNext = isPush && isRoomFor(drafts[end - 1], drafts[end]);
    const last = drafts[takesNext ? end : end - 1] as Draft;
    const count = takesNext ? end - n : end - n - 1;
    result.push({ ...last, step: { ...last.step, folded: `${count} ${RUN_WORDS.get(draft.change)}` } });
    n = takesNext ? end + 1 : end;
  }
  return result;
}

/** What makes room for local variables right behind the pushes. */
function isRoomFor(push: Draft | undefined, draft: Draft | undefined): boolean {
  return push !== undefined && draft?.change === OP_ADD && draft.grows && draft.index - push.index <= NEAR;
}

/** At most `max` steps: mere branches go first, the earliest before the others; then the middle. */
function cut(drafts: readonly Draft[], max: number): PathStep[] {
  let tooMany = drafts.length - max;
  const keep = drafts.map((draft) => draft.telling || tooMany-- <= 0);
  const kept = keep.filter(Boolean).length;
  let extra = Math.max(0, kept - max);
  let seen = 0;
  let skipped = 0;
  const steps: PathStep[] = [];
  drafts.forEach(({ step }, n) => {
    if (keep[n] === true && (++seen <= Math.min(KEPT_FIRST, max - 2) || extra-- <= 0)) {
      steps.push(skipped === 0 ? step : { ...step, skipped });
      skipped = 0;
    } else skipped++;
  });
  return steps;
}

function makeStep(
  context: RuleContext,
  insn: number,
  note: string,
  state: string,
  placeOf: (insn: number) => SourcePlace | undefined,
): PathStep {
  const { code } = context.flow;
  const place = placeOf(insn);
  const insteadOf = originalOf(context.flow, insn);
  return {
    section: code.object.sectionName[code.insns.section[insn] as number] as string,
    offset: code.insns.offset[insn] as number,
    size: code.insns.size[insn] as number,
    note,
    state,
    ...(insteadOf === undefined ? {} : { insteadOf }),
    ...(place === undefined ? {} : { place }),
  };
}

/** Where an instruction of a replacement is patched in: section offset in bytes of the first instruction that it replaces. */
export function originalOf(flow: Flow, insn: number): number | undefined {
  const group = flow.instead.replacementOf.get(insn);
  return group === undefined
    ? undefined
    : (flow.code.insns.offset[flow.instead.alternatives.from[group] as number] as number);
}

/** How a way leaves an instruction, where that is worth a step of its own. */
function turnNote(flow: Flow, from: number, to: number): string {
  const note = edgeNote(flow, from, to);
  return note === "jump" || note === "alternative" ? "" : note;
}

/** The state before an instruction of a way, in the words of the finding: the frame, or the flag that it is about. */
export function stateText(context: RuleContext, way: Way, index: number): string {
  if (way.kind === "flags") {
    const flags = way.flags[index] as number;
    if (way.show === "instrumentation") return flags > 0 ? "instrumentation allowed" : "no instrumentation";
    return way.show === "AC"
      ? `AC=${(flags & ACCESS_OPEN) !== 0 ? 1 : 0}`
      : `DF=${(flags & DIRECTION_SET) !== 0 ? 1 : 0}`;
  }
  if (index === way.insns.length - 1 && way.arrives !== undefined) return way.arrives;
  const id = context.frames.state[way.insns[index] as number] as number;
  if (id === NONE) return "";
  const { arch } = context.flow.code;
  const state = context.frames.states.all[id] as FrameState;
  const place = way.register === undefined ? "" : describeRegister(arch, state, way.register);
  return place === "" ? describeCfa(arch, state) : `${describeCfa(arch, state)}, ${place}`;
}

function growsFrame(context: RuleContext, insn: number, next: number): boolean {
  const { state, states } = context.frames;
  const before = states.all[state[insn] as number];
  const after = states.all[state[next] as number];
  return before !== undefined && after !== undefined && before.base === after.base && before.offset < after.offset;
}

function stackOp(flow: Flow, insn: number): number {
  const row = flow.code.insns.op.at(insn);
  return row === NONE ? NO_CHANGE : (flow.code.ops.op[row] as number);
}

/** What changed the state; "" where the new state says it. */
function changeNote(flow: Flow, insn: number): string {
  const row = flow.code.insns.op.at(insn);
  if (row !== NONE) {
    const op = flow.code.ops.op[row] as number;
    return op === OP_PUSH || op === OP_POP ? (opName[op] as string) : "";
  }
  const kind = flow.kind[insn];
  if (kind === KIND_CALL || kind === KIND_INDIRECT_CALL) return "call";
  return "";
}
