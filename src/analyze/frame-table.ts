import { lowerBound, NONE } from "../base/table.ts";
import type { Flow } from "../flow/flow.ts";
import { functionName } from "../flow/functions.ts";
import type { Returns } from "../flow/returns.ts";
import { outerPlace, type SourcePlace } from "../rules/finding.ts";
import { compareHints, type HintWay } from "../unwind/hint-compare.ts";
import type { Frames } from "../unwind/simulate.ts";
import { CLAIM_WRONG, claimWhy } from "../unwind/witness-claims.ts";
import {
  compareWitness,
  type KeptBits,
  type Stretch,
  SUBJECT_CFA,
  SUBJECT_SIGNAL,
  subjectName,
} from "../unwind/witness-compare.ts";
import { describeFrame, ruledRegisters, type WitnessKind, type WitnessRows } from "../unwind/witness-rows.ts";
import { witnessSpans } from "../unwind/witness-table.ts";
import type { Compilers } from "./compilers.ts";
import { type Explained, explainStretches, type HeardRows } from "./known-stretches.ts";

// The table of PC against witnesses: what each of them says of the frame over the code of one function, and where the instructions contradict it.
// `objreview unwind` prints all of it, a finding about unwind data shows the rows around its place.

/** A stretch of code that has a symbol: a function, or a part of one (`.cold`). */
export interface FunctionPart {
  /** The symbol. */
  readonly name: string;
  /** -> ELF section */
  readonly section: number;
  /** Section offsets in bytes, of the first one and behind the last. */
  readonly start: number;
  readonly end: number;
}

export function partOf({ code, functions }: Flow, f: number): FunctionPart {
  const { table } = functions;
  return {
    name: code.object.symbolName[table.symbol[f] as number] ?? functionName(code, functions, f),
    section: table.section[f] as number,
    start: table.start[f] as number,
    end: table.end[f] as number,
  };
}

/** A range of bytes over which each witness says one thing. */
export interface FrameRow {
  /** Section offsets in bytes, of the first one and behind the last. */
  readonly start: number;
  readonly end: number;
  /** In the order of the witnesses: the frame, or NONE where it says nothing. */
  readonly frames: readonly number[];
  /** In the order of the witnesses: what it contradicts the instructions in, at one of the instructions that begin here: "CFA", "signal", registers. */
  readonly wrong: readonly (readonly string[])[];
  /** In the order of the witnesses: known defects of compilers that explain some of `wrong`; nothing where the table was not told of compilers. */
  readonly known: readonly (readonly Explained[])[];
  /** A witness contradicts the instructions. */
  readonly differs: boolean;
  /** It does, and known defects explain all of it. */
  readonly isKnown: boolean;
  /** It does so by nothing but a slot that lies below the stack pointer, of a register that has been given back: clang's rows do in every epilogue. */
  readonly onlyBelowStack: boolean;
  /** -> first instruction that begins here, or NONE */
  readonly insn: number;
}

export interface SideBySide {
  readonly flow: Flow;
  readonly returns: Returns;
  readonly frames: Frames;
  readonly kept: KeptBits;
  /** The instructions first. */
  readonly witnesses: readonly WitnessRows[];
}

/** The witnesses of one object side by side. A frame that is written in another way, and true, contradicts nothing. */
export class WitnessTable {
  readonly witnesses: readonly WitnessRows[];
  readonly flow: Flow;
  /** In the order of the witnesses: instruction -> what it is wrong of there */
  readonly #wrongAt: readonly ReadonlyMap<number, readonly WrongHere[]>[];
  /** Instructions at which one of them is wrong by more than a slot below the stack pointer. */
  readonly #graveAt = new Set<number>();
  /** hinted instruction -> the ways to it */
  readonly #ways = new Map<number, HintWay[]>();
  readonly #known: ReadonlyMap<Stretch, Explained>;

  /** @param compilers who compiled the object, where known defects of theirs are to be told */
  constructor({ flow, returns, frames, kept, witnesses }: SideBySide, compilers?: Compilers) {
    this.flow = flow;
    this.witnesses = witnesses;
    const heard: HeardRows[] = [];
    this.#wrongAt = witnesses.map((witness, n) => {
      const found = new Map<number, WrongHere[]>();
      const add = (insn: number, subject: number, why: string | undefined, stretch?: Stretch): void => {
        if (why !== claimWhy.belowStack) this.#graveAt.add(insn);
        const here = found.get(insn);
        if (here === undefined) found.set(insn, [{ subject, stretch }]);
        else here.push({ subject, stretch });
      };
      // What is held against a hint is the frame on the way to it: at the hint the instructions only have what it says.
      if (witness.witness === "hints")
        for (const way of compareHints(flow, returns, frames, witness).ways) {
          this.#ways.set(way.insn, [...(this.#ways.get(way.insn) ?? []), way]);
          if (way.verdict === CLAIM_WRONG)
            add(way.insn, way.why === claimWhy.signal ? SUBJECT_SIGNAL : SUBJECT_CFA, way.why);
        }
      else if (n > 0) {
        const comparison = compareWitness(flow, frames, kept, witness, 0, (insn, subject, claim, stretch) => {
          if (claim.verdict === CLAIM_WRONG) add(insn, subject, claim.why, stretch);
        });
        // No compiler writes the kernel's own table.
        if (witness.witness !== "orc") heard.push({ rows: witness, comparison });
      }
      return found;
    });
    this.#known = compilers === undefined ? new Map() : explainStretches({ flow, frames }, heard, compilers);
  }

  /** To the hinted instruction at the start of a row, if one is there. */
  ways({ start, insn }: FrameRow): readonly HintWay[] {
    const { offset } = this.flow.code.insns;
    return insn === NONE || offset[insn] !== start ? [] : (this.#ways.get(insn) ?? []);
  }

  /** All rows of a part, without gaps. Linear in its instructions and rows. */
  rows({ section, start, end }: FunctionPart): FrameRow[] {
    const { code } = this.flow;
    const { offset } = code.insns;
    const last = code.sectionEnd[section] as number;
    let insn = lowerBound(offset, start, code.sectionStart[section] as number, last);
    return witnessSpans(this.witnesses, section, start, end).map((span) => {
      const first = insn;
      let isGrave = false;
      for (; insn < last && (offset[insn] as number) < span.end; insn++) isGrave ||= this.#graveAt.has(insn);
      const here = this.#wrongAt.map((at) => wrongWithin(at, first, insn));
      const wrong = here.map((each) => this.#subjects(each));
      const known = here.map((each) => this.#explained(each));
      const differs = wrong.some(({ length }) => length > 0);
      const isKnown =
        differs && here.every((each) => each.every(({ stretch }) => stretch !== undefined && this.#known.has(stretch)));
      const onlyBelowStack = differs && !isGrave;
      return { ...span, wrong, known, differs, isKnown, onlyBelowStack, insn: first < insn ? first : NONE };
    });
  }

  /** What each witness says in a row, in words; "" where it has no row there. */
  words({ frames }: FrameRow): string[] {
    const told = new Set<number>();
    frames.forEach((frame, n) => {
      if (frame === NONE) return;
      for (const register of ruledRegisters(this.witnesses[n]!, frame)) told.add(register);
    });
    const { arch } = this.flow.code;
    return frames.map((frame, n) => (frame === NONE ? "" : describeFrame(arch, this.witnesses[n]!, frame, told)));
  }

  #subjects(here: readonly WrongHere[]): readonly string[] {
    if (here.length === 0) return nothing;
    const found = new Set(here.map(({ subject }) => subject));
    return [...found].map((subject) => subjectName(this.flow, subject));
  }

  #explained(here: readonly WrongHere[]): readonly Explained[] {
    if (here.length === 0 || this.#known.size === 0) return nothing;
    const found = new Map<string, Explained>();
    for (const { stretch } of here) {
      const explained = stretch === undefined ? undefined : this.#known.get(stretch);
      if (explained !== undefined) found.set(explained.defect, explained);
    }
    return [...found.values()];
  }
}

/** What a witness is wrong of at one instruction. */
interface WrongHere {
  readonly subject: number;
  /** The run of instructions that it is part of; a hint has none. */
  readonly stretch: Stretch | undefined;
}

const nothing: readonly never[] = [];

function wrongWithin(at: ReadonlyMap<number, readonly WrongHere[]>, from: number, to: number): readonly WrongHere[] {
  if (at.size === 0) return nothing;
  const found: WrongHere[] = [];
  for (let insn = from; insn < to; insn++) for (const each of at.get(insn) ?? []) found.push(each);
  return found;
}

/** Rows of one finding's table; a function may have thousands. */
const MAX_ROWS = 24;
/** Rows before and behind the place of the finding, and those beside one that is contradicted. */
const AROUND_SITE = 4;
const AROUND_OTHER = 1;

/** The part of the table that a finding shows. */
export interface FrameExcerpt {
  readonly function: string;
  readonly section: string;
  /** Those that have a row in the function, the instructions first. */
  readonly witnesses: readonly WitnessKind[];
  readonly rows: readonly {
    /** Section offsets in bytes, of the first one and behind the last. */
    readonly start: number;
    readonly end: number;
    /** Section offset of the first instruction; undefined where none begins here. */
    readonly insn: number | undefined;
    /** Its source line, 0 for none. */
    readonly line: number;
    readonly says: readonly { readonly frame: string; readonly wrong: readonly string[] }[];
    readonly isSite: boolean;
    /** Rows left out before this one, where there are any. */
    readonly skipped?: number;
  }[];
  /** Rows behind the last one that are left out. */
  readonly omittedRows: number;
  /** Rows of the whole function in which a witness is contradicted. */
  readonly differingRows: number;
}

/**
 * The rows around instruction `at`, the function's first one, and those where a witness is contradicted, nearest first.
 * Undefined where no function has the instruction.
 */
export function frameExcerpt(
  table: WitnessTable,
  at: number,
  placeOf: (insn: number) => SourcePlace | undefined,
): FrameExcerpt | undefined {
  const { code, functions } = table.flow;
  const f = functions.ofInsn[at] as number;
  if (f < 0) return undefined;
  const part = partOf(table.flow, f);
  const place = code.insns.offset[at] as number;
  const rows = table.rows(part);
  const site = rows.findIndex(({ start, end }) => start <= place && place < end);
  if (site < 0) return undefined;
  const heard = table.witnesses.flatMap((_, n) => (rows.some(({ frames }) => frames[n] !== NONE) ? [n] : []));
  const shown = chooseRows(rows, site);
  let before = -1;
  return {
    function: part.name,
    section: code.object.sectionName[part.section] as string,
    witnesses: heard.map((n) => table.witnesses[n]!.witness),
    rows: shown.map((n) => {
      const row = rows[n] as FrameRow;
      const words = table.words(row);
      const source = row.insn === NONE ? undefined : placeOf(row.insn);
      const skipped = n - before - 1;
      before = n;
      return {
        start: row.start,
        end: row.end,
        insn: row.insn === NONE ? undefined : (code.insns.offset[row.insn] as number),
        line: source === undefined ? 0 : outerPlace(source).line,
        says: heard.map((w) => ({ frame: words[w] as string, wrong: row.wrong[w] as readonly string[] })),
        isSite: n === site,
        ...(skipped === 0 ? {} : { skipped }),
      };
    }),
    omittedRows: rows.length - before - 1,
    differingRows: rows.filter(({ differs }) => differs).length,
  };
}

/** Ascending: the site, the first row, contradicted ones that a rule would tell of. One row alone is shown rather than counted, where there is room. */
function chooseRows(rows: readonly FrameRow[], site: number): number[] {
  const chosen = new Set<number>();
  const add = (n: number) => {
    if (n >= 0 && n < rows.length && chosen.size < MAX_ROWS) chosen.add(n);
  };
  for (let away = 0; away <= AROUND_SITE; away++) for (const n of [site - away, site + away]) add(n);
  add(0);
  const contradicted = rows.flatMap(({ differs, onlyBelowStack }, n) => (differs && !onlyBelowStack ? [n] : []));
  contradicted.sort((a, b) => Math.abs(a - site) - Math.abs(b - site) || a - b);
  for (const n of contradicted)
    for (let away = 0; away <= AROUND_OTHER; away++) for (const m of [n - away, n + away]) add(m);
  for (const n of [...chosen]) if (chosen.has(n + 2)) add(n + 1);
  return [...chosen].sort((a, b) => a - b);
}
