import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TreeFacts } from "../../src/analyze/analyze-object.ts";
import { type WitnessesOfObject, witnessesOfObject } from "../../src/analyze/witnesses-of-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { NONE } from "../../src/base/table.ts";
import { WorkBudget } from "../../src/dwarf/budget.ts";
import { buildFunctionTree, findNode } from "../../src/dwarf/function-tree.ts";
import { DebugSections, readUnits } from "../../src/dwarf/units.ts";
import { placeName } from "../../src/flow/code.ts";
import { functionName } from "../../src/flow/functions.ts";
import { KIND_CALL, KIND_INDIRECT_CALL } from "../../src/isa/insn-table.ts";
import { describeState } from "../../src/unwind/state.ts";
import { CLAIM_WRONG } from "../../src/unwind/witness-claims.ts";
import { compareWitness, subjectName } from "../../src/unwind/witness-compare.ts";
import { describeFrame, findWitnessRow, type WitnessRows } from "../../src/unwind/witness-rows.ts";
import { addHints, type HintSum, newHintSum } from "./hints.ts";
import { type Compiler, predictReasons, type ReasonId } from "./reasons.ts";

/** DWARF 5, 7.12, DW_LANG_lo_user + 1: what assemblers say of their input. */
const DW_LANG_Mips_Assembler = 0x8001;
/** Bytes: the debug information of a linked kernel, and as much again. */
const DEBUG_BUDGET = 2 ** 31;

// What the witnesses of many objects say, counted.

/** Differences of one reason, or of one class without a reason. */
export interface Group {
  /** Claims: an instruction, and a register or the CFA at it. */
  claims: number;
  /** Of those, at calls. */
  calls: number;
  readonly functions: Set<string>;
  example: string;
}

/** What the rules of a reason predict, and what is there. */
export interface ReasonSum extends Group {
  /** Predicted, and the witness says what the instructions do. */
  notThere: number;
  notThereExample: string;
}

export interface WitnessSum {
  objects: number;
  functions: number;
  /** Instructions that were walked. */
  instructions: number;
  /** Of those, the ones that a row covers. */
  covered: number;
  /** subject -> counts by CLAIM_* */
  readonly counts: Map<string, number[]>;
  readonly reasons: Map<ReasonId, ReasonSum>;
  /** "class of claim, verdict" -> what no reason predicted */
  readonly unexplained: Map<string, Group>;
  /** Functions without any row: those that the debug information does not have as functions of the source, and the others. */
  absentAssembly: number;
  readonly absentSource: string[];
  /** Functions with a call that no row covers, though the witness has rows of them. */
  readonly missing: string[];
  /** Functions that ours cannot follow. */
  readonly notFollowed: Set<string>;
}

export interface Sums {
  readonly witnesses: Map<string, WitnessSum>;
  readonly hints: HintSum;
  readonly unread: string[];
}

export function newSums(): Sums {
  return { witnesses: new Map(), hints: newHintSum(), unread: [] };
}

/** Adds what the witnesses of `member` say, an object below `build`. @param wanted kinds of witnesses, all when empty */
export function addObject(
  sums: Sums,
  build: string,
  member: string,
  facts: TreeFacts,
  wanted: readonly string[],
): void {
  const found = witnessesOfObject(bytesSource(new Uint8Array(readFileSync(join(build, member)))), { facts });
  sums.unread.push(...found.unread.map((text) => `${member}: ${text}`));
  for (const witness of found.witnesses.slice(1)) {
    if (wanted.length > 0 && !wanted.includes(witness.witness)) continue;
    if (witness.witness === "hints") addHints(sums.hints, member, found, witness);
    else addWitness(sums, member, found, witness);
  }
}

function addWitness(sums: Sums, member: string, found: WitnessesOfObject, witness: WitnessRows): void {
  const { flow, frames, kept } = found;
  const { code, functions } = flow;
  const sum = sumOf(sums, witness.witness);
  const predicted = new Map<number, ReasonId>();
  const keyOf = (insn: number, subject: number): number => insn * 128 + subject;
  predictReasons(flow, witness, compilerOf(found), (reason, insn, subject) => {
    const key = keyOf(insn, subject);
    if (!predicted.has(key)) predicted.set(key, reason);
  });
  const wrong = new Map<number, string>();
  const result = compareWitness(flow, frames, kept, witness, 0, (insn, subject, { verdict, why }) =>
    wrong.set(keyOf(insn, subject), `${why} (${verdict === CLAIM_WRONG ? "wrong" : "open"})`),
  );
  const frameAt = (insn: number): number => {
    const row = findWitnessRow(witness, code.insns.section[insn] as number, code.insns.offset[insn] as number);
    return row === NONE ? NONE : (witness.rows.frame[row] as number);
  };
  const named = (f: number): string => `${member} ${functionName(code, functions, f)}`;
  const ownerName = (insn: number): string => {
    const owner = frames.owner.of(insn);
    return named(functions.table.parent[owner] as number);
  };
  const example = (insn: number, subject: number): string => {
    const state = frames.states.all[frames.state[insn] as number];
    const ours = state === undefined ? "nothing" : describeState(code.arch, state);
    const theirs = describeFrame(code.arch, witness, frameAt(insn));
    return `${ownerName(insn)}, ${subjectName(flow, subject)} at ${placeName(code, insn)}: instructions ${ours}; ${witness.witness} ${theirs}`;
  };
  const isTracked = (subject: number): boolean => subject >= 64 || witness.tracked.includes(subject);
  for (const [key, reason] of predicted) {
    const [insn, subject] = [Math.floor(key / 128), key % 128];
    if (frames.state[insn] === NONE || !isTracked(subject) || frameAt(insn) === NONE || wrong.has(key)) continue;
    const group = reasonOf(sum, reason);
    group.notThere++;
    if (group.notThereExample === "") group.notThereExample = example(insn, subject);
  }
  for (const [key, why] of wrong) {
    const [insn, subject] = [Math.floor(key / 128), key % 128];
    const reason = predicted.get(key);
    const name = subjectName(flow, subject);
    const group = reason !== undefined ? reasonOf(sum, reason) : groupOf(sum.unexplained, `${name} ${why}`);
    if (group.claims === 0) group.example = example(insn, subject);
    group.claims++;
    if (flow.kind[insn] === KIND_CALL || flow.kind[insn] === KIND_INDIRECT_CALL) group.calls++;
    group.functions.add(ownerName(insn));
    if (why.startsWith("not-followed")) sum.notFollowed.add(ownerName(insn));
  }
  sum.objects++;
  sum.functions += functions.table.length;
  sum.instructions += result.instructions;
  sum.covered += result.covered;
  for (const [subject, counts] of result.counts) {
    const name = subjectName(flow, subject);
    const all = sum.counts.get(name) ?? new Array<number>(counts.length).fill(0);
    for (const [n, count] of counts.entries()) all[n] = (all[n] as number) + count;
    sum.counts.set(name, all);
  }
  for (const { owner, insn } of result.missing) sum.missing.push(`${named(owner)}: ${placeName(code, insn)}`);
  const ofSource = sourceFunctions(found);
  for (const f of result.absent)
    if (ofSource(functions.table.section[f] as number, functions.table.start[f] as number))
      sum.absentSource.push(named(f));
    else sum.absentAssembly++;
}

/** Whether the debug information has a function of C at a byte: not of assembly, and not of assembly inside of C at file scope. */
function sourceFunctions({ flow }: WitnessesOfObject): (section: number, offset: number) => boolean {
  const { object } = flow.code;
  const units = readUnits(new DebugSections(object), new WorkBudget(DEBUG_BUDGET));
  const { nodes, segments } = buildFunctionTree(units);
  return (section, offset) => {
    const node = findNode(segments, section, offset);
    return node !== NONE && units[nodes.unit[node] as number]?.language !== DW_LANG_Mips_Assembler;
  };
}

/** By the compilers' mark in .comment; an object of assembly alone has none, and nothing to predict either. */
function compilerOf({ flow }: WitnessesOfObject): Compiler {
  const { object } = flow.code;
  const comment = object.findSection(".comment");
  const text = comment === NONE ? "" : Buffer.from(object.bytes(comment)).toString("latin1");
  return text.includes("clang") ? "clang" : "gcc";
}

function sumOf({ witnesses }: Sums, name: string): WitnessSum {
  let sum = witnesses.get(name);
  if (sum === undefined) {
    sum = {
      objects: 0,
      functions: 0,
      instructions: 0,
      covered: 0,
      counts: new Map(),
      reasons: new Map(),
      unexplained: new Map(),
      absentAssembly: 0,
      absentSource: [],
      missing: [],
      notFollowed: new Set(),
    };
    witnesses.set(name, sum);
  }
  return sum;
}

function reasonOf({ reasons }: WitnessSum, reason: ReasonId): ReasonSum {
  let found = reasons.get(reason);
  if (found === undefined) {
    found = { claims: 0, calls: 0, functions: new Set(), example: "", notThere: 0, notThereExample: "" };
    reasons.set(reason, found);
  }
  return found;
}

function groupOf(groups: Map<string, Group>, key: string): Group {
  let found = groups.get(key);
  if (found === undefined) {
    found = { claims: 0, calls: 0, functions: new Set(), example: "" };
    groups.set(key, found);
  }
  return found;
}
