import type { HotRanges } from "../support/mutate.ts";

/** A reader of bytes that must end in a value or a FormatError, whatever the bytes are. */
export interface FuzzTarget {
  readonly name: string;
  /** Well-formed inputs, which the cases are mutations of. Called once a run. */
  seeds(): readonly Uint8Array[];
  /**
   * Reads all of the input, and throws an AssertionError where the value breaks a promise of its type.
   * `random` draws parameters of the read, if there are any.
   */
  read(bytes: Uint8Array, random: () => number): void;
  /** Where mutations do most; without it they are spread evenly. */
  hot?(bytes: Uint8Array): HotRanges;
}
