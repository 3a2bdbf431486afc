import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MARK_ELSEWHERE,
  MARK_HINT,
  MARK_IGNORE_ALTS,
  MARK_IGNORE_VARIANT,
  MARK_INSTR_BEGIN,
  MARK_INSTR_END,
  MARK_INTRA_CALL,
  MARK_NOCFI,
  MARK_NOENDBR,
  MARK_REACHABLE,
  MARK_RETPOLINE_SAFE,
  MARK_UNREACHABLE,
  MARK_UNRET_BEGIN,
} from "../../src/flow/marks.ts";
import { assembleFlow, rowOf } from "../support/built-flow.ts";

test("the sections up to 6.13: PC-relative and absolute references", () => {
  const old: [section: string, entry: string, mark: number][] = [
    [".discard.instr_begin", ".long 1b - .", MARK_INSTR_BEGIN],
    [".discard.instr_end", ".long 1b - .", MARK_INSTR_END],
    [".discard.validate_unret", ".long 1b - .", MARK_UNRET_BEGIN],
    [".discard.noendbr", ".long 1b", MARK_NOENDBR],
    [".discard.retpoline_safe", ".long 1b", MARK_RETPOLINE_SAFE],
    [".discard.intra_function_calls", ".long 1b", MARK_INTRA_CALL],
    [".discard.ignore_alts", ".long 1b", MARK_IGNORE_ALTS],
    // These two name the byte behind the instruction that they speak of.
    [".discard.reachable", ".long 2f", MARK_REACHABLE],
    [".discard.unreachable", ".long 2f - .", MARK_UNREACHABLE],
  ];
  for (const [section, entry, mark] of old) {
    const b = assembleFlow(`
FUNC marked
	nop
1:
here:	nop
2:	ret
	.pushsection ${section}
	${entry.replace("2f", "2b")}
	.popsection
END marked`);
    assert.equal(b.flow.marks.bits[b.at("here")], mark, section);
    assert.equal(b.flow.marks.bits[b.at("marked")], 0, section);
    assert.equal(b.flow.marks.bits[b.at("here", 1)], MARK_ELSEWHERE, section); // nothing stands behind the return
    assert.deepEqual(b.flow.marks.dangling, [], section);
  }
});

test("the section from 6.14 on says it by types", () => {
  const types = [
    MARK_NOENDBR,
    MARK_RETPOLINE_SAFE,
    MARK_INSTR_BEGIN,
    MARK_INSTR_END,
    MARK_UNRET_BEGIN,
    MARK_IGNORE_VARIANT,
    MARK_INTRA_CALL,
    MARK_REACHABLE,
    MARK_NOCFI,
  ];
  const b = assembleFlow(`
FUNC marked
${types
  .map(
    (_, n) => `here_${n + 1}: nop
	.pushsection .discard.annotate_insn, "M", @progbits, 8
	.long here_${n + 1} - ., ${n + 1}
	.popsection`,
  )
  .join("\n")}
unknown: nop
	.pushsection .discard.annotate_insn, "M", @progbits, 8
	.long unknown - ., 99
	.popsection
	ret
END marked`);
  for (const [n, mark] of types.entries()) assert.equal(b.flow.marks.bits[b.at(`here_${n + 1}`)], mark, String(n + 1));
  assert.equal(b.flow.marks.bits[b.at("unknown")], 0);
});

test("a mark at the end of a section speaks of the last instruction", () => {
  const b = assembleFlow(`
FUNC last
	nop
	ud2
	ANNOTATE_REACHABLE
END last`);
  assert.equal(b.flow.marks.bits[b.at("last", 1)], MARK_REACHABLE | MARK_ELSEWHERE);
});

test("entries that name no instruction are kept for coverage", () => {
  const b = assembleFlow(`
FUNC whole
	movl	$1, %eax
	ret
	.pushsection .discard.noendbr
	.long	whole + 2
	.long	elsewhere
	.popsection
	.pushsection .discard.reachable
	.long	whole
	.popsection
	.pushsection .discard.unwind_hints
	.long	whole + 1 - .
	.short	8
	.byte	5, 2, 0
	.balign	4
	.popsection
END whole`);
  assert.deepEqual(
    b.flow.marks.dangling.map(({ what }) => what),
    [
      ".discard.noendbr entry 0",
      ".discard.noendbr entry 1",
      ".discard.reachable entry 0",
      ".discard.unwind_hints entry 0",
    ],
  );
  assert.equal(b.flow.hints.length, 0);
});

test("an excluded function takes its cold part along", () => {
  const b = assembleFlow(`
FUNC parent
	jmp	parent.cold
END parent
	.type	parent.cold, @function
parent.cold:
	pushq	%rax
	ret
	.size	parent.cold, . - parent.cold
FUNC other
	ret
END other
	STACK_FRAME_NON_STANDARD parent
	.pushsection .discard.func_stack_frame_non_standard
	.quad	other
	.popsection`);
  assert.equal(b.flow.marks.excluded[b.f("parent")], 1);
  assert.equal(b.flow.marks.excluded[b.f("parent.cold")], 1);
  // C writes an absolute 8-byte address.
  assert.equal(b.flow.marks.excluded[b.f("other")], 1);
  assert.deepEqual(b.frames.events, []);
});

test("hints: all fields, several at one place, sorted by instruction", () => {
  const b = assembleFlow(`
FUNC hinted
	nop
	HINT	3, 5, 168, 1
second:	nop
	HINT_SAVE
	HINT	2, 4, -16
third:	nop
	ret
END hinted
	.pushsection .discard.unwind_hints
	.long	hinted - .
	.short	8
	.byte	5, 5, 0
	.balign	4
	.popsection`);
  const rows = Array.from({ length: b.flow.hints.length }, (_, row) => rowOf(b.flow.hints, row));
  assert.deepEqual(rows, [
    { insn: b.at("hinted"), spOffset: 8, spReg: 5, type: 5, signal: 0 },
    { insn: b.at("second"), spOffset: 168, spReg: 5, type: 3, signal: 1 },
    { insn: b.at("third"), spOffset: 0, spReg: 0, type: 6, signal: 0 },
    { insn: b.at("third"), spOffset: -16, spReg: 4, type: 2, signal: 0 },
  ]);
  assert.equal(b.flow.marks.bits[b.at("third")], MARK_HINT);
});
