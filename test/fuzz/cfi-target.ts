import assert from "node:assert/strict";
import { witnessesOfObject } from "../../src/analyze/witnesses-of-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { readCfi } from "../../src/dwarf/cfi.ts";
import { CFI_CFA_EXPRESSION, CFI_EXPRESSION, CFI_VAL_EXPRESSION, type Cfi } from "../../src/dwarf/cfi-tables.ts";
import { openObject } from "../../src/elf/object.ts";
import { compareWitness } from "../../src/unwind/witness-compare.ts";
import { assemble, compile } from "../support/assemble.ts";
import type { FuzzTarget } from "./target.ts";

const facts = { source: "fuzz", noreturn: new Set(["panic"]), accessSafe: new Set<string>() };

/** Call frame information of an object, alone and against its instructions, whose entries and relocations are damaged. */
export const cfiTarget: FuzzTarget = {
  name: "cfi",
  seeds: () => [
    compileFrames(["-O2", "-g", "-fno-asynchronous-unwind-tables"]),
    compileFrames(["-O2", "-fexceptions", "-ffunction-sections"]),
    assembleFrames(),
  ],
  read(bytes) {
    for (const cfi of readCfi(openObject(bytesSource(bytes)))) checkTables(cfi);
    const { flow, frames, kept, witnesses } = witnessesOfObject(bytesSource(bytes), { facts });
    for (const witness of witnesses) {
      const { counts, covered, instructions } = compareWitness(flow, frames, kept, witness);
      assert.ok(covered <= instructions);
      for (const each of counts.values())
        assert.equal(
          each.reduce((all, count) => all + count, 0),
          covered,
        );
    }
  },
  hot(bytes) {
    const { sections, sectionName } = openObject(bytesSource(bytes));
    return sectionName.flatMap((name, i) =>
      /(debug|eh)_frame/.test(name)
        ? [[sections.fileOffset[i]!, sections.fileOffset[i]! + sections.size[i]!] as const]
        : [],
    );
  },
};

/** Rows rise inside their entry, and every number that stands for something of a table is one of it. */
function checkTables({ cies, fdes, rows, rules, expressions }: Cfi): void {
  let row = 0;
  for (let f = 0; f < fdes.length; f++) {
    assert.ok(fdes.cie[f]! < cies.length && fdes.start[f]! <= fdes.end[f]!);
    assert.equal(fdes.rowStart[f], row);
    for (; row < fdes.rowEnd[f]!; row++) {
      const first = row === fdes.rowStart[f];
      assert.ok(first ? rows.start[row] === fdes.start[f] : rows.start[row]! > rows.start[row - 1]!);
      assert.ok(rows.start[row]! < fdes.end[f]!);
      assert.ok(rows.ruleStart[row]! <= rows.ruleEnd[row]! && rows.ruleEnd[row]! <= rules.length);
      if (rows.cfa[row] === CFI_CFA_EXPRESSION) assert.ok(expressions[rows.cfaOffset[row]!] !== undefined);
      for (let r = rows.ruleStart[row]! + 1; r < rows.ruleEnd[row]!; r++)
        assert.ok(rules.register[r]! > rules.register[r - 1]!);
    }
  }
  assert.equal(row, rows.length);
  for (let r = 0; r < rules.length; r++)
    if (rules.rule[r] === CFI_EXPRESSION || rules.rule[r] === CFI_VAL_EXPRESSION)
      assert.ok(expressions[rules.value[r]!] !== undefined);
}

function compileFrames(flags: readonly string[]): Uint8Array {
  return compile(
    `extern int other(void *, ...);
    int plain(int a) { return other(&a) + other(&a, a); }
    int realigned(int n) { char b[64] __attribute__((aligned(64))); char *p = __builtin_alloca(n); return other(b) + other(p) + b[0] + p[1]; }
    int kept(int *a, int n) { int s = 0; for (int i = 0; i < n; i++) s += other(a + i) * other(a - i, n); if (s < 0) return other(0); return s + n; }`,
    flags,
  ).bytes;
}

function assembleFrames(): Uint8Array {
  return assemble(`
	.cfi_sections .eh_frame, .debug_frame
f:	.cfi_startproc
	.cfi_signal_frame
	nop
	.cfi_remember_state
	.cfi_escape 0x0f, 3, 0x76, 0x70, 0x06, 0x10, 3, 2, 0x76, 0x68, 0x16, 7, 2, 0x77, 16
	nop
	.cfi_restore_state
	.cfi_undefined 3
	.cfi_register 16, 2
	.cfi_escape 0x14, 7, 1, 0x15, 7, 0x7f, 0x05, 70, 3, 0x2e, 8, 0x2f, 3, 2
	.skip 300, 0x90
	.cfi_restore 16
	nop
	.cfi_endproc
`).bytes;
}
