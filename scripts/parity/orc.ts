import { join } from "node:path";
import type { TreeFacts } from "../../src/analyze/analyze-object.ts";
import { orcOfObject } from "../../src/analyze/orc-of-object.ts";
import { NONE } from "../../src/base/table.ts";
import { openObject } from "../../src/elf/object.ts";
import { ownerOf } from "../../src/flow/flow.ts";
import { functionName } from "../../src/flow/functions.ts";
import { openFileSource } from "../../src/kernel/file-source.ts";
import { ORC_SECTION, type OrcTable } from "../../src/orc/rows.ts";
import { compareOrcRows } from "../../src/unwind/orc-compare.ts";
import { orcRow, orcRowText } from "../../src/unwind/orc-words.ts";

// Our ORC against the one that the build's own tool wrote, at every instruction.

export interface OrcParityOptions {
  readonly facts: TreeFacts;
  /** CONFIG_FUNCTION_PADDING_BYTES where CONFIG_PREFIX_SYMBOLS is on, for objects that the tool has given no prefix symbols; else 0. */
  readonly prefix?: number;
  /** Differences told in words, at most. */
  readonly samples?: number;
}

export interface OrcParity {
  /** Instructions of all sections that ORC covers. */
  readonly instructions: number;
  readonly differing: number;
  /** Rows on both sides, as written. */
  readonly ourRows: number;
  readonly theirRows: number;
  /** "function (section+0x12, 3 instructions): ours ..., theirs ...": the first of each function. */
  readonly samples: readonly string[];
  /** Frames of ours that ORC has no row for, in words. */
  readonly inexpressible: readonly string[];
}

/**
 * @param path object with `.orc_unwind`, read by position
 * @throws FormatError for an object without ORC, or none at all
 */
export function compareOrc(path: string, options: OrcParityOptions): OrcParity {
  const source = openFileSource(path);
  try {
    const { flow, ours, theirs } = orcOfObject(source, { facts: options.facts, prefix: options.prefix ?? 0 });
    const { code, functions } = flow;
    const { sectionName } = code.object;
    const owner = (insn: number): string => {
      const f = ownerOf(flow, insn);
      return f === NONE ? "code without a function" : functionName(code, functions, f);
    };
    const said = (table: OrcTable, row: number): string =>
      row === NONE ? "nothing" : orcRowText(orcRow(table, row, sectionName));
    const seen = new Map<string, string>();
    const rows = theirs?.rows ?? { ...ours.rows, length: 0 };
    const { instructions, differing } = compareOrcRows(flow, ours.rows, rows, (each) => {
      const name = owner(each.insn);
      if (seen.has(name) || seen.size >= (options.samples ?? 20)) return;
      const place = `${sectionName[code.insns.section[each.insn] as number]}+0x${(code.insns.offset[each.insn] as number).toString(16)}`;
      const text = `ours ${said(ours.rows, each.ours)}, theirs ${said(rows, each.theirs)}`;
      seen.set(name, `${name} (${place}, ${each.count} instructions): ${text}`);
    });
    return {
      instructions,
      differing,
      ourRows: ours.rows.length,
      theirRows: rows.length,
      samples: [...seen.values()],
      inexpressible: ours.inexpressible.map(
        ({ insn, count, frame }) => `${owner(insn)}, ${count} instructions: ${frame}`,
      ),
    };
  } finally {
    source.close();
  }
}

/**
 * The same over objects that the tool has been over one by one: their rows, joined by the linker, speak of code in vmlinux.o that other definitions
 * have replaced, and leave out objects that the build excepts (reference kernel OBJECT_FILES_NON_STANDARD). Objects without rows are passed over.
 * @param names relative to `folder`
 */
export function compareOrcOfObjects(folder: string, names: readonly string[], options: OrcParityOptions): OrcParity {
  const sum = { instructions: 0, differing: 0, ourRows: 0, theirRows: 0 };
  const samples: string[] = [];
  const inexpressible: string[] = [];
  for (const name of names) {
    const path = join(folder, name);
    if (!hasRows(path)) continue;
    const found = compareOrc(path, options);
    for (const key of ["instructions", "differing", "ourRows", "theirRows"] as const) sum[key] += found[key];
    samples.push(...found.samples.slice(0, (options.samples ?? 20) - samples.length).map((text) => `${name}: ${text}`));
    inexpressible.push(...found.inexpressible.map((text) => `${name}: ${text}`));
  }
  return { ...sum, samples, inexpressible };
}

function hasRows(path: string): boolean {
  const source = openFileSource(path);
  try {
    return openObject(source).findSection(ORC_SECTION) !== NONE;
  } finally {
    source.close();
  }
}
