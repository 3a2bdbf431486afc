import { type WitnessesOfObject, witnessesOfObject } from "../analyze/witnesses-of-object.ts";
import { UsageError } from "../base/errors.ts";
import { NONE } from "../base/table.ts";
import { builtInFacts } from "../facts/built-in.ts";
import { insnAt } from "../flow/code.ts";
import { FUNCTION_PREFIX, functionName } from "../flow/functions.ts";
import type { Arch } from "../isa/arch.ts";
import { openFileSource } from "../kernel/file-source.ts";
import { safeText } from "../report/safe.ts";
import { compareHints, type HintWay } from "../unwind/hint-compare.ts";
import { describeState, type FrameState } from "../unwind/state.ts";
import { CLAIM_SAME, CLAIM_WRONG, claimWhy } from "../unwind/witness-claims.ts";
import { compareWitness, subjectName } from "../unwind/witness-compare.ts";
import {
  describeFrame,
  describeRule,
  describeWitnessCfa,
  registerName,
  type WitnessRows,
} from "../unwind/witness-rows.ts";
import { compareFrames, type WitnessSpan, witnessSpans } from "../unwind/witness-table.ts";
import type { CommandIo } from "./check.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { inputError, readTree } from "./tree-input.ts";

// `objreview unwind`: what each witness of an object says of the frame at each instruction, side by side. docs/formats/unwind.md describes the JSON.

export interface UnwindOptions {
  readonly tree?: string;
  readonly json?: boolean;
  /** Only where a witness contradicts the instructions. */
  readonly differences?: boolean;
}

const JSON_VERSION = "1.1";
const LABEL_WIDTH = 14;

interface FunctionRange {
  readonly name: string;
  readonly section: number;
  readonly start: number;
  readonly end: number;
}

/** Exit status: 0 no witness contradicts the instructions, 1 one does, 2 the object or the function is not there. */
export function unwindCommand(path: string, name: string | undefined, options: UnwindOptions, io: CommandIo): number {
  const writer = new ChunkWriter(io);
  try {
    const facts = options.tree === undefined ? builtInFacts : readTree(options.tree);
    const source = openFileSource(path);
    try {
      const seen = witnessesOfObject(source, { facts });
      const functions = rangesOf(seen, name);
      if (functions.length === 0)
        throw new UsageError(name === undefined ? `${path}: no function in it` : `${path}: no function ${name} in it`);
      const print = options.json === true ? printJson : printText;
      const differing = print(path, seen, functions, options.differences === true, (text) => writer.write(text));
      writer.flush();
      for (const line of seen.unread) io.err(`objreview: ${safeText(`${path}: not read: ${line}`)}\n`);
      return differing === 0 ? 0 : 1;
    } finally {
      source.close();
    }
  } catch (error) {
    io.err(`objreview: ${safeText(inputError(path, error))}\n`);
    return 2;
  }
}

/**
 * Functions in the order of the code, and assembly with a size that is none; parts of a function (`.cold`) are told with it when it is asked for by
 * name.
 */
function rangesOf(seen: WitnessesOfObject, name: string | undefined): FunctionRange[] {
  const ranges = [...functionRanges(seen, name), ...assemblyRanges(seen, name)];
  return ranges.sort((a, b) => a.section - b.section || a.start - b.start);
}

function functionRanges({ flow }: WitnessesOfObject, name: string | undefined): FunctionRange[] {
  const { code, functions } = flow;
  const { table } = functions;
  const ranges: FunctionRange[] = [];
  for (let f = 0; f < table.length; f++) {
    if (functions.hasCode[f] === 0 || ((table.flags[f] as number) & FUNCTION_PREFIX) !== 0) continue;
    const own = functionName(code, functions, f);
    const whole = functionName(code, functions, table.parent[f] as number);
    if (name !== undefined && own !== name && whole !== name) continue;
    ranges.push({
      name: code.object.symbolName[table.symbol[f] as number] ?? own,
      section: table.section[f] as number,
      start: table.start[f] as number,
      end: table.end[f] as number,
    });
  }
  return ranges;
}

/** Sized symbols over code that no function covers: what hints are written for, most of all. */
function assemblyRanges({ flow }: WitnessesOfObject, name: string | undefined): FunctionRange[] {
  const { code, functions } = flow;
  const { symbols, symbolName } = code.object;
  const found = new Map<string, FunctionRange>();
  for (let s = 1; s < symbols.length; s++) {
    const section = symbols.section[s] as number;
    const start = symbols.value[s] as number;
    const size = symbols.size[s] as number;
    if (size === 0 || section <= 0 || functions.ofSymbol.get(s) !== undefined) continue;
    const insn = insnAt(code, section, start);
    if (insn === NONE || functions.ofInsn[insn] !== NONE) continue;
    const own = symbolName[s] as string;
    if (name === undefined || own === name)
      found.set(`${section} ${start} ${size}`, { name: own, section, start, end: start + size });
  }
  return [...found.values()];
}

type Out = (text: string) => void;

function printText(
  _path: string,
  seen: WitnessesOfObject,
  functions: readonly FunctionRange[],
  onlyDifferences: boolean,
  out: Out,
): number {
  const { arch, object } = seen.flow.code;
  const contradictions = new Contradictions(seen);
  let differing = 0;
  let spanCount = 0;
  for (const { name, section, start, end } of functions) {
    const heading = `${safeText(name)}()  ${safeText(object.sectionName[section] as string)}+0x${start.toString(16)}, ${end - start} bytes\n`;
    let isNamed = false;
    for (const span of witnessSpans(seen.witnesses, section, start, end)) {
      const { lines, differs } = describeSpan(
        arch,
        seen.witnesses,
        span,
        contradictions.of(section, span),
        broughtWords(arch, contradictions.ways(section, span)),
      );
      spanCount++;
      if (differs) differing++;
      if (onlyDifferences && !differs) continue;
      if (!isNamed) out(heading);
      isNamed = true;
      const place = `+0x${(span.start - start).toString(16)}`;
      lines.forEach((line, n) => {
        out(`${n === 0 && differs ? "!" : " "} ${(n === 0 ? place : "").padEnd(8)} ${line}\n`);
      });
    }
    if (isNamed) out("\n");
  }
  const kinds = seen.witnesses.map(({ witness }) => words[witness]);
  out(`${differing} of ${spanCount} ranges contradict the instructions; witnesses: ${kinds.join(", ")}\n`);
  return differing;
}

const words: Readonly<Record<WitnessRows["witness"], string>> = {
  instructions: "instructions",
  debug_frame: ".debug_frame",
  eh_frame: ".eh_frame",
  sframe: ".sframe",
  orc: ".orc_unwind",
  hints: "hints",
};

/** One line for each thing that is said; witnesses that say the same of all that they track share one. */
function describeSpan(
  arch: Arch,
  witnesses: readonly WitnessRows[],
  { frames }: WitnessSpan,
  wrong: readonly ReadonlySet<string>[],
  brought: string,
): { lines: string[]; differs: boolean } {
  const groups: { leader: number; others: number[]; note: string }[] = [];
  frames.forEach((frame, n) => {
    if (frame === NONE) return;
    const notes = wrong[n]!.size === 0 ? [] : [`wrong in ${[...wrong[n]!].join(", ")}`];
    if (witnesses[n]!.witness === "hints" && brought !== "") notes.push(brought);
    const note = notes.join("; ");
    const same = groups.find(({ leader, note: noted }) => {
      if (noted !== note) return false;
      const { cfa, registers } = compareFrames(witnesses[leader]!, frames[leader]!, witnesses[n]!, frame);
      return cfa === "same" && registers.length === 0;
    });
    if (same === undefined) groups.push({ leader: n, others: [], note });
    else same.others.push(n);
  });
  const silent = witnesses.flatMap(({ witness }, n) =>
    // A hint speaks of one instruction: that it has no row at the others is no news.
    frames[n] === NONE && witness !== "hints" ? [words[witness]] : [],
  );
  const lines = groups.map(({ leader, others, note }) => {
    const says = describeFrame(arch, witnesses[leader]!, frames[leader]!);
    const also = others.length === 0 ? "" : `  = ${others.map((n) => words[witnesses[n]!.witness]).join(" ")}`;
    return `${words[witnesses[leader]!.witness].padEnd(LABEL_WIDTH)} ${says}${also}${note === "" ? "" : `  (${note})`}`;
  });
  if (silent.length > 0) lines.push(`${"no row".padEnd(LABEL_WIDTH)} ${silent.join(" ")}`);
  return { lines, differs: wrong.some(({ size }) => size > 0) };
}

/** What control brings to a hint, where that is another frame than the hint's: "control brings CFA=rsp+16". */
function broughtWords(arch: Arch, ways: readonly HintWay[]): string {
  const others = ways.filter(({ verdict }) => verdict !== CLAIM_SAME).map(({ brought }) => broughtFrame(arch, brought));
  return others.length === 0 ? "" : `control brings ${[...new Set(others)].join(" or ")}`;
}

function broughtFrame(arch: Arch, state: FrameState): string {
  return `${describeState(arch, state)}${state.signal === 1 ? ", signal" : ""}`;
}

/** Where a witness contradicts the instructions: what in. A frame that is written in another way, and true, is none. */
class Contradictions {
  /** witness -> section -> offset of an instruction -> what in */
  readonly #at: readonly ReadonlyMap<number, ReadonlyMap<number, readonly string[]>>[];
  readonly #witnesses: number;
  /** "section offset" of a hinted instruction -> the ways to it */
  readonly #ways = new Map<string, HintWay[]>();

  constructor({ flow, returns, frames, kept, witnesses }: WitnessesOfObject) {
    const { section, offset } = flow.code.insns;
    this.#witnesses = witnesses.length;
    this.#at = witnesses.map((witness, n) => {
      const found = new Map<number, Map<number, string[]>>();
      const add = (insn: number, what: string): void => {
        const home = section[insn] as number;
        const bySection = found.get(home) ?? new Map<number, string[]>();
        found.set(home, bySection);
        const at = offset[insn] as number;
        bySection.set(at, [...(bySection.get(at) ?? []), what]);
      };
      // What is held against a hint is the frame on the way to it: at the hint the instructions only have what it says.
      if (witness.witness === "hints")
        for (const way of compareHints(flow, returns, frames, witness).ways) {
          const key = `${section[way.insn]} ${offset[way.insn]}`;
          this.#ways.set(key, [...(this.#ways.get(key) ?? []), way]);
          if (way.verdict === CLAIM_WRONG) add(way.insn, way.why === claimWhy.signal ? "signal" : "CFA");
        }
      else if (n > 0)
        compareWitness(flow, frames, kept, witness, 0, (insn, subject, claim) => {
          if (claim.verdict === CLAIM_WRONG) add(insn, subjectName(flow, subject));
        });
      return found;
    });
  }

  /** To the hinted instruction at the start of a span, if one is there. */
  ways(section: number, { start }: WitnessSpan): readonly HintWay[] {
    return this.#ways.get(`${section} ${start}`) ?? [];
  }

  /** Of each witness, over the instructions that begin in the span. */
  of(section: number, { start, end }: WitnessSpan): readonly ReadonlySet<string>[] {
    return Array.from({ length: this.#witnesses }, (_, n) => {
      const found = new Set<string>();
      const at = this.#at[n]!.get(section);
      if (at !== undefined)
        for (let offset = start; offset < end; offset++) for (const each of at.get(offset) ?? []) found.add(each);
      return found;
    });
  }
}

function printJson(
  path: string,
  seen: WitnessesOfObject,
  functions: readonly FunctionRange[],
  onlyDifferences: boolean,
  out: Out,
): number {
  const { arch, object } = seen.flow.code;
  const { witnesses } = seen;
  const contradictions = new Contradictions(seen);
  let differing = 0;
  out(`{"version": "${JSON_VERSION}", "object": ${JSON.stringify(path)}`);
  out(`,\n"witnesses": ${JSON.stringify(witnesses.map(({ witness }) => witness))}`);
  out(`,\n"unread": ${JSON.stringify(seen.unread)}`);
  out(',\n"functions": [');
  functions.forEach(({ name, section, start, end }, n) => {
    const ranges = witnessSpans(witnesses, section, start, end).flatMap((span) => {
      const wrong = contradictions.of(section, span);
      const differs = wrong.some(({ size }) => size > 0);
      if (differs) differing++;
      if (onlyDifferences && !differs) return [];
      const says = span.frames.map((frame, w) =>
        frame === NONE
          ? null
          : {
              ...frameJson(arch, witnesses[w]!, frame),
              wrong: [...wrong[w]!],
              ...(witnesses[w]!.witness === "hints"
                ? { brought: waysJson(arch, contradictions.ways(section, span)) }
                : {}),
            },
      );
      return [{ start: span.start, end: span.end, differs, says }];
    });
    const entry = { name, section: object.sectionName[section], start, end, ranges };
    out(`${n === 0 ? "" : ","}\n  ${JSON.stringify(entry)}`);
  });
  out(`\n],\n"differing": ${differing}\n}\n`);
  return differing;
}

function waysJson(arch: Arch, ways: readonly HintWay[]) {
  return ways.map(({ brought, verdict, why }) => ({
    frame: broughtFrame(arch, brought),
    verdict: verdictWords[verdict],
    ...(why === undefined ? {} : { why }),
  }));
}

/** CLAIM_* -> word */
const verdictWords = ["same", "true", "wrong", "open", "not said"] as const;

function frameJson(arch: Arch, witness: WitnessRows, frame: number) {
  const { frames, rules } = witness;
  const registers: Record<string, string> = {};
  for (let r = frames.ruleStart[frame] as number; r < (frames.ruleEnd[frame] as number); r++)
    registers[registerName(arch, rules.register[r] as number)] = describeRule(
      arch,
      rules.rule[r] as number,
      rules.base[r] as number,
      rules.offset[r] as number,
    );
  return { cfa: describeWitnessCfa(arch, witness, frame), registers, flags: frames.flags[frame] };
}
