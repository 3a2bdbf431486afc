import { NONE } from "../base/table.ts";
import { STT_FUNC } from "../elf/constants.ts";
import { countedFor, symbolOfCode } from "../flow/counted-for.ts";
import { ownerOf } from "../flow/flow.ts";
import { functionName, isPrefix } from "../flow/functions.ts";
import type { FlagEvent } from "../unwind/flag-events.ts";
import type { FrameEvent } from "../unwind/frame-events.ts";
import { MOST_EVENTS } from "../unwind/machine-flags.ts";
import { describeState } from "../unwind/state.ts";
import type { Related } from "./finding.ts";
import type { Report, RuleContext, Way } from "./rule.ts";

const MAX_WAY = 100_000;

/** The way on which the frame walk first came to an instruction, from where its function begins: what is in front of that is padding, which nobody runs. */
export function frameWay(context: RuleContext, insn: number): Extract<Way, { kind: "frame" }> {
  const { cameFrom } = context.frames;
  const insns: number[] = [];
  for (let i = insn; i !== NONE && insns.length < MAX_WAY; ) {
    insns.push(i);
    const before = cameFrom.of(i);
    if (before === i || (isForPadding(context, before) && !isForPadding(context, i))) break;
    i = before;
  }
  return { kind: "frame", insns: insns.reverse() };
}

function isForPadding({ flow, frames }: RuleContext, insn: number): boolean {
  const owner = frames.owner.of(insn);
  return owner !== NONE && isPrefix(flow.functions.table, owner);
}

/** The same, coming over `from` with a state that differs from the one that the walk had at `insn`. */
export function frameWayOver(
  context: RuleContext,
  from: number,
  insn: number,
  arrives: string,
): Extract<Way, { kind: "frame" }> {
  if (from === NONE) return frameWay(context, insn);
  const way = frameWay(context, from);
  return { kind: "frame", insns: [...way.insns, insn], arrives };
}

export function flagsWay(event: FlagEvent, show: "AC" | "DF"): Way {
  return { kind: "flags", insns: event.path.map((p) => p.insn), flags: event.path.map((p) => p.flags), show };
}

/** One report per flag event of a kind; `callee` is what the instruction calls, where it does. */
export function reportFlagEvents(
  context: RuleContext,
  kind: number,
  show: "AC" | "DF",
  report: (report: Report) => void,
  message = "default",
): void {
  for (const event of context.flags.events) {
    if (event.kind !== kind) continue;
    report({
      message,
      at: event.insn,
      owner: event.owner,
      data: { callee: calleeName(context, event.insn) },
      way: flagsWay(event, show),
      related: otherCode(context, event),
    });
  }
}

/** One report per event at which a function is left; the frame that it should have then is that of its entry. */
export function reportModifiedFrames(
  context: RuleContext,
  events: readonly FrameEvent[],
  report: (report: Report) => void,
): void {
  const { arch } = context.flow.code;
  for (const { insn, owner, state } of events) {
    report({
      message: "default",
      at: insn,
      owner,
      data: { callee: calleeName(context, insn) },
      way: frameWay(context, insn),
      evidence: [
        { witness: "instructions", says: describeState(arch, state) },
        { witness: "entry", says: describeState(arch, context.frames.states.entry()) },
      ],
    });
  }
}

/** Events of one function whose frames are off by the same amount come from one defect: the first of each. */
export function oneByFrame(events: readonly FrameEvent[], except: readonly FrameEvent[] = []): readonly FrameEvent[] {
  const key = ({ owner, state, other }: FrameEvent): string =>
    other === undefined
      ? `${owner} ${state.base}${state.offset}`
      : `${owner} ${[state.base, other.base].sort()} ${Math.abs(state.offset - other.offset)}`;
  const seen = new Set(except.map(key));
  return events.filter((event) => {
    const id = key(event);
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

/** Functions and assembly beside the one that an event is told for, in which its defect is seen too. */
function otherCode(context: RuleContext, event: FlagEvent): Related[] {
  const names = new Set(event.also.map((insn) => ownerName(context, ownerOf(context.flow, insn), insn)));
  names.delete(ownerName(context, event.owner, event.insn));
  return [...names].sort().map((name) => ({ function: name, says: "the same defect is seen there" }));
}

/** Events of a kind, for each function the first MOST_EVENTS; coverage tells of the others. */
export function frameEvents(context: RuleContext, kind: number): readonly FrameEvent[] {
  const count = new Map<number, number>();
  return context.frames.events.filter((event) => {
    if (event.kind !== kind) return false;
    const whom = countedFor(context.flow, event.owner, event.insn);
    const n = (count.get(whom) ?? 0) + 1;
    count.set(whom, n);
    return n <= MOST_EVENTS;
  });
}

/** "printk()" for a direct call, "a function pointer" for an indirect one. */
export function calleeName(context: RuleContext, insn: number): string {
  const symbol = context.flow.symbol.at(insn);
  return symbol === NONE ? "a function pointer" : `${context.flow.code.object.symbolName[symbol]}()`;
}

/**
 * Names by which a module's own structure refers to its entry and exit when it is linked: scripts/mod/modpost.c (add_header). module_init() of
 * include/linux/module.h makes them aliases of functions whose names people know.
 */
export const loaderNames: ReadonlySet<string> = new Set(["init_module", "cleanup_module"]);

function nameInSource(context: RuleContext, symbol: number): string | undefined {
  const { symbols, symbolName } = context.flow.code.object;
  const other = symbolName.findIndex(
    (name, s) =>
      symbols.type[s] === STT_FUNC &&
      symbols.section[s] === symbols.section[symbol] &&
      symbols.value[s] === symbols.value[symbol] &&
      !loaderNames.has(name),
  );
  return other < 0 ? undefined : symbolName[other];
}

/** Name of a function; for code without one (`at` is in it) that of the assembly symbol that covers it. */
export function ownerName(context: RuleContext, owner: number, at = NONE): string {
  const { code, functions } = context.flow;
  if (owner >= 0) {
    const name = functionName(code, functions, owner);
    return loaderNames.has(name) ? (nameInSource(context, functions.table.symbol[owner] as number) ?? name) : name;
  }
  const symbol = at === NONE ? NONE : symbolOfCode(context.flow, at);
  return symbol === NONE ? "code without a function symbol" : (code.object.symbolName[symbol] as string);
}
