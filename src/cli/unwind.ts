import { readCompilers } from "../analyze/compilers.ts";
import { type FrameRow, type FunctionPart, partOf, WitnessTable } from "../analyze/frame-table.ts";
import type { Explained } from "../analyze/known-stretches.ts";
import { symbolAt } from "../analyze/symbol-at.ts";
import { type WitnessesOfObject, witnessesOfObject } from "../analyze/witnesses-of-object.ts";
import { UsageError } from "../base/errors.ts";
import { NONE } from "../base/table.ts";
import { builtInFacts } from "../facts/built-in.ts";
import { insnAt } from "../flow/code.ts";
import { functionName, isPrefix } from "../flow/functions.ts";
import type { Arch } from "../isa/arch.ts";
import { openFileSource } from "../kernel/file-source.ts";
import { type Disassembler, openDisassembler } from "../report/excerpt.ts";
import { CHUNK_ROWS, FrameTableText, type TextRow } from "../report/frame-table-text.ts";
import { saidThroughout, witnessName } from "../report/frame-words.ts";
import { safeText } from "../report/safe.ts";
import { printInsn } from "../review/decorate.ts";
import type { HintWay } from "../unwind/hint-compare.ts";
import { describeState, type FrameState } from "../unwind/state.ts";
import { CLAIM_SAME } from "../unwind/witness-claims.ts";
import { describeRule, describeWitnessCfa, registerName, type WitnessRows } from "../unwind/witness-rows.ts";
import type { CommandIo } from "./check.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { inputError, readTree } from "./tree-input.ts";

// `objreview unwind`: what each witness of an object says of the frame at each instruction, side by side. docs/formats/unwind.md describes the JSON.

export interface UnwindOptions {
  readonly tree?: string;
  readonly json?: boolean;
  /** Only where a witness contradicts the instructions, with a row before and behind it. */
  readonly differences?: boolean;
  /** Of the terminal; without it a row is a line. */
  readonly columns?: number;
}

const JSON_VERSION = "1.2";

/** Exit status: 0 no witness contradicts the instructions, 1 one does, 2 the object or the function is not there. */
export async function unwindCommand(
  path: string,
  name: string | undefined,
  options: UnwindOptions,
  io: CommandIo,
): Promise<number> {
  const writer = new ChunkWriter(io);
  try {
    const facts = options.tree === undefined ? builtInFacts : readTree(options.tree);
    const source = openFileSource(path);
    try {
      const seen = witnessesOfObject(source, { facts });
      const functions = partsNamed(seen, name);
      if (functions.length === 0)
        throw new UsageError(name === undefined ? `${path}: no function in it` : `${path}: no function ${name} in it`);
      const out = (text: string) => writer.write(text);
      const differing =
        options.json === true
          ? printJson(path, seen, functions, options, out)
          : await printText(seen, functions, options, out);
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
function partsNamed(seen: WitnessesOfObject, name: string | undefined): FunctionPart[] {
  const parts = [...functionParts(seen, name), ...assemblyParts(seen, name)];
  return parts.sort((a, b) => a.section - b.section || a.start - b.start);
}

function functionParts({ flow }: WitnessesOfObject, name: string | undefined): FunctionPart[] {
  const { code, functions } = flow;
  const { table } = functions;
  const parts: FunctionPart[] = [];
  for (let f = 0; f < table.length; f++) {
    if (functions.hasCode[f] === 0 || isPrefix(table, f)) continue;
    const own = functionName(code, functions, f);
    const whole = functionName(code, functions, table.parent[f] as number);
    if (name === undefined || own === name || whole === name) parts.push(partOf(flow, f));
  }
  return parts;
}

/** Sized symbols over code that no function covers: what hints are written for, most of all. */
function assemblyParts({ flow }: WitnessesOfObject, name: string | undefined): FunctionPart[] {
  const { code, functions } = flow;
  const { symbols, symbolName } = code.object;
  const found = new Map<string, FunctionPart>();
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

async function printText(
  seen: WitnessesOfObject,
  functions: readonly FunctionPart[],
  options: UnwindOptions,
  out: Out,
): Promise<number> {
  const table = tableOf(seen);
  const tally = new KnownTally();
  const disassembler = await openDisassembler(seen.flow.code.object.machine);
  try {
    let differing = 0;
    let belowStack = 0;
    let rowCount = 0;
    for (const part of functions) {
      for (const row of printPart(table, part, options, disassembler, out)) {
        rowCount++;
        if (row.differs) differing++;
        if (row.onlyBelowStack) belowStack++;
        tally.add(row);
      }
    }
    const names = seen.witnesses.map(({ witness }) => witnessName(witness));
    const light = belowStack === 0 ? "" : `, ${belowStack} of them only (~) by a slot below the stack pointer`;
    out(`${differing} of ${rowCount} rows contradict the instructions${light}; witnesses: ${names.join(", ")}\n`);
    for (const line of tally.lines()) out(`${line}\n`);
    return differing;
  } finally {
    disassembler?.close();
  }
}

function tableOf(seen: WitnessesOfObject): WitnessTable {
  return new WitnessTable(seen, readCompilers(seen.flow.code.object));
}

/** Rows by the known defects that explain what is wrong in them. */
class KnownTally {
  readonly #rows = new Map<string, Explained & { rows: number }>();
  #unexplained = 0;

  add({ known, differs, isKnown }: FrameRow): void {
    const here = new Map(known.flat().map((each) => [`${each.defect} ${each.compiler}`, each]));
    for (const [key, each] of here) this.#rows.set(key, { ...each, rows: (this.#rows.get(key)?.rows ?? 0) + 1 });
    if (differs && !isKnown) this.#unexplained++;
  }

  /** By defect, then compiler. */
  get all(): readonly (Explained & { readonly rows: number })[] {
    return [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
  }

  lines(): string[] {
    const lines = this.all.map(
      ({ defect, compiler, page, rows }) => `${rowCount(rows)} by ${defect}, a known defect of ${compiler}: ${page}`,
    );
    if (lines.length > 0) lines.push(`${rowCount(this.#unexplained)} that no known defect explains`);
    return lines;
  }
}

function rowCount(n: number): string {
  return `${n} ${n === 1 ? "row" : "rows"}`;
}

/** @returns all of its rows */
function printPart(
  table: WitnessTable,
  part: FunctionPart,
  { differences, columns }: UnwindOptions,
  disassembler: Disassembler | undefined,
  out: Out,
): readonly FrameRow[] {
  const { flow, witnesses } = table;
  const { object, insns } = flow.code;
  const section = object.sectionName[part.section] as string;
  const excerpts = {
    codeBytes: (_name: string, from: number, to: number) => object.bytes(part.section).subarray(from, to),
    symbolAt: (name: string, offset: number) => symbolAt(flow, name, offset),
  };
  const rows = table.rows(part);
  const shown = rows.flatMap((row, n) => {
    const isNear = row.differs || rows[n - 1]?.differs === true || rows[n + 1]?.differs === true;
    return differences === true && !isNear ? [] : [n];
  });
  if (shown.length === 0) return rows;
  const heard = witnesses.flatMap((_, n) => (n === 0 || rows.some(({ frames }) => frames[n] !== NONE) ? [n] : []));
  // A hint speaks of one instruction: that it has no row at the others is no news.
  const silent = witnesses.flatMap(({ witness }, n) =>
    heard.includes(n) || witness === "hints" ? [] : [witnessName(witness)],
  );
  const saysOf = (n: number) => {
    const row = rows[n]!;
    const words = table.words(row);
    const { arch } = flow.code;
    return heard.map((w) => {
      const known = row.known[w]!.map(({ defect }) => defect);
      const says = { frame: words[w] as string, wrong: row.wrong[w] as readonly string[], known };
      return witnesses[w]!.witness === "hints" ? { ...says, remark: broughtWords(arch, table.ways(row)) } : says;
    });
  };
  const throughout = rows.length > MOST_COMPARED ? [] : saidThroughout(rows.map((_, n) => ({ says: saysOf(n) })));
  const heading = [
    `${safeText(part.name)}()  ${safeText(section)}+0x${part.start.toString(16)}, ${part.end - part.start} bytes`,
    ...(throughout.length === 0 ? [] : [`in every row ${throughout.join(", ")}`]),
    ...(silent.length === 0 ? [] : [`no row in ${silent.join(", ")}`]),
  ];
  out(`${heading.join("; ")}\n`);
  const names = heard.map((n) => witnessName(witnesses[n]!.witness));
  const text = new FrameTableText(names, new Set(throughout), columns);
  for (let from = 0; from < shown.length; from += CHUNK_ROWS) {
    const chunk = shown.slice(from, from + CHUNK_ROWS).map((n, k): TextRow => {
      const { start, insn, differs, onlyBelowStack } = rows[n]!;
      return {
        offset: start - part.start,
        asm: insn === NONE ? "" : printInsn(excerpts, disassembler, section, insns.offset[insn] as number),
        says: saysOf(n),
        mark: onlyBelowStack ? "~" : differs ? "!" : " ",
        isBehindGap: n > 0 && shown[from + k - 1] !== n - 1,
      };
    });
    out(text.chunk(chunk));
  }
  if (shown.at(-1) !== rows.length - 1) out("  ...\n");
  out("\n");
  return rows;
}

/** What control brings to a hint, where that is another frame than the hint's: "control brings CFA=rsp+16". */
function broughtWords(arch: Arch, ways: readonly HintWay[]): string {
  const others = ways.filter(({ verdict }) => verdict !== CLAIM_SAME).map(({ brought }) => broughtFrame(arch, brought));
  return others.length === 0 ? "" : `control brings ${[...new Set(others)].join(" or ")}`;
}

function broughtFrame(arch: Arch, state: FrameState): string {
  return `${describeState(arch, state)}${state.signal === 1 ? ", signal" : ""}`;
}

/** Rows of a function whose words are looked through for what all of them say; no function of a kernel has as many. */
const MOST_COMPARED = 20_000;

function printJson(
  path: string,
  seen: WitnessesOfObject,
  functions: readonly FunctionPart[],
  options: UnwindOptions,
  out: Out,
): number {
  const { arch, object } = seen.flow.code;
  const { witnesses } = seen;
  const table = tableOf(seen);
  const tally = new KnownTally();
  let differing = 0;
  out(`{"version": "${JSON_VERSION}", "object": ${JSON.stringify(path)}`);
  out(`,\n"witnesses": ${JSON.stringify(witnesses.map(({ witness }) => witness))}`);
  out(`,\n"unread": ${JSON.stringify(seen.unread)}`);
  out(',\n"functions": [');
  functions.forEach((part, n) => {
    const { name, section, start, end } = part;
    const ranges = table.rows(part).flatMap((row) => {
      const { differs } = row;
      if (differs) differing++;
      tally.add(row);
      if (options.differences === true && !differs) return [];
      const says = row.frames.map((frame, w) =>
        frame === NONE
          ? null
          : {
              ...frameJson(arch, witnesses[w]!, frame),
              wrong: row.wrong[w],
              ...(row.known[w]!.length === 0 ? {} : { known: row.known[w]!.map(({ defect }) => defect) }),
              ...(witnesses[w]!.witness === "hints" ? { brought: waysJson(arch, table.ways(row)) } : {}),
            },
      );
      return [{ start: row.start, end: row.end, differs, says }];
    });
    const entry = { name, section: object.sectionName[section], start, end, ranges };
    out(`${n === 0 ? "" : ","}\n  ${JSON.stringify(entry)}`);
  });
  out(`\n],\n"differing": ${differing}`);
  out(`,\n"knownDefects": ${JSON.stringify(tally.all)}\n}\n`);
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
