import { type OrcOfObject, orcOfObject } from "../analyze/orc-of-object.ts";
import { UsageError } from "../base/errors.ts";
import { NONE } from "../base/table.ts";
import { builtInFacts } from "../facts/built-in.ts";
import { type Flow, ownerOf } from "../flow/flow.ts";
import { functionName } from "../flow/functions.ts";
import { openFileSource } from "../kernel/file-source.ts";
import type { KernelConfig } from "../kernel/kernel-config.ts";
import type { OrcTable } from "../orc/rows.ts";
import { safeText } from "../report/safe.ts";
import { compareOrcRows, type OrcComparison, type OrcDifference } from "../unwind/orc-compare.ts";
import { type OrcRow, orcRow, orcRowText } from "../unwind/orc-words.ts";
import type { CommandIo } from "./check.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { inputError, readConfig, readTree } from "./tree-input.ts";

// `objreview orc`: the unwinder's rows of one object, as our frames give them and as the build's own tool wrote them. Rows are told one by one,
// so that an object of half a million of them costs no more memory than its tables. docs/formats/orc.md describes the JSON.

export interface OrcCommandOptions {
  readonly tree?: string;
  readonly kernelConfig?: string;
  readonly json?: boolean;
  /** dump: rows that the object holds, instead of ours. */
  readonly theirs?: boolean;
}

const JSON_VERSION = "1.0";

/** `objreview orc dump`. Exit status: 0 done, 2 the object cannot be read. */
export function orcDumpCommand(path: string, options: OrcCommandOptions, io: CommandIo): number {
  return withOrc(path, options, io, (orc, out) => {
    const whose = options.theirs === true ? "theirs" : "ours";
    const rows = whose === "ours" ? orc.ours.rows : requireTheirs(path, orc).rows;
    if (options.json === true) {
      out(`{"version": "${JSON_VERSION}", "object": ${JSON.stringify(path)}, "whose": "${whose}"`);
      writeRows(orc.flow, "rows", rows, out);
      writeInexpressible(orc, out);
      out("\n}\n");
      return 0;
    }
    const { sectionName } = orc.flow.code.object;
    const place = new Places(orc.flow);
    for (let n = 0; n < rows.length; n++) {
      const row = orcRow(rows, n, sectionName);
      out(`${place.of(rows.section[n] as number, row.offset)}: ${orcRowText(row)}\n`);
    }
    if (whose === "ours") tellInexpressible(orc, place, out);
    return 0;
  });
}

/** `objreview orc diff`. Exit status: 0 equal at every instruction, 1 different, 2 the object cannot be read or holds no rows. */
export function orcDiffCommand(path: string, options: OrcCommandOptions, io: CommandIo): number {
  return withOrc(path, options, io, (orc, out) => {
    // The tool writes nothing into an object without a single frame.
    const isEmpty = orc.theirs === undefined && orc.ours.rows.length === 0;
    const theirs = isEmpty ? undefined : requireTheirs(path, orc);
    const rows = theirs?.rows ?? orc.ours.rows;
    const layout =
      theirs === undefined ? "no rows" : `layout of kernels ${theirs.chosen.layout.name}, by ${theirs.chosen.why}`;
    if (options.json === true) {
      out(`{"version": "${JSON_VERSION}", "object": ${JSON.stringify(path)}, "layout": ${JSON.stringify(layout)}`);
      writeRows(orc.flow, "ours", orc.ours.rows, out);
      writeRows(orc.flow, "theirs", rows, out);
      const result = writeDifferences(orc.flow, orc.ours.rows, rows, out);
      writeInexpressible(orc, out);
      out(`,\n"instructions": ${result.instructions}, "differing": ${result.differing}\n}\n`);
      return result.differing === 0 ? 0 : 1;
    }
    const { sectionName } = orc.flow.code.object;
    const { insns } = orc.flow.code;
    const place = new Places(orc.flow);
    const said = (table: OrcTable, row: number): string =>
      row === NONE ? "nothing" : orcRowText(orcRow(table, row, sectionName));
    const { instructions, differing } = compareOrcRows(orc.flow, orc.ours.rows, rows, (each) => {
      const at = place.of(insns.section[each.insn] as number, insns.offset[each.insn] as number);
      out(`${at}, ${each.count} ${each.count === 1 ? "instruction" : "instructions"}\n`);
      out(`  ours   ${said(orc.ours.rows, each.ours)}\n  theirs ${said(rows, each.theirs)}\n`);
    });
    tellInexpressible(orc, place, out);
    out(
      `${differing} of ${instructions} instructions differ (${orc.ours.rows.length} rows of ours, ${rows.length} of theirs; ${layout})\n`,
    );
    return differing === 0 ? 0 : 1;
  });
}

function withOrc(
  path: string,
  options: OrcCommandOptions,
  io: CommandIo,
  use: (orc: OrcOfObject, out: (text: string) => void) => number,
): number {
  const facts = options.tree === undefined ? builtInFacts : readTree(options.tree);
  const prefix = options.kernelConfig === undefined ? 0 : paddingBytes(readConfig(options.kernelConfig));
  const writer = new ChunkWriter(io);
  try {
    const source = openFileSource(path);
    try {
      const status = use(orcOfObject(source, { facts, prefix }), (text) => writer.write(text));
      writer.flush();
      return status;
    } finally {
      source.close();
    }
  } catch (error) {
    io.err(`objreview: ${safeText(inputError(path, error))}\n`);
    return 2;
  }
}

/** The build's tool makes the padding before a function part of it (reference kernel scripts/Makefile.lib, --prefix). */
function paddingBytes(config: KernelConfig): number {
  if (!config.isOn("CONFIG_PREFIX_SYMBOLS")) return 0;
  const bytes = Number(config.values.get("CONFIG_FUNCTION_PADDING_BYTES"));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : 0;
}

function requireTheirs(path: string, orc: OrcOfObject) {
  if (orc.theirs === undefined)
    throw new UsageError(`${path}: holds no .orc_unwind: the build's own tool has not written any`);
  return orc.theirs;
}

function writeRows(flow: Flow, key: string, rows: OrcTable, out: (text: string) => void): void {
  const { sectionName } = flow.code.object;
  out(`,\n"${key}": [`);
  for (let n = 0; n < rows.length; n++) out(`${n === 0 ? "" : ","}\n  ${JSON.stringify(orcRow(rows, n, sectionName))}`);
  out(rows.length === 0 ? "]" : "\n]");
}

function writeDifferences(flow: Flow, ours: OrcTable, theirs: OrcTable, out: (text: string) => void): OrcComparison {
  const { code } = flow;
  const { sectionName } = code.object;
  const said = (table: OrcTable, row: number): Omit<OrcRow, "section" | "offset"> | null => {
    if (row === NONE) return null;
    const { section: _, offset: __, ...rest } = orcRow(table, row, sectionName);
    return rest;
  };
  out(',\n"differences": [');
  let first = true;
  const result = compareOrcRows(flow, ours, theirs, (each: OrcDifference) => {
    const difference = {
      section: sectionName[code.insns.section[each.insn] as number],
      offset: code.insns.offset[each.insn],
      instructions: each.count,
      function: functionAt(flow, each.insn) ?? null,
      ours: said(ours, each.ours),
      theirs: said(theirs, each.theirs),
    };
    out(`${first ? "" : ","}\n  ${JSON.stringify(difference)}`);
    first = false;
  });
  out(first ? "]" : "\n]");
  return result;
}

function writeInexpressible({ flow, ours }: OrcOfObject, out: (text: string) => void): void {
  const { code } = flow;
  const list = ours.inexpressible.map(({ insn, count, frame }) => ({
    section: code.object.sectionName[code.insns.section[insn] as number],
    offset: code.insns.offset[insn],
    instructions: count,
    frame,
  }));
  out(`,\n"inexpressible": ${JSON.stringify(list)}`);
}

function tellInexpressible({ flow, ours }: OrcOfObject, place: Places, out: (text: string) => void): void {
  const { insns } = flow.code;
  for (const { insn, count, frame } of ours.inexpressible) {
    const at = place.of(insns.section[insn] as number, insns.offset[insn] as number);
    out(`no row can say: ${frame} (${count} instructions, first ${at})\n`);
  }
}

function functionAt(flow: Flow, insn: number): string | undefined {
  const f = ownerOf(flow, insn);
  return f === NONE ? undefined : functionName(flow.code, flow.functions, f);
}

/** Names places by the symbol that covers them. */
class Places {
  readonly #flow: Flow;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** ".text+0x12 (name+0x2)" */
  of(section: number, offset: number): string {
    const { object } = this.#flow.code;
    const at = `${object.sectionName[section]}+0x${offset.toString(16)}`;
    const symbol = this.#flow.functions.symbolCovering(section, offset);
    if (symbol === NONE) return at;
    return `${at} (${object.symbolName[symbol]}+0x${(offset - (object.symbols.value[symbol] as number)).toString(16)})`;
  }
}
