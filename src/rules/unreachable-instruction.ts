import { BitSet } from "../base/bit-set.ts";
import { lowerBound, NONE } from "../base/table.ts";
import { STB_LOCAL } from "../elf/constants.ts";
import { isDirectBranch, ownerOf } from "../flow/flow.ts";
import { functionOfSymbol } from "../flow/returns.ts";
import { successors } from "../flow/successors.ts";
import { KIND_BUG, KIND_CALL, KIND_JUMP, KIND_OTHER, KIND_UNKNOWN } from "../isa/insn-table.ts";
import { EVENT_FAULT } from "../unwind/frame-events.ts";
import { reachOf } from "../unwind/reach.ts";
import { FAULT_LOADED } from "../unwind/transfer.ts";
import { CALLEE_NEVER_RETURNS } from "./finding.ts";
import { defineRule, type Report, type RuleContext } from "./rule.ts";
import { calleeName, ownerName } from "./ways.ts";

export const unreachableInstruction = defineRule({
  id: "unreachable-instruction",
  summary: "Code in a function that no path reaches.",
  severity: "warning",
  consequence:
    "either the compiler was not told that something never returns, or a path that should exist does not: nothing behind it is checked",
  messages: {
    default: { text: "{function}() has code that no path reaches" },
    "after-noreturn-call": {
      text: "{function}() has code behind its call to {callee}, which the tree lists as never returning: the declaration lacks __noreturn",
    },
    "after-endless-call": {
      text: "{function}() has code behind its call to {callee}, which never returns: the declaration lacks __noreturn, or the callee a return",
    },
    "after-trap": { text: "{function}() has code behind a trap that execution does not continue from" },
  },
  applies: (checks) => checks.unreachable,
  check(context, report) {
    const { flow } = context;
    // Where a function's frames or branches are told to be wrong, code that nothing reaches is what follows from it.
    const told = new Set<number>();
    for (const event of context.frames.events) {
      // A switch of stacks is worth a note and says nothing of branches.
      if (event.kind !== EVENT_FAULT || event.detail !== FAULT_LOADED)
        told.add(wholeOf(context, event.owner, event.insn));
    }
    for (const { insn } of flow.faults) told.add(wholeOf(context, ownerOf(flow, insn), insn));
    const explained = explainedCode(context, told);
    const endless = new Map<string, Report>();
    let orphans: ReadonlySet<number> | undefined;
    let behind: ReadonlyMap<number, number> | undefined;
    for (const i of reachOf(flow, context.frames).unreached) {
      if (explained.has(i) || !isUnreached(context, i)) continue;
      orphans ??= orphanParts(context);
      if (orphans.has(flow.functions.ofInsn[i] as number)) continue;
      const owner = ownerOf(flow, i);
      const whole = wholeOf(context, owner, i);
      if (told.has(whole)) continue;
      told.add(whole);
      const before = i > 0 && flow.next.of(i - 1) === i && !beginsSymbol(context, i) ? i - 1 : NONE;
      const trap = before !== NONE && flow.kind[before] === KIND_BUG;
      behind ??= behindCalls(context);
      const call = trap ? NONE : (behind.get(i) ?? NONE);
      const isCall = call !== NONE;
      const callee = isCall ? calleeSymbol(context, call) : "";
      const isListed = isCall && context.isListedNoreturn(callee);
      const found: Report = {
        message: isCall ? (isListed ? "after-noreturn-call" : "after-endless-call") : trap ? "after-trap" : "default",
        // The call is what a person edits; the dead code behind it is what follows.
        at: isCall ? call : i,
        owner: owner === NONE && isRunInto(context, i) ? ownerOf(flow, i - 1) : owner,
        data: isCall ? { callee: calleeName(context, call) } : {},
        ...(isCall && !isListed ? { related: [{ function: callee, says: CALLEE_NEVER_RETURNS }] } : {}),
      };
      const first = endless.get(callee);
      if (!isCall || isListed) report(found);
      else if (first === undefined) endless.set(callee, found);
      else {
        // A function that lost its return is one defect, however many call it.
        const also = { function: ownerName(context, owner, i), says: `calls ${calleeName(context, call)} too` };
        endless.set(callee, { ...first, related: [...(first.related ?? []), also] });
      }
    }
    for (const found of endless.values()) report(found);
  },
});

/**
 * Unreached instruction -> the first call in its function that never comes back, and from behind which it would be reached: the loop around such a
 * call begins before it.
 */
function behindCalls(context: RuleContext): ReadonlyMap<number, number> {
  const { flow, frames, returns } = context;
  const found = new Map<number, number>();
  const after = successors(flow, returns);
  const { edges } = flow.instead;
  for (const call of flow.rows.of(KIND_CALL)) {
    if (!returns.deadCall.has(call)) continue;
    const owner = ownerOf(flow, call);
    // Code of no function may end with such a call: what the next symbol names is another's, and not behind it.
    const whole = wholeOf(context, owner, call);
    const work: number[] = [];
    const visit = (insn: number): void => {
      if (insn === NONE || frames.state[insn] !== NONE || found.has(insn) || ownerOf(flow, insn) !== owner) return;
      if (owner === NONE && wholeOf(context, NONE, insn) !== whole) return;
      found.set(insn, call);
      work.push(insn);
    };
    visit(flow.next.of(call));
    for (let i = work.pop(); i !== undefined; i = work.pop()) {
      for (let e = lowerBound(edges.from, i, 0, edges.length); e < edges.length && edges.from[e] === i; e++)
        visit(edges.to[e] as number);
      const count = after.of(i);
      for (const to of after.to.slice(0, count)) visit(to);
    }
  }
  return found;
}

/** Code that has a symbol of its own and is no function: what stands before it is another's. */
function beginsSymbol(context: RuleContext, insn: number): boolean {
  const { code, functions } = context.flow;
  if (functions.ofInsn[insn] !== NONE) return false;
  const covering = codeSymbol(context, insn);
  return covering !== NONE && code.object.symbols.value[covering] === code.insns.offset[insn];
}

/** What one report is made for: a function with its parts; code without one counts by the symbol that covers it. */
function wholeOf(context: RuleContext, owner: number, insn: number): number {
  return owner === NONE ? -2 - codeSymbol(context, insn) : (context.flow.functions.table.parent[owner] as number);
}

/**
 * Cold parts that only code without a symbol leads to: in a linked object that was a weak function whose name now belongs to the strong one,
 * and the part kept its own.
 */
function orphanParts(context: RuleContext): ReadonlySet<number> {
  const { flow } = context;
  const { ofInsn, table } = flow.functions;
  const orphans = new Set<number>();
  const parented = new Set<number>();
  for (let n = 0; n < flow.turns.length; n++) {
    const i = flow.turns[n] as number;
    const to = flow.target.at(i);
    const f = to === NONE ? NONE : (ofInsn[to] as number);
    if (f === NONE || table.parent[f] === f || ofInsn[i] === f) continue;
    if (ofInsn[i] !== NONE || codeSymbol(context, i) !== NONE) parented.add(f);
    else orphans.add(f);
  }
  for (const f of parented) orphans.delete(f);
  return orphans;
}

/** Whether one of the instructions that no path reaches is a function's. */
function isUnreached(context: RuleContext, insn: number): boolean {
  const { flow } = context;
  if (flow.kind[insn] === KIND_UNKNOWN) return false;
  const f = flow.functions.ofInsn[insn] as number;
  // What no symbol covers was a weak function before the link, or nobody says what it is; but for what a function that nobody follows runs into.
  if (f === NONE) return codeSymbol(context, insn) !== NONE || isRunInto(context, insn);
  if (flow.marks.excluded[f] === 1) return false;
  const { names } = flow.code.arch;
  const name = flow.code.object.symbolName[flow.functions.table.symbol[f] as number] as string;
  return !names.isStaticCallTrampoline(name) && !names.isPrefixSymbol(name);
}

/** Whether the code before it is that of an excluded function, whose symbol is too short: no jump, nor a call, which may never come back. */
function isRunInto({ flow }: RuleContext, insn: number): boolean {
  const before = insn - 1;
  if (before < 0 || flow.next.of(before) !== insn) return false;
  const f = flow.functions.ofInsn[before] as number;
  return f !== NONE && flow.marks.excluded[f] === 1 && flow.kind[before] === KIND_OTHER;
}

/** Symbol of assembly code that is no function; NONE for code of no symbol, and for what the link throws away. */
function codeSymbol(context: RuleContext, insn: number): number {
  const { code, functions } = context.flow;
  const section = code.insns.section[insn] as number;
  if ((code.object.sectionName[section] as string).startsWith(".discard")) return NONE;
  return functions.symbolCovering(section, code.insns.offset[insn] as number);
}

/**
 * Dead code that is nobody's mistake, with what is reached from there: the traps that compilers put behind dead ends, and what follows calls of
 * functions that are in `told` and never return for that reason (not because the tree lists them).
 */
function explainedCode(context: RuleContext, told: ReadonlySet<number>): BitSet {
  const { flow, returns } = context;
  const explained = new BitSet(flow.kind.length);
  const work: number[] = [];
  const explain = (insn: number): void => {
    if (context.frames.state[insn] === NONE && !explained.has(insn)) {
      explained.add(insn);
      work.push(insn);
    }
  };
  const { next: following } = flow;
  const { state } = context.frames;
  const sanitizers = sanitizerSymbols(context);
  const explainBehind = (i: number): void => {
    const next = following.of(i);
    if (next === NONE || state[next] !== NONE) return;
    const isDeadCall = flow.kind[i] === KIND_CALL && returns.deadCall.has(i);
    // Of a callee that the tree lists it does not matter what else is wrong with it.
    const isByBody = isDeadCall && !context.isListedNoreturn(calleeSymbol(context, i));
    const callee = isByBody ? functionOfSymbol(flow, flow.symbol.at(i)) : NONE;
    if (callee !== NONE && told.has(flow.functions.table.parent[callee] as number)) explain(next);
    if ((isDeadCall || flow.kind[i] === KIND_BUG) && isTrapOrWayToOne(context, next)) explain(next);
    else if (sanitizers.size > 0 && isSanitizerCall(context, sanitizers, next)) explain(next);
  };
  if (sanitizers.size > 0) for (let i = 0; i < state.length; i++) explainBehind(i);
  else
    for (const kind of [KIND_CALL, KIND_BUG]) {
      const rows = flow.rows.of(kind);
      for (let n = 0; n < rows.length; n++) explainBehind(rows[n] as number);
    }
  const after = successors(flow, returns);
  const { edges } = flow.instead;
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    for (let e = lowerBound(edges.from, i, 0, edges.length); e < edges.length && edges.from[e] === i; e++)
      explain(edges.to[e] as number);
    const count = after.of(i);
    for (let n = 0; n < count; n++) explain(after.to[n] as number);
  }
  return explained;
}

function calleeSymbol(context: RuleContext, insn: number): string {
  const symbol = context.flow.symbol.at(insn);
  return symbol === NONE ? "" : (context.flow.code.object.symbolName[symbol] as string);
}

function isTrapOrWayToOne(context: RuleContext, insn: number): boolean {
  const { kind, target } = context.flow;
  if (kind[insn] === KIND_BUG) return true;
  return (
    isDirectBranch(kind[insn] as number) &&
    kind[insn] === KIND_JUMP &&
    target.at(insn) !== NONE &&
    kind[target.at(insn)] === KIND_BUG
  );
}

// Calls that instrumentation puts where the program never comes: compiler-rt/lib/ubsan/ubsan_handlers.h, asan_interface_internal.h.
const sanitizerCalls: ReadonlySet<string> = new Set(["__ubsan_handle_builtin_unreachable", "__asan_handle_no_return"]);
const SANITIZER_REACH = 5;

function sanitizerSymbols(context: RuleContext): ReadonlySet<number> {
  const { symbols, symbolName } = context.flow.code.object;
  const found = new Set<number>();
  for (const name of sanitizerCalls)
    for (let s = symbolName.indexOf(name); s > 0; s = symbolName.indexOf(name, s + 1))
      if (symbols.binding[s] !== STB_LOCAL) found.add(s);
  return found;
}

function isSanitizerCall(context: RuleContext, sanitizers: ReadonlySet<number>, insn: number): boolean {
  let i = insn;
  for (let n = 0; n < SANITIZER_REACH && i !== NONE; n++) {
    if (sanitizers.has(context.flow.symbol.at(i))) return true;
    i = context.flow.kind[i] === KIND_JUMP ? context.flow.target.at(i) : context.flow.next.of(i);
  }
  return false;
}
