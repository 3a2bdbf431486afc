import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE } from "../../src/base/table.ts";
import {
  FAULT_INTO_INSTRUCTION,
  FAULT_OUTSIDE_CODE,
  FAULT_UNANNOTATED_INTRA_CALL,
  KIND_CONDITIONAL_TAIL,
  KIND_INDIRECT_TAIL,
  KIND_INTRA_CALL,
  KIND_REPORT,
  KIND_TAIL_CALL,
} from "../../src/flow/flow.ts";
import { KIND_BUG, KIND_CALL, KIND_INDIRECT_CALL, KIND_JUMP, KIND_RETURN } from "../../src/isa/insn-table.ts";
import { assembleFlow, type BuiltFlow } from "../support/built-flow.ts";

const named = (b: BuiltFlow, insn: number): string => {
  const symbol = b.flow.symbol.at(insn);
  return symbol === NONE ? "" : b.code.object.symbolName[symbol]!;
};
const faults = (b: BuiltFlow): [number, number][] => b.flow.faults.map((f) => [f.insn, f.fault]);

test("jumps inside a section, by displacement and by relocations against the section and against labels", () => {
  const b = assembleFlow(`
FUNC near
	jmp	goal
goal:	ret
END near
FUNC far
	jmp	.Lhidden
by_label:
	jmp	there
	ret
END far
	.section .text.far, "ax"
	nop
.Lhidden:
hidden:	jmp	back
there:	ret
	.text
	.globl back
back:	ret`);
  assert.deepEqual(b.after("near"), [b.at("goal")]);
  assert.deepEqual(b.after("far"), [b.at("hidden")]);
  assert.deepEqual(b.after("by_label"), [b.at("there")]);
  assert.deepEqual(b.after("hidden"), [b.at("back")]);
  assert.notEqual(b.code.reloc.at(b.at("far")), NONE);
  assert.equal(b.code.reloc.at(b.at("near")), NONE);
  assert.deepEqual(b.flow.faults, []);
});

test("a jump to another function's start, or behind its landing pad, is a tail call", () => {
  const b = assembleFlow(`
FUNC with_pad
	endbr64
behind_pad:
	nop
	ret
END with_pad
FUNC leaves
	je	with_pad
to_pad:	je	behind_pad
to_body:
	jne	body
outside:
	jmp	elsewhere
END leaves
FUNC plain
	nop
body:	ret
END plain`);
  for (const symbol of ["leaves", "to_pad"]) {
    assert.equal(b.flow.kind[b.at(symbol)], KIND_CONDITIONAL_TAIL, symbol);
    assert.equal(named(b, b.at(symbol)), "with_pad");
  }
  // Into another function's body: no tail call, and told by the frame walk.
  assert.notEqual(b.flow.kind[b.at("to_body")], KIND_CONDITIONAL_TAIL);
  assert.deepEqual(b.after("to_body"), [b.at("outside"), b.at("body")]);
  assert.equal(b.flow.kind[b.at("outside")], KIND_TAIL_CALL);
  assert.equal(named(b, b.at("outside")), "elsewhere");
  assert.deepEqual(b.after("outside"), []);
});

test("a jump to the own start is a loop", () => {
  const b = assembleFlow(`
FUNC loops
	nop
again:	jmp	loops
END loops`);
  assert.equal(b.flow.kind[b.at("again")], KIND_JUMP);
  assert.deepEqual(b.after("again"), [b.at("loops")]);
});

test("thunks: the return thunk returns, indirect thunks go through a register", () => {
  const b = assembleFlow(`
FUNC thunks
	call	__x86_indirect_thunk_rax
cond:	je	__x86_indirect_thunk_rcx
done:	jmp	__x86_return_thunk
END thunks
FUNC pointer
	jmp	__x86_indirect_thunk_array
END pointer
FUNC start_up
	jmp	__pi___x86_return_thunk
END start_up`);
  assert.equal(b.flow.kind[b.at("thunks")], KIND_INDIRECT_CALL);
  assert.equal(b.flow.kind[b.at("cond")], KIND_CONDITIONAL_TAIL);
  assert.equal(b.flow.kind[b.at("done")], KIND_RETURN);
  assert.equal(b.flow.kind[b.at("pointer")], KIND_INDIRECT_TAIL);
  assert.equal(b.flow.kind[b.at("start_up")], KIND_RETURN);
  assert.deepEqual(b.flow.unresolved, [b.at("pointer")]);
});

test("calls: out of the object, to a label, to an alias, through a static-call trampoline", () => {
  const b = assembleFlow(`
FUNC caller
	call	elsewhere
by_label:
	call	callee
trampoline:
	call	__SCT__key
	ret
END caller
callee:	ret`);
  for (const symbol of ["caller", "by_label", "trampoline"]) assert.equal(b.flow.kind[b.at(symbol)], KIND_CALL);
  assert.equal(named(b, b.at("caller")), "elsewhere");
  assert.equal(b.flow.target.at(b.at("caller")), NONE);
  assert.equal(named(b, b.at("by_label")), "callee");
  assert.equal(b.flow.target.at(b.at("by_label")), b.at("callee"));
  assert.equal(named(b, b.at("trampoline")), "__SCT__key");
  assert.deepEqual(b.flow.faults, []);
});

test("calls that stay in their function need an annotation", () => {
  const b = assembleFlow(`
FUNC annotated
	ANNOTATE_INTRA_FUNCTION_CALL
	call	1f
	int3
1:	addq	$8, %rsp
	ret
END annotated
FUNC bare
	call	1f
	int3
1:	addq	$8, %rsp
	ret
END bare`);
  assert.equal(b.flow.kind[b.at("annotated")], KIND_INTRA_CALL);
  assert.deepEqual(b.after("annotated"), [b.at("annotated", 2)]);
  assert.deepEqual(faults(b), [[b.at("bare"), FAULT_UNANNOTATED_INTRA_CALL]]);
  assert.deepEqual(b.frames.events, []);
});

test("branches into an instruction, outside of code, and to a symbol that names hidden bytes", () => {
  const b = assembleFlow(`
FUNC middle
	je	1f + 2
1:	movl	$0x90909090, %eax
	ret
END middle
FUNC nowhere
	je	nowhere + 0x2000
	ret
END nowhere
FUNC negative
	je	middle - 5
	ret
END negative
FUNC hidden
	jmp	inner
	.byte	0x48
	.set	inner, . + 2
	.byte	0xc7, 0xc0, 0xc3, 0x90, 0x90, 0x90	# mov $0x909090c3, %rax, with a ret in it
	ret
END hidden`);
  assert.deepEqual(faults(b), [
    [b.at("middle"), FAULT_INTO_INSTRUCTION],
    [b.at("nowhere"), FAULT_OUTSIDE_CODE],
    [b.at("negative"), FAULT_OUTSIDE_CODE],
  ]);
  assert.equal(b.flow.kind[b.at("hidden")], KIND_RETURN);
});

test("traps end a path unless they are annotated", () => {
  const b = assembleFlow(`
FUNC traps
	je	1f
dead:	ud2
1:	incl	%edi
report:	ud2
	ANNOTATE_REACHABLE
	ret
END traps`);
  assert.equal(b.flow.kind[b.at("dead")], KIND_BUG);
  assert.deepEqual(b.after("dead"), []);
  assert.equal(b.flow.kind[b.at("report")], KIND_REPORT);
  assert.deepEqual(b.after("report"), [b.at("report", 1)]);
});

test("the last instruction of a section runs off it", () => {
  const b = assembleFlow(`
FUNC runs
	nop
END runs
	.section .text.stops, "ax"
FUNC stops
	ret
END stops`);
  assert.equal(b.flow.next.of(b.at("runs")), NONE);
  assert.equal(b.flow.next.of(b.at("stops")), NONE);
  assert.deepEqual(b.after("runs"), []);
  assert.deepEqual(
    b.frames.events.map((event) => event.insn),
    [b.at("runs")],
  );
});
