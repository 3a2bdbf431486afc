import { NONE } from "../base/table.ts";
import { functionName } from "../flow/functions.ts";
import type { FlagEvent } from "../unwind/machine-flags.ts";
import type { FrameEvent } from "../unwind/simulate.ts";
import type { Report, RuleContext, Way } from "./rule.ts";

const MAX_WAY = 100_000;

/** The way on which the frame walk first came to an instruction. */
export function frameWay(context: RuleContext, insn: number): Way {
  const { cameFrom } = context.frames;
  const insns: number[] = [];
  for (let i = insn; i !== NONE && insns.length < MAX_WAY; i = cameFrom[i] as number) {
    insns.push(i);
    if (cameFrom[i] === i) break;
  }
  return { kind: "frame", insns: insns.reverse() };
}

/** The same, coming over `from` with a state that differs from the one that the walk had at `insn`. */
export function frameWayOver(context: RuleContext, from: number, insn: number, arrives: string): Way {
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
    });
  }
}

export function frameEvents(context: RuleContext, kind: number): readonly FrameEvent[] {
  return context.frames.events.filter((event) => event.kind === kind);
}

/** "printk()" for a direct call, "a function pointer" for an indirect one. */
export function calleeName(context: RuleContext, insn: number): string {
  const symbol = context.flow.symbol[insn] as number;
  return symbol === NONE ? "a function pointer" : `${context.flow.code.object.symbolName[symbol]}()`;
}

/** Name of a function; for code without one (`at` is in it) that of the assembly symbol that covers it. */
export function ownerName(context: RuleContext, owner: number, at = NONE): string {
  const { code, functions } = context.flow;
  if (owner >= 0) return functionName(code, functions, owner);
  const symbol =
    at === NONE ? NONE : functions.symbolCovering(code.insns.section[at] as number, code.insns.offset[at] as number);
  return symbol === NONE ? "code without a function symbol" : (code.object.symbolName[symbol] as string);
}
