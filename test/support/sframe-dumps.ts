import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { bytesSource } from "../../src/base/bytes.ts";
import { openObject } from "../../src/elf/object.ts";
import { SFRAME_VERSION_1 } from "../../src/sframe/constants.ts";
import { readSFrame } from "../../src/sframe/object.ts";
import {
  SFRAME_AT_HOME,
  SFRAME_CFA_REGISTER,
  SFRAME_ON_STACK,
  type SFrame,
  type SFrameHeader,
} from "../../src/sframe/table.ts";

// Independent readers of .sframe, and what they and ours say of it in one form. objdump (binutils) of Debian 12 reads version 1, llvm-readobj of
// LLVM 22 version 2; each refuses the other's.

export interface ListedFunction {
  /** Offset in its section, where the reader applies relocations; objdump does not. */
  readonly start: number | undefined;
  readonly size: number;
  /** "12: sp+16 fp=c-16 ra=c-8": start in the function, CFA, frame pointer, return address, "u" for one that is not saved */
  readonly rows: readonly string[];
}

export interface ListedSFrame {
  readonly version: number;
  readonly functionCount: number;
  readonly rowCount: number;
  readonly functions: readonly ListedFunction[];
}

const env = { ...process.env, LC_ALL: "C" };

function place(offset: number | undefined): string {
  return offset === undefined ? "u" : `c${offset < 0 ? offset : `+${offset}`}`;
}

/** `objdump --sframe`, of a table whose header fixes the return address at `fixedRa` (it prints none then) */
export function objdumpSFrame(path: string, fixedRa: number): ListedSFrame {
  const text = execFileSync("objdump", ["--sframe", path], { encoding: "utf8", env, maxBuffer: 1 << 28 });
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const functions: { start: undefined; size: number; rows: string[] }[] = [];
  for (const line of text.split("\n")) {
    const head = /^ +func idx \[\d+\]: pc = 0x([0-9a-f]+), size = (\d+) bytes/.exec(line);
    if (head !== null) {
      if (head[1] !== "0") throw new Error(`objdump applied a relocation: ${line}`);
      functions.push({ start: undefined, size: Number(head[2]), rows: [] });
      continue;
    }
    const row = /^ +([0-9a-f]{16}) +([sf]p[+-]\d+) +(u|c[+-]\d+) +(u|c[+-]\d+)(\[s\])? *$/.exec(line);
    if (row === null) {
      if (/^ +[0-9a-f]{16} /.test(line)) throw new Error(`objdump's row is not understood: ${line}`);
      continue;
    }
    const [, start, cfa, fp, ra, mangled] = row;
    const shown = fixedRa === 0 ? ra : place(fixedRa);
    functions
      .at(-1)!
      .rows.push(
        `${Number.parseInt(start!, 16)}: ${cfa} fp=${fp} ra=${shown}${mangled === undefined ? "" : " signed"}`,
      );
  }
  return {
    version: number(/Version: SFRAME_VERSION_(\d)/),
    functionCount: number(/Num FDEs: (\d+)/),
    rowCount: number(/Num FREs: (\d+)/),
    functions,
  };
}

/** `llvm-readobj --sframe`, of an x86-64 object */
export function readobjSFrame(path: string): ListedSFrame {
  const text = execFileSync("llvm-readobj-22", ["--sframe", path], { encoding: "utf8", maxBuffer: 1 << 28 });
  const functions: { start: number; size: number; rows: string[] }[] = [];
  const header = new Map<string, string>();
  let row: Map<string, string> | undefined;
  let inRows = false;
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    if (/^FuncDescEntry \[\d+\] \{$/.test(trimmed)) {
      functions.push({ start: Number.NaN, size: Number.NaN, rows: [] });
      inRows = false;
    } else if (trimmed === "FREs [") inRows = true;
    else if (trimmed === "Frame Row Entry {") row = new Map();
    else if (trimmed === "}" && row !== undefined) {
      functions.at(-1)!.rows.push(rowText(row, functions.at(-1)!.start));
      row = undefined;
    } else {
      const field = /^([^:]+): (.*)$/.exec(trimmed);
      if (field === null) continue;
      const [, name, value] = field as unknown as [string, string, string];
      if (row !== undefined) row.set(name, value);
      else if (functions.length === 0) header.set(name, value);
      else if (!inRows && name === "Start Address") functions.at(-1)!.start = Number(value);
      else if (!inRows && name === "Size") functions.at(-1)!.size = Number(value);
    }
  }
  return {
    version: Number(/\(0x(\d)\)/.exec(header.get("Version") ?? "")?.[1]),
    functionCount: Number(header.get("Num FDEs")),
    rowCount: Number(header.get("Num FREs")),
    functions,
  };
}

function rowText(row: ReadonlyMap<string, string>, start: number): string {
  const offset = (name: string): number | undefined => (row.has(name) ? Number(row.get(name)) : undefined);
  const base = /^(\w+)/.exec(row.get("Base Register") ?? "")?.[1]?.toLowerCase();
  const cfa = Number(row.get("CFA Offset"));
  const signed = row.get("Return Address Signed") === "Yes" ? " signed" : "";
  return `${Number(row.get("Start Address")) - start}: ${base}${cfa < 0 ? cfa : `+${cfa}`} fp=${place(offset("FP Offset"))} ra=${place(offset("RA Offset"))}${signed}`;
}

/** Ours, of the table `table`; only rows of the default kind. */
export function ourSFrame(sframe: SFrame, table = 0): ListedSFrame {
  const { functions, rows } = sframe;
  const { version, functionCount, rowCount, abi } = sframe.headers[table] as SFrameHeader;
  const saved = (kind: number, offset: number): string => {
    if (kind !== SFRAME_AT_HOME && kind !== SFRAME_ON_STACK) throw new Error(`a place of kind ${kind}`);
    return place(kind === SFRAME_AT_HOME ? undefined : offset);
  };
  const listed: ListedFunction[] = [];
  for (let f = 0; f < functions.length; f++) {
    if (functions.table[f] !== table) continue;
    const lines: string[] = [];
    for (let r = functions.rowStart[f]!; r < functions.rowEnd[f]!; r++) {
      if (rows.cfa[r] !== SFRAME_CFA_REGISTER) throw new Error(`a CFA of kind ${rows.cfa[r]}`);
      const base = rows.cfaRegister[r] === abi.sp ? "sp" : rows.cfaRegister[r] === abi.fp ? "fp" : "?";
      const cfa = rows.cfaOffset[r]!;
      const signed = rows.mangled[r] === 1 ? " signed" : "";
      lines.push(
        `${rows.start[r]}: ${base}${cfa < 0 ? cfa : `+${cfa}`} fp=${saved(rows.fp[r]!, rows.fpOffset[r]!)} ra=${saved(rows.ra[r]!, rows.raOffset[r]!)}${signed}`,
      );
    }
    listed.push({ start: functions.start[f]!, size: functions.size[f]!, rows: lines });
  }
  return { version, functionCount, rowCount, functions: listed };
}

/** What was found equal. */
export interface Compared {
  objects: number;
  functions: number;
  rows: number;
}

/**
 * Compares every header, function and row of an object with what the reader of its version says, and adds them to `sum`.
 * @returns false where the object has no .sframe
 * @throws AssertionError for a difference, or a note of ours
 */
export function compareSFrame(path: string, sum: Compared): boolean {
  const sframe = readSFrame(openObject(bytesSource(new Uint8Array(readFileSync(path)))));
  if (sframe === undefined) return false;
  assert.deepEqual(sframe.notes, [], path);
  const ours = ourSFrame(sframe);
  if (ours.version === SFRAME_VERSION_1) {
    const functions = ours.functions.map((each) => ({ ...each, start: undefined }));
    assert.deepEqual({ ...ours, functions }, objdumpSFrame(path, sframe.headers[0]!.fixedRa), path);
  } else assert.deepEqual(ours, readobjSFrame(path), path);
  sum.objects++;
  sum.functions += sframe.functions.length;
  sum.rows += sframe.rows.length;
  return true;
}
