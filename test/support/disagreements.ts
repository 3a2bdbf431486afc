import assert from "node:assert/strict";

/** A known disagreement between our decoder and another disassembler, with the bytes by which it is known. */
export interface Tolerance {
  readonly name: string;
  /** Who is right, and where that is written. */
  readonly why: string;
  /** Matched against the bytes at the disagreement, as "0f b9 cc ...". */
  readonly bytes: RegExp;
  /** Matched against what disagrees ("size 3, theirs 2"), where the bytes alone would tolerate too much. */
  readonly what?: RegExp;
  /** Bytes that show it, so that a test sees when it is gone. */
  readonly example: string;
}

/** Counts disagreements by tolerance and keeps the first few that none names. */
export class Disagreements {
  readonly counts = new Map<string, number>();
  readonly unnamed: string[] = [];
  #unnamedCount = 0;
  readonly #tolerances: readonly Tolerance[];

  constructor(tolerances: readonly Tolerance[]) {
    this.#tolerances = tolerances;
  }

  add(bytes: string, what: string, place: string): void {
    const named = this.#tolerances.find((t) => t.bytes.test(bytes) && (t.what === undefined || t.what.test(what)));
    if (named !== undefined) this.counts.set(named.name, (this.counts.get(named.name) ?? 0) + 1);
    else if (this.#unnamedCount++ < 20) this.unnamed.push(`${place}: ${bytes}: ${what}`);
  }

  assertAllNamed(): void {
    const shown = this.unnamed.join("\n");
    assert.equal(
      this.#unnamedCount,
      0,
      `${this.#unnamedCount} disagreements that no tolerance names, first:\n${shown}`,
    );
  }

  summary(): string {
    const parts = [...this.counts].map(([name, count]) => `${name} ${count}`);
    return parts.length === 0 ? "no disagreement" : `tolerated: ${parts.join(", ")}`;
  }
}
