import assert from "node:assert/strict";
import { test } from "node:test";
import {
  INSTR_EVENT_LEAVES,
  INSTR_EVENT_RETURN_OPEN,
  INSTR_EVENT_TAIL_OPEN,
  walkInstrumentation,
} from "../../src/unwind/instrumentation.ts";
import { MOST_EVENTS } from "../../src/unwind/machine-flags.ts";
import { assembleFlow, type BuiltFlow } from "../support/built-flow.ts";

/** Calls of what is named "traced..." leave; calls of anything else stay. */
function events(b: BuiltFlow) {
  const { object } = b.code;
  return walkInstrumentation(
    b.flow,
    b.returns,
    (section) => object.sectionName[section] === ".noinstr.text",
    (insn) => object.symbolName[b.flow.symbol.at(insn)]!.startsWith("traced"),
  );
}

const told = (b: BuiltFlow): [kind: number, insn: number][] => events(b).map(({ kind, insn }) => [kind, insn]);

const QUIET = '\t.section .noinstr.text, "ax"\n';

test("only sections that must not be instrumented are walked", () => {
  const b = assembleFlow(`
FUNC loud
	call	traced
	ret
END loud
${QUIET}
FUNC quiet
here:	call	traced
	call	calm
	ret
END quiet`);
  assert.deepEqual(told(b), [[INSTR_EVENT_LEAVES, b.at("here")]]);
});

test("two ways to one call with different counts are both seen, and the way that is told is the bad one", () => {
  const b = assembleFlow(`${QUIET}
FUNC quiet
	testl	%edi, %edi
	je	around
	INSTRUMENTATION_BEGIN
around:	nop
here:	call	traced
	testl	%edi, %edi
	je	out
	INSTRUMENTATION_END
out:	ret
END quiet`);
  const found = events(b);
  assert.deepEqual(
    found.map(({ kind }) => kind).sort(),
    // Conditions are not followed: the way through the begin may leave around the end.
    [INSTR_EVENT_LEAVES, INSTR_EVENT_RETURN_OPEN],
  );
  const call = found.find(({ kind }) => kind === INSTR_EVENT_LEAVES)!;
  assert.equal(call.insn, b.at("here"));
  assert.deepEqual([...new Set(call.path.map(({ depth }) => depth))], [0]);
  const open = found.find(({ kind }) => kind === INSTR_EVENT_RETURN_OPEN)!;
  assert.deepEqual([open.path[0]!.depth, open.path.at(-1)!.depth], [0, 1]);
});

test("an end without a begin forbids as much as none, and a begin behind it does not allow", () => {
  const b = assembleFlow(`${QUIET}
FUNC quiet
	INSTRUMENTATION_END
	INSTRUMENTATION_BEGIN
here:	call	traced
	ret
END quiet`);
  assert.deepEqual(told(b), [[INSTR_EVENT_LEAVES, b.at("here")]]);
});

test("entries that name one instruction add up", () => {
  const b = assembleFlow(`${QUIET}
FUNC quiet
1:	nop
	.pushsection .discard.instr_begin
	.long	1b - ., 1b - .
	.popsection
	INSTRUMENTATION_END
here:	ret
END quiet`);
  assert.deepEqual(told(b), [[INSTR_EVENT_RETURN_OPEN, b.at("here")]]);
});

test("a replacement runs with the count of its original", () => {
  const b = assembleFlow(`${QUIET}
FUNC quiet
	INSTRUMENTATION_BEGIN
	ALTERNATIVE "call calm", "call traced"
	INSTRUMENTATION_END
there:	ALTERNATIVE "call calm", "call traced"
	ret
END quiet`);
  const [only, ...rest] = events(b);
  assert.deepEqual(rest, []);
  assert.equal(only?.kind, INSTR_EVENT_LEAVES);
  assert.equal(b.flow.instead.alternatives.from[b.flow.instead.replacementOf.get(only!.insn)!], b.at("there"));
});

test("a fault goes to its fixup with the count as it was", () => {
  const b = assembleFlow(`${QUIET}
FUNC quiet
	INSTRUMENTATION_BEGIN
1:	movl	(%rdi), %eax
	INSTRUMENTATION_END
	ret
2:	nop
here:	ret
	EXTABLE	1b, 2b
END quiet`);
  assert.deepEqual(told(b), [[INSTR_EVENT_RETURN_OPEN, b.at("here")]]);
});

test("a tail call comes back in its function's stead; a jump of assembly that is no function is nobody's end", () => {
  const b = assembleFlow(`${QUIET}
FUNC quiet
	INSTRUMENTATION_BEGIN
here:	jmp	traced
END quiet
FUNC leaves
there:	jmp	traced
END leaves
thunk:
	HINT_FUNC
	jmp	traced
	.size	thunk, . - thunk`);
  assert.deepEqual(told(b), [
    [INSTR_EVENT_TAIL_OPEN, b.at("here")],
    [INSTR_EVENT_LEAVES, b.at("there")],
  ]);
});

test("loops that count without an end stop, and one function is told a bounded number of events", () => {
  const b = assembleFlow(`${QUIET}
FUNC up
1:	INSTRUMENTATION_BEGIN
	testl	%edi, %edi
	jne	1b
here:	ret
END up
FUNC down
1:	INSTRUMENTATION_END
	testl	%edi, %edi
	jne	1b
	ret
END down
FUNC many
	.rept	1000
	call	traced
	.endr
	ret
END many`);
  const found = events(b);
  assert.deepEqual([found[0]!.kind, found[0]!.insn], [INSTR_EVENT_RETURN_OPEN, b.at("here")]);
  assert.equal(found.length, 1 + MOST_EVENTS);
});
