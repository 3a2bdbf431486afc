import { type SparseColumn, SparseColumnBuilder } from "../base/sparse-column.ts";
import { NONE, TableBuilder } from "../base/table.ts";
import type { ElfObject } from "../elf/object.ts";
import type { Arch } from "../isa/arch.ts";
import {
  type DecodeOutput,
  FLAG_FAR,
  FLAG_INVALID,
  FLAG_NOTRACK,
  KIND_UNKNOWN,
  newDecodeOutput,
  type OpTable,
  opSchema,
} from "../isa/insn-table.ts";
import { guideTo, newGuide, type RowGuide } from "./row-guide.ts";

// A linked kernel has five million instructions, and each byte of a row is 5 MB. Instructions are decoded block by block into a table that
// has every column, and kept in one that has only as much of each as is needed.

/** The instructions of an object; see InsnTable in src/isa for what the columns say. */
export interface CodeInsns {
  readonly length: number;
  /** -> section (ELF index); i32 in an object of more than 65,536 sections */
  readonly section: Uint16Array;
  readonly offset: Uint32Array;
  readonly size: Uint8Array;
  readonly kind: Uint8Array;
  readonly flags: Uint8Array;
  /** Wider where the architecture has more than 16 integer registers. */
  readonly writes: Uint16Array;
  readonly target: SparseColumn;
  readonly op: SparseColumn;
  /** Rows that are no instruction, or have a flag of FLAG_INVALID, FLAG_NOTRACK, FLAG_FAR: a few, ascending. */
  readonly odd: readonly number[];
}

export interface Decoded {
  readonly insns: CodeInsns;
  readonly ops: OpTable;
  /** section -> first row of its instructions, and the row behind its last; equal for a section without code */
  readonly sectionStart: Int32Array;
  readonly sectionEnd: Int32Array;
  readonly guide: RowGuide;
}

const keptSchema = {
  section: "u16",
  offset: "u32",
  size: "u8",
  kind: "u8",
  flags: "u8",
  writes: "u16",
} as const;

const ODD_FLAGS = FLAG_INVALID | FLAG_NOTRACK | FLAG_FAR;

/** Rows that are decoded before they are kept. */
const BLOCK_ROWS = 4096;

/** Bytes of a sample that are decoded before all of it. */
const LITTLE = 256;

/** Bytes of code from which on decoding a sample first pays. */
const MUCH_CODE = 1 << 22;

/**
 * Decodes sections, one pass each.
 * @param byteCount how many bytes they have together
 */
export function decodeSections(object: ElfObject, arch: Arch, sections: readonly number[], byteCount: number): Decoded {
  const sectionCount = object.sections.length;
  const kept = new KeptInsns(byteCount, sectionCount, arch.registers.name.length);
  const block = newDecodeOutput(Math.min(byteCount, BLOCK_ROWS * 3), sectionCount);
  if (byteCount > MUCH_CODE && arch.sampleCode !== undefined) {
    const sample = arch.sampleCode();
    // A little of it first, and to the end: what stands behind a loop that is compiled while it runs has to have been seen, too.
    for (const end of [LITTLE, sample.length]) arch.decode(sample, 0, 0, end, newDecodeOutput(sample.length));
  }
  const guide = newGuide(sectionCount, sections, object.sections.size);
  const sectionStart = new Int32Array(sectionCount);
  const sectionEnd = new Int32Array(sectionCount);
  for (const s of sections) {
    const bytes = object.bytes(s);
    sectionStart[s] = kept.length;
    for (let at = 0; at < bytes.length; ) {
      at = arch.decode(bytes, s, at, bytes.length, block, BLOCK_ROWS);
      guideTo(guide, s, block.insns.columns.offset, block.insns.length, kept.length);
      kept.append(block);
      block.insns.length = 0;
      block.ops.length = 0;
    }
    sectionEnd[s] = kept.length;
    kept.setSection(s, sectionStart[s] as number);
  }
  return { ...kept.finish(), sectionStart, sectionEnd, guide };
}

class KeptInsns {
  readonly #insns: TableBuilder<typeof keptSchema>;
  readonly #ops: TableBuilder<typeof opSchema>;
  readonly #target: SparseColumnBuilder;
  readonly #op: SparseColumnBuilder;
  readonly #odd: number[] = [];

  constructor(byteCount: number, sectionCount: number, registerCount: number) {
    const wide = "i32" as unknown as "u16";
    const schema = {
      ...keptSchema,
      ...(sectionCount <= 0x1_0000 ? {} : { section: wide }),
      ...(registerCount <= 16 ? {} : { writes: "u32" as unknown as "u16" }),
    };
    const rows = Math.max(16, (byteCount / 3) | 0);
    this.#insns = new TableBuilder(schema, rows);
    this.#ops = new TableBuilder(opSchema, Math.max(16, (byteCount / 8) | 0));
    this.#target = new SparseColumnBuilder(rows, rows >>> 2);
    this.#op = new SparseColumnBuilder(rows, rows >>> 1);
  }

  get length(): number {
    return this.#insns.length;
  }

  /** Rows from `first` on are of this section. */
  setSection(section: number, first: number): void {
    this.#insns.columns.section.fill(section, first, this.#insns.length);
  }

  append({ insns: { columns, length }, ops }: DecodeOutput): void {
    const first = this.#insns.length;
    this.#insns.reserve(length);
    const kept = this.#insns.columns;
    for (const name in keptSchema) {
      if (name === "section") continue;
      const key = name as keyof typeof keptSchema;
      kept[key].set((columns[key] as Uint8Array).subarray(0, length), first);
    }
    this.#insns.length = first + length;
    const firstOp = this.#ops.length;
    const { target, kind, flags } = columns;
    for (let row = 0; row < length; row++) {
      if (kind[row] === KIND_UNKNOWN || ((flags[row] as number) & ODD_FLAGS) !== 0) this.#odd.push(first + row);
    }
    this.#target.addPlain(target, length, first, 0);
    this.#ops.reserve(ops.length);
    const keptOps = this.#ops.columns;
    for (const name in opSchema) {
      const key = name as keyof typeof opSchema;
      (keptOps[key] as Uint8Array).set((ops.columns[key] as Uint8Array).subarray(0, ops.length), firstOp);
    }
    const end = firstOp + ops.length;
    const { insn } = keptOps;
    for (let row = firstOp, last = NONE; row < end; row++) {
      const of = (insn[row] as number) + first;
      insn[row] = of;
      // The first operation of each instruction that has some.
      if (of !== last) this.#op.add(of, row);
      last = of;
    }
    this.#ops.length = end;
  }

  finish(): { insns: CodeInsns; ops: OpTable } {
    const table = this.#insns.finish();
    const { length } = table;
    return {
      insns: { ...table, target: this.#target.finish(length), op: this.#op.finish(length), odd: this.#odd },
      ops: this.#ops.finish(),
    };
  }
}
