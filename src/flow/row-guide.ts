/** 32 bytes: no instruction is as long, so that each piece has one that begins in it. */
export const GUIDE_SHIFT = 5;
const GUIDE_BYTES = 1 << GUIDE_SHIFT;

/** For each 32 bytes of code the last instruction that begins at the first of them or before, section by section: where to look for the one at a place. */
export interface RowGuide {
  /** section -> its first entry in `row` */
  readonly start: Int32Array;
  readonly row: Int32Array;
}

/** Room for the guide of sections of these sizes; for the others `start` means nothing. */
export function newGuide(sectionCount: number, sections: readonly number[], sizes: ArrayLike<number>): RowGuide {
  const start = new Int32Array(sectionCount);
  let entries = 0;
  for (const s of sections) {
    start[s] = entries;
    // One for each piece, and one that instructions in the last piece are written to.
    entries += ((sizes[s] as number) >>> GUIDE_SHIFT) + 2;
  }
  return { start, row: new Int32Array(entries) };
}

/**
 * Writes down instructions, whole sections in ascending order. Every entry is written, and the last that is written to it is its own.
 * @param offset of the first `length` instructions, in bytes
 * @param first row of the first of them
 */
export function guideTo(
  { start, row }: RowGuide,
  section: number,
  offset: Uint32Array,
  length: number,
  first: number,
): void {
  const base = start[section] as number;
  for (let i = 0; i < length; i++) row[base + (((offset[i] as number) + GUIDE_BYTES - 1) >>> GUIDE_SHIFT)] = first + i;
}
