import { type SparseColumn, SparseColumnBuilder } from "../base/sparse-column.ts";
import { NONE } from "../base/table.ts";
import { STT_SECTION } from "../elf/constants.ts";
import {
  KIND_BRANCH,
  KIND_BUG,
  KIND_CALL,
  KIND_CONTEXT_CALL,
  KIND_CONTEXT_RETURN,
  KIND_INDIRECT_CALL,
  KIND_INDIRECT_JUMP,
  KIND_JUMP,
  KIND_LANDING_PAD,
  KIND_NOP,
  KIND_OTHER,
  KIND_RETURN,
  KIND_TRAP,
  KIND_UNKNOWN,
  newDecodeOutput,
} from "../isa/insn-table.ts";
import { Callees } from "./callees.ts";
import { type Code, insnAt, insnCovering, insnEnd } from "./code.ts";
import { formatsOfObject, type KernelFormats } from "./formats.ts";
import { FUNCTION_WITHOUT_SIZE, type Functions, sameFamily } from "./functions.ts";
import { type HintTable, readHints } from "./hints.ts";
import { type Instead, readInstead } from "./instead.ts";
import { findTableEdges, type TableEdges } from "./jump-tables.ts";
import { KindRows } from "./kind-rows.ts";
import { MARK_INSTEAD, MARK_INTRA_CALL, MARK_REACHABLE, type Marks, readMarks } from "./marks.ts";
import { NextInsns } from "./next.ts";

// Kinds that only relocations, symbols and annotations can tell; they continue the KIND_* numbers of src/isa.

/** Unconditional jump that leaves for another function or object. */
export const KIND_TAIL_CALL = 32;
/** Conditional branch that leaves for another function or object. */
export const KIND_CONDITIONAL_TAIL = 33;
/** Annotated call inside its function: pushes, then jumps to `target`. */
export const KIND_INTRA_CALL = 34;
/** Indirect jump without a table: leaves the function. */
export const KIND_INDIRECT_TAIL = 35;
/** Indirect jump through a known table: see `tables`. */
export const KIND_TABLE_JUMP = 36;
/** A trap that execution continues behind. */
export const KIND_REPORT = 37;

/** What is wrong with a branch, found while resolving it. */
export const FAULT_INTO_INSTRUCTION = 1;
export const FAULT_OUTSIDE_CODE = 2;
export const FAULT_UNANNOTATED_INTRA_CALL = 3;

export interface BranchFault {
  readonly insn: number;
  /** FAULT_* */
  readonly fault: number;
  /** Where it goes. */
  readonly section: number;
  readonly offset: number;
}

/** The control flow of one object: columns beside code.insns. */
export interface Flow {
  readonly code: Code;
  readonly functions: Functions;
  readonly formats: KernelFormats;
  readonly marks: Marks;
  readonly hints: HintTable;
  readonly instead: Instead;
  readonly tables: TableEdges;
  /** insn -> KIND_*, refined */
  readonly kind: Uint8Array;
  /** insn -> instruction that a direct branch reaches, or NONE */
  readonly target: SparseColumn;
  /** insn -> symbol that a call or tail call names, or NONE */
  readonly symbol: SparseColumn;
  /** Which instruction stands behind another. */
  readonly next: NextInsns;
  /** Instructions that may do something else than go on behind themselves, and those that change a flag, ascending: a sixth of all. */
  readonly turns: Int32Array;
  /** The turns by `kind`. */
  readonly rows: KindRows;
  /** Direct branches and calls that lead to code of no function, ascending: a few. */
  readonly toNobody: readonly number[];
  readonly faults: readonly BranchFault[];
  /** Indirect jumps that no table was found for, inside functions that have sized symbols. */
  readonly unresolved: readonly number[];
}

/** @param tree what the tree says of annotation sections; without it the object says what it can */
export function buildFlow(code: Code, functions: Functions, tree?: KernelFormats): Flow {
  const formats = formatsOfObject(code.object, tree);
  const marks = readMarks(code, functions, formats);
  const hints = readHints(code, marks, formats.hints);
  const instead = readInstead(code, marks, formats);
  const kind = code.insns.kind.slice();
  const faults: BranchFault[] = [];
  const thunks = new Uint8Array(code.object.symbols.length);
  const indirectJumps: number[] = [];
  const turns = findTurns(kind);
  const target = new SparseColumnBuilder(kind.length, turns.length);
  const symbol = new SparseColumnBuilder(kind.length, turns.length >>> 1);
  const draft: Draft = {
    code,
    functions,
    marks,
    instead,
    kind,
    target,
    symbol,
    toNobody: [],
    faults,
    callees: new Callees(code, functions),
  };
  const { ofInsn } = functions;
  const { insns } = code;
  for (let n = 0; n < turns.length; n++) {
    const i = turns[n] as number;
    const k = kind[i] as number;
    // Most are branches inside of a function that the assembler resolved.
    if (k <= KIND_BRANCH && marks.bits[i] === 0 && ofInsn[i] !== NONE && code.reloc.at(i) === NONE) {
      const to = insnAt(code, insns.section[i] as number, insns.target.at(i));
      if (to !== NONE && ofInsn[to] === ofInsn[i] && !instead.replacementOf.has(i)) {
        target.add(i, to);
        continue;
      }
    }
    if (((marks.bits[i] as number) & MARK_INSTEAD) !== 0 && instead.madeNop.has(i)) {
      kind[i] = KIND_NOP;
      continue;
    }
    if (k <= KIND_CALL) resolveBranch(draft, i, k, thunks);
    else if (k === KIND_BUG && ((marks.bits[i] as number) & MARK_REACHABLE) !== 0) kind[i] = KIND_REPORT;
    // Inside a function an iret goes on behind itself: it pops the frame that was pushed for it (sync_core() style).
    else if (k === KIND_CONTEXT_RETURN && code.insns.op.at(i) !== NONE && functions.ofInsn[i] !== NONE)
      kind[i] = KIND_OTHER;
    // A function that calls another context comes back behind it; whether it may do so at all is a rule's question.
    else if (k === KIND_CONTEXT_CALL && functions.ofInsn[i] !== NONE) kind[i] = KIND_OTHER;
    if (kind[i] === KIND_INDIRECT_JUMP) indirectJumps.push(i);
  }
  const tables = findTableEdges(code, functions, indirectJumps);
  const unresolved: number[] = [];
  for (const i of indirectJumps) {
    if (tables.resolved.has(i)) kind[i] = KIND_TABLE_JUMP;
    else {
      kind[i] = KIND_INDIRECT_TAIL;
      if (functions.ofInsn[i] !== NONE) unresolved.push(i);
    }
  }
  return {
    code,
    functions,
    formats,
    marks,
    hints,
    instead,
    tables,
    kind,
    target: target.finish(kind.length),
    symbol: symbol.finish(kind.length),
    next: new NextInsns(code, marks, instead),
    turns,
    rows: new KindRows(turns, kind),
    toNobody: draft.toNobody,
    faults,
    unresolved,
  };
}

function findTurns(kind: Uint8Array): Int32Array {
  const isTurn = new Uint8Array(256).fill(1);
  for (const k of [KIND_UNKNOWN, KIND_OTHER, KIND_NOP, KIND_TRAP, KIND_LANDING_PAD]) isTurn[k] = 0;
  // Room for all: what is not written is no memory until then.
  const turns = new Int32Array(kind.length + 1);
  let count = 0;
  for (let i = 0; i < kind.length; i++) {
    turns[count] = i;
    count += isTurn[kind[i] as number] as number;
  }
  return turns.subarray(0, count);
}

/** Instructions are resolved in ascending order, each once. */
type Draft = Pick<Flow, "code" | "functions" | "marks" | "instead" | "kind"> & {
  readonly target: SparseColumnBuilder;
  readonly symbol: SparseColumnBuilder;
  readonly toNobody: number[];
  readonly faults: BranchFault[];
  readonly callees: Callees;
};

// What a symbol is to branches, as its name says; 0 for one that nobody has asked for yet.
const THUNK_NONE = 1;
const THUNK_RETURN = 2;
const THUNK_INDIRECT = 3;

function thunkOf(code: Code, symbol: number, known: Uint8Array): number {
  let thunk = known[symbol] as number;
  if (thunk === 0) {
    const name = code.object.symbolName[symbol] as string;
    const { names } = code.arch;
    thunk = names.isReturnThunk(name) ? THUNK_RETURN : names.isIndirectThunk(name) ? THUNK_INDIRECT : THUNK_NONE;
    known[symbol] = thunk;
  }
  return thunk;
}

/** @param thunks symbol -> THUNK_*, filled as needed */
function resolveBranch(flow: Draft, insn: number, kind: number, thunks: Uint8Array): void {
  const { code } = flow;
  const section = code.insns.section[insn] as number;
  const relocRow = code.reloc.at(insn);
  let toSection = section;
  let toOffset = code.insns.target.at(insn);
  let named = NONE;
  if (relocRow !== NONE) {
    const relocs = code.object.relocs(section);
    named = relocs.symbol[relocRow] as number;
    const thunk = thunkOf(code, named, thunks);
    if (thunk === THUNK_RETURN && kind === KIND_JUMP) {
      flow.kind[insn] = KIND_RETURN;
      return;
    }
    if (thunk === THUNK_INDIRECT) {
      flow.kind[insn] =
        kind === KIND_CALL ? KIND_INDIRECT_CALL : kind === KIND_JUMP ? KIND_INDIRECT_JUMP : KIND_CONDITIONAL_TAIL;
      return;
    }
    toSection = code.object.symbols.section[named] as number;
    const from =
      code.arch.relocs.displacementFrom === "insn-end" ? insnEnd(code, insn) - (relocs.offset[relocRow] as number) : 0;
    toOffset = (code.object.symbols.value[named] as number) + (relocs.addend[relocRow] as number) + from;
  }
  if (kind === KIND_CALL) resolveCall(flow, insn, toSection, toOffset, named);
  else resolveJump(flow, insn, kind, toSection, toOffset, named);
}

function nameSymbol({ symbol }: Draft, insn: number, named: number): void {
  if (named !== NONE) symbol.add(insn, named);
}

function resolveCall(flow: Draft, insn: number, section: number, offset: number, named: number): void {
  const { code, functions, marks } = flow;
  const intra = ((marks.bits[insn] as number) & MARK_INTRA_CALL) !== 0;
  if (section <= 0) {
    nameSymbol(flow, insn, named);
    return;
  }
  const to = flow.callees.row(section, offset, named);
  if (to === NONE) {
    const label = flow.callees.label(section, offset, named);
    // Assembly may name an instruction that lies inside another one's bytes.
    if (code.sectionEnd[section] === code.sectionStart[section]) nameSymbol(flow, insn, named);
    else if (label !== NONE) nameSymbol(flow, insn, label);
    else flow.faults.push({ insn, fault: FAULT_INTO_INSTRUCTION, section, offset });
    return;
  }
  flow.target.add(insn, to);
  const there = functions.ofInsn[to] as number;
  if (there === NONE) flow.toNobody.push(insn);
  if (intra) {
    flow.kind[insn] = KIND_INTRA_CALL;
    return;
  }
  const label = flow.callees.label(section, offset, named);
  // Where a call pushes nothing it may go anywhere in its function (arm64: `bl` to the next label in entry.S).
  const pushes = code.arch.registers.callPush !== 0;
  // A cold part is the middle of its function, whatever symbol it has.
  const isPart = there !== NONE && functions.table.parent[there] !== there;
  if ((label === NONE || isPart) && pushes)
    flow.faults.push({ insn, fault: FAULT_UNANNOTATED_INTRA_CALL, section, offset });
  const { type, value } = code.object.symbols;
  const isNamed = named !== NONE && type[named] !== STT_SECTION && value[named] === offset;
  nameSymbol(flow, insn, label === NONE || isNamed ? named : label);
}

function resolveJump(flow: Draft, insn: number, kind: number, section: number, offset: number, named: number): void {
  const { code, functions } = flow;
  const leaves = kind === KIND_JUMP ? KIND_TAIL_CALL : KIND_CONDITIONAL_TAIL;
  if (section <= 0) {
    nameSymbol(flow, insn, named);
    flow.kind[insn] = leaves;
    return;
  }
  const row = flow.instead.replacementOf.get(insn);
  let to = insnAt(code, section, offset);
  // A jump to the end of a replacement goes to the instruction behind the original (arch/x86/include/asm/alternative.h).
  if (row !== undefined && section === code.insns.section[insn]) {
    const { alternatives } = flow.instead;
    const last = (alternatives.replacementEnd[row] as number) - 1;
    if (offset === insnEnd(code, last)) to = alternatives.to[row] as number;
  }
  if (to === NONE) {
    if (code.sectionEnd[section] === code.sectionStart[section]) {
      nameSymbol(flow, insn, named);
      flow.kind[insn] = leaves;
      return;
    }
    const inside = insnCovering(code, section, offset) !== NONE;
    if (inside && functions.labelAt(section, offset) !== NONE) {
      // Assembly names an instruction that lies inside another one's bytes: the label is what is executed here.
      flow.kind[insn] = kindOfEmbedded(code, section, offset);
      return;
    }
    flow.faults.push({ insn, fault: inside ? FAULT_INTO_INSTRUCTION : FAULT_OUTSIDE_CODE, section, offset });
    return;
  }
  flow.target.add(insn, to);
  const here = ownerOf(flow, insn);
  const there = functions.ofInsn[to] as number;
  if (there === NONE) {
    flow.toNobody.push(insn);
    // From a function to named assembly that is none: left for good, and what is there states its own frame by a hint.
    if (here === NONE || named === NONE || code.object.symbols.type[named] === STT_SECTION) return;
    flow.kind[insn] = leaves;
    nameSymbol(flow, insn, named);
    return;
  }
  if (here !== NONE && sameFamily(functions.table, here, there)) return;
  const { table } = functions;
  // Code that a function's author put elsewhere by hand may lead into the function's cold part (.altinstr_aux of static_cpu_has()).
  if (here === NONE && table.parent[there] !== there) return;
  const isEntry = table.start[there] === offset || isBehindLandingPad(flow, there, to);
  if (!isEntry || ((table.flags[there] as number) & FUNCTION_WITHOUT_SIZE) !== 0) return;
  flow.kind[insn] = leaves;
  nameSymbol(flow, insn, isNamedAs(code, named, there, functions) ? named : (table.symbol[there] as number));
}

/** The symbol that the code names is an alias of the function: what others see of it is that name's. */
function isNamedAs({ object }: Code, named: number, f: number, { table }: Functions): boolean {
  const { symbols } = object;
  return (
    named !== NONE &&
    symbols.type[named] !== STT_SECTION &&
    symbols.section[named] === table.section[f] &&
    symbols.value[named] === table.start[f]
  );
}

/** Kind of the instruction that the bytes at a label form, where it ends the path; anything else is not followed. */
function kindOfEmbedded(code: Code, section: number, offset: number): number {
  const bytes = code.object.bytes(section);
  const out = newDecodeOutput(16);
  code.arch.decode(bytes, section, offset, Math.min(bytes.length, offset + 16), out);
  return out.insns.columns.kind[0] === KIND_RETURN ? KIND_RETURN : KIND_TAIL_CALL;
}

/** A replacement's instructions belong to the function that they are patched into. */
export function ownerOf(flow: Pick<Flow, "code" | "functions" | "instead">, insn: number): number {
  const row = flow.instead.replacementOf.get(insn);
  return flow.functions.ofInsn[row === undefined ? insn : (flow.instead.alternatives.from[row] as number)] as number;
}

/** Compilers may jump past the landing pad of a function in the same object (gcc -fcf-protection with -O2). */
function isBehindLandingPad(flow: Draft, f: number, insn: number): boolean {
  const first = flow.functions.table.firstInsn[f] as number;
  return first !== NONE && insn === first + 1 && flow.code.insns.kind[first] === KIND_LANDING_PAD;
}

/** Whether the direct branch kinds include this one: `target` is where it goes inside the object. */
export function isDirectBranch(kind: number): boolean {
  return kind === KIND_JUMP || kind === KIND_BRANCH;
}
