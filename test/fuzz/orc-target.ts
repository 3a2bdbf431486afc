import assert from "node:assert/strict";
import { orcOfObject } from "../../src/analyze/orc-of-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { FormatError } from "../../src/base/errors.ts";
import { openObject } from "../../src/elf/object.ts";
import { orcLayouts } from "../../src/orc/layout.ts";
import type { OrcTable } from "../../src/orc/rows.ts";
import { readOrcRows } from "../../src/orc/rows.ts";
import { compareOrcRows } from "../../src/unwind/orc-compare.ts";
import { assemble } from "../support/assemble.ts";
import { fixtureFolder } from "../support/rule-fixtures.ts";
import type { FuzzTarget } from "./target.ts";

const facts = { source: "fuzz", noreturn: new Set(["panic"]), accessSafe: new Set<string>() };

/** Functions, a patched region and hints, with rows beside them in the layout that has these bits at an entry. */
function seed(entryBits: number, hints: string): Uint8Array {
  return assemble(`
	.include "${fixtureFolder}/macros.inc"
	.space	16, 0x90
FUNC f
	pushq	%rbp
	movq	%rsp, %rbp
	call	panic
END f
FUNC g
	ALTERNATIVE "nop; nop", "pushq %rdx; popq %rdx"
	leaq	8(%rsp), %r10
	andq	$-32, %rsp
	leaq	-8(%r10), %rsp
	ret
END g
entry:	${hints}
	pushq	$0
	jmp	entry
	.section .orc_unwind, "a"
	.short	8, 0, ${entryBits}, 16, -16, ${entryBits | 0x10}, 8, 0, ${entryBits}, 0, 0, 0
	.section .orc_unwind_ip, "a"
	.long	f - ., f + 1 - ., g - ., entry - .
`).bytes;
}

/** ORC of an object, theirs and ours, whatever its sections say. */
export const orcTarget: FuzzTarget = {
  name: "orc",
  seeds: () => [seed(0x0205, "HINT 1"), seed(0x0203, "HINT 5, 3, 8"), seed(0x0005, "HINT 0, 0, 0, 1")],
  read(bytes) {
    const object = openObject(bytesSource(bytes));
    for (const layout of orcLayouts) {
      try {
        checkOrder(readOrcRows(object, layout));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }
    const { flow, ours, theirs } = orcOfObject(bytesSource(bytes), { facts, prefix: 16 });
    checkOrder(ours.rows);
    if (theirs === undefined) return;
    let told = 0;
    const result = compareOrcRows(flow, ours.rows, theirs.rows, (each) => {
      told += each.count;
    });
    assert.equal(told, result.differing);
    assert.ok(result.differing <= result.instructions && result.instructions <= flow.kind.length);
    assert.equal(
      compareOrcRows(flow, ours.rows, ours.rows, () => assert.fail("a table differs from itself")).differing,
      0,
    );
  },
  hot(bytes) {
    const { sections, sectionName } = openObject(bytesSource(bytes));
    return sectionName.flatMap((name, i) =>
      /orc_unwind|unwind_hints|altinstructions/.test(name)
        ? [[sections.fileOffset[i]!, sections.fileOffset[i]! + sections.size[i]!] as const]
        : [],
    );
  },
};

function checkOrder(rows: OrcTable): void {
  for (let n = 1; n < rows.length; n++) {
    const bySection = rows.section[n - 1]! - rows.section[n]!;
    assert.ok(bySection < 0 || (bySection === 0 && rows.offset[n - 1]! < rows.offset[n]!));
  }
}
