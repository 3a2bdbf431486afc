import { NONE } from "../base/table.ts";
import { STB_WEAK } from "../elf/constants.ts";
import { insnEnd } from "../flow/code.ts";
import type { Flow } from "../flow/flow.ts";
import { isNoinstrSectionOf } from "../flow/text-classes.ts";
import { KIND_INDIRECT_CALL, KIND_INDIRECT_JUMP } from "../isa/insn-table.ts";
import { type InstrumentationEvent, walkInstrumentation } from "../unwind/instrumentation.ts";
import type { RuleContext, Way } from "./rule.ts";

// Which calls of code that must not be instrumented go to code that may be.

export function isNoinstrCode({ code, formats }: Flow, section: number): boolean {
  if (section <= 0) return false;
  return isNoinstrSectionOf(formats, code.object.sectionName[section] as string);
}

/**
 * Functions of the sanitizers' run time that report a defect which has happened: compiler-rt/lib/ubsan/ubsan_handlers.h, lib/ubsan.c. And calls
 * that the build makes no-ops of in code that is not instrumented (HAVE_NOINSTR_HACK, scripts/Makefile.lib): -fsanitize-coverage and
 * -fsanitize=thread.
 */
const allowedPrefixes = ["__ubsan_handle_", "__sanitizer_cov_", "__tsan_func_"];

/** What a call goes to: a slot of a table of operations, with what it may hold; else the callee's name, "" for an unknown one. */
export interface Callee {
  readonly name: string;
  /** Name of the table of operations that it is called through. */
  readonly table?: string;
}

/** The callee of a call that leaves the code which is not instrumented; undefined where it does not, or nobody knows. */
export function instrumentedCallee(context: RuleContext, insn: number): Callee | undefined {
  const { flow } = context;
  const { code } = flow;
  const symbol = flow.symbol.at(insn);
  if (symbol === NONE) return isIndirect(flow, insn) ? slotCallee(context, insn) : undefined;
  const name = code.object.symbolName[symbol] as string;
  if (code.arch.names.isStaticCallTrampoline(name) || allowedPrefixes.some((prefix) => name.startsWith(prefix)))
    return undefined;
  const target = flow.target.at(insn);
  const section = target === NONE ? (code.object.symbols.section[symbol] as number) : code.insns.section[target];
  // Of a weak definition it has to be known that no other object's takes its place.
  const isSettled = code.object.symbols.binding[symbol] !== STB_WEAK || context.outside.isOverridden(name) === false;
  if (section !== undefined && section > 0 && isSettled) return isNoinstrCode(flow, section) ? undefined : { name };
  const verdict = context.outside.isNoinstr(name);
  if (verdict === undefined) context.missing("noinstr", name);
  return verdict === false ? { name } : undefined;
}

function isIndirect(flow: Flow, insn: number): boolean {
  const kind = flow.code.insns.kind[insn];
  // Through a thunk it is a direct branch to the decoder.
  return kind === KIND_INDIRECT_CALL || kind === KIND_INDIRECT_JUMP || flow.kind[insn] !== kind;
}

const SLOT = 8; // bytes: sizeof(void *)

function slotCallee(context: RuleContext, insn: number): Callee | undefined {
  const { code } = context.flow;
  const section = code.insns.section[insn] as number;
  const row = code.reloc.at(insn);
  if (row === NONE) return { name: "" };
  const relocs = code.object.relocs(section);
  const symbol = relocs.symbol[row] as number;
  const table = code.object.symbolName[symbol] as string;
  if (!code.arch.names.isOperationTable(table)) return { name: "" };
  const relative =
    code.arch.relocs.isPcRelative(relocs.type[row] as number) && code.arch.relocs.displacementFrom === "insn-end";
  const from = relative ? insnEnd(code, insn) - (relocs.offset[row] as number) : 0;
  const slot = Math.floor(((relocs.addend[row] as number) + from) / SLOT);
  const targets = context.outside.slotTargets(table, slot);
  if (targets === undefined) context.missing("noinstr", table);
  for (const name of targets ?? []) {
    const verdict = isNoinstrName(context, name);
    if (verdict === undefined) context.missing("noinstr", name);
    // A function that is local to its object comes with the object's path (Outside.slotTargets).
    else if (!verdict) return { name: name.slice(name.lastIndexOf(":") + 1), table };
  }
  return undefined;
}

function isNoinstrName(context: RuleContext, name: string): boolean | undefined {
  const { flow, outside } = context;
  const said = outside.isNoinstr(name);
  if (said !== undefined) return said;
  const { symbols, symbolName } = flow.code.object;
  for (const [symbol] of flow.functions.ofSymbol)
    if (symbolName[symbol] === name) return isNoinstrCode(flow, symbols.section[symbol] as number);
  return undefined;
}

const walked = new WeakMap<RuleContext, readonly InstrumentationEvent[]>();

export function instrumentationEvents(context: RuleContext): readonly InstrumentationEvent[] {
  let events = walked.get(context);
  if (events === undefined) {
    const { flow, returns } = context;
    events = walkInstrumentation(
      flow,
      returns,
      (section) => isNoinstrCode(flow, section),
      (insn) => instrumentedCallee(context, insn) !== undefined,
    );
    walked.set(context, events);
  }
  return events;
}

export function instrumentationWay({ path }: InstrumentationEvent): Way {
  return { kind: "flags", insns: path.map((p) => p.insn), flags: path.map((p) => p.depth), show: "instrumentation" };
}
