import { FormatError } from "../base/errors.ts";

/** Steps allowed whatever the input's size, so that a tiny object with a large shared table is still read. */
const STEPS_FLAT = 1 << 16;
/** A step is an attribute, a range entry or a byte of an abbreviation; compilers stay below 2 a byte. */
const STEPS_PER_BYTE = 16;

/**
 * What keeps reading linear in the size of the debug sections. Most of DWARF is read once, but units may share
 * abbreviations and entries may share range lists, and in hostile bytes a million of them share one of a million rows.
 */
export class WorkBudget {
  #left: number;

  /** @param size bytes of all debug sections that will be read */
  constructor(size: number) {
    this.#left = STEPS_FLAT + STEPS_PER_BYTE * size;
  }

  /** @throws FormatError over-budget */
  spend(steps: number, section: string, offset: number): void {
    this.#left -= steps;
    if (this.#left < 0) {
      throw new FormatError("over-budget", "more work than the size of the debug sections can explain", {
        format: "DWARF",
        section,
        offset,
      });
    }
  }
}
