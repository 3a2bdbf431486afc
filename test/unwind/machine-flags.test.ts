import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FLAG_EVENT_CALL_DIRECTION,
  FLAG_EVENT_CALL_OPEN,
  FLAG_EVENT_DOUBLE_OPEN,
  FLAG_EVENT_DOUBLE_SET,
  FLAG_EVENT_REDUNDANT_CLEAR,
  FLAG_EVENT_REDUNDANT_CLOSE,
  FLAG_EVENT_RETURN_CLOSED,
  FLAG_EVENT_RETURN_DIRECTION,
  FLAG_EVENT_RETURN_OPEN,
} from "../../src/unwind/flag-events.ts";
import { ACCESS_OPEN, DIRECTION_SET } from "../../src/unwind/machine-flags.ts";
import { assembleFlow, type BuiltFlow } from "../support/built-flow.ts";

const events = (b: BuiltFlow): [kind: number, insn: number][] => b.flags.events.map((e) => [e.kind, e.insn]);
const SMAP = "9*32+20";

test("access that is opened and closed by alternatives is followed as on a machine with SMAP", () => {
  const b = assembleFlow(`
FUNC good
	ALTERNATIVE "nopl (%rax)", "stac", ${SMAP}
	movl	%esi, (%rdi)
	ALTERNATIVE "nopl (%rax)", "clac", ${SMAP}
	ret
END good
FUNC bad
	ALTERNATIVE "nopl (%rax)", "stac", ${SMAP}
	movl	%esi, (%rdi)
here:	ret
END bad`);
  assert.deepEqual(events(b), [[FLAG_EVENT_RETURN_OPEN, b.at("here")]]);
});

test("a fault goes to its fixup with the flags as they were", () => {
  const b = assembleFlow(`
FUNC open
	stac
1:	movl	%esi, (%rdi)
	clac
	ret
fix_open: ret
	EXTABLE	1b, fix_open
END open
FUNC closed
	stac
1:	movl	%esi, (%rdi)
	clac
	ret
2:	clac
	ret
	EXTABLE	1b, 2b
END closed
FUNC clears_first
	stac
	movl	%esi, (%rdi)
	clac
1:	movl	(%rdx), %eax
	ret
fix_closed: clac
	ret
	EXTABLE	1b, fix_closed
END clears_first`);
  assert.deepEqual(events(b), [
    [FLAG_EVENT_RETURN_OPEN, b.at("fix_open")],
    [FLAG_EVENT_REDUNDANT_CLOSE, b.at("fix_closed")],
  ]);
});

test("two ways may meet with different flags and part again on the same test: both are walked", () => {
  const b = assembleFlow(`
FUNC f
	testl	%edi, %edi
	je	1f
	stac
1:	movl	%esi, %eax
	ret
END f`);
  assert.deepEqual(events(b), [[FLAG_EVENT_RETURN_OPEN, b.at("f", 4)]]);
  const { path } = b.flags.events[0]!;
  assert.deepEqual(
    path.map((step) => step.insn),
    [0, 1, 2, 3, 4].map((ahead) => b.at("f", ahead)),
  );
  assert.deepEqual(
    path.map((step) => step.flags & ACCESS_OPEN),
    [0, 0, 0, 1, 1],
  );
});

test("flags that are pushed and popped in alternatives save the access bit, nested too", () => {
  const save = `ALTERNATIVE "nopl (%rax); nop", "pushfq; clac", ${SMAP}`;
  const restore = `ALTERNATIVE "nop", "popfq", ${SMAP}`;
  const b = assembleFlow(`
FUNC may_be_open
	${save}
	${save}
	${restore}
	${restore}
	ret
END may_be_open
FUNC ordinary
	stac
	${save}
	call	elsewhere
	${restore}
	movl	%esi, (%rdi)
	clac
	ret
END ordinary
FUNC outside
	stac
	pushfq
	clac
	popfq
	ret
END outside`);
  // Outside of an alternative a restore brings nothing back.
  const kinds = events(b).map(([kind]) => kind);
  assert.ok(!kinds.includes(FLAG_EVENT_RETURN_CLOSED));
  assert.ok(!kinds.includes(FLAG_EVENT_CALL_OPEN));
  assert.deepEqual(
    b.flags.events.filter((e) => b.nameOf(e.owner) === "outside"),
    [],
  );
});

test("calls with access open: listed callees, pointers, tail calls", () => {
  const listed = assembleFlow(`
FUNC f
	stac
	call	may_be_open
	clac
	ret
END f`);
  assert.deepEqual(events(listed), []);
  for (const leave of ["call elsewhere; clac; ret", "call *%rax; clac; ret", "jmp elsewhere", "jmp *%rax"]) {
    const b = assembleFlow(`
FUNC f
	stac
here:	${leave}
END f`);
    assert.deepEqual(events(b), [[FLAG_EVENT_CALL_OPEN, b.at("here")]], leave);
  }
});

test("a listed function is entered with access open, and its cold part too", () => {
  const b = assembleFlow(`
	.type	may_be_open, @function
may_be_open:
	jmp	may_be_open.cold
	.size	may_be_open, . - may_be_open
	.type	may_be_open.cold, @function
may_be_open.cold:
	ret
	.size	may_be_open.cold, . - may_be_open.cold
FUNC f
	stac
	stac
	clac
	ret
END f`);
  assert.deepEqual(events(b), [[FLAG_EVENT_DOUBLE_OPEN, b.at("f", 1)]]);
});

test("the direction flag: returns, calls and fixups, over blocks that were walked before", () => {
  const b = assembleFlow(`
FUNC f
	testl	%edi, %edi
	je	1f
	std
	rep movsb
1:	incl	%eax
back:	ret
END f
FUNC g
	std
2:	rep movsb
to:	call	elsewhere
	cld
	ret
3:	cld
	ret
	EXTABLE	2b, 3b
END g`);
  assert.deepEqual(events(b), [
    [FLAG_EVENT_RETURN_DIRECTION, b.at("back")],
    [FLAG_EVENT_CALL_DIRECTION, b.at("to")],
  ]);
  assert.equal(b.flags.events[0]!.flags & DIRECTION_SET, DIRECTION_SET);
});

test("a defect does not hide one of the next region, whichever is the graver", () => {
  const b = assembleFlow(`
FUNC clears_and_sets
once:	cld
	std
left:	ret
END clears_and_sets
FUNC closes_and_opens
twice:	clac
	stac
	movl	%esi, (%rdi)
open:	ret
END closes_and_opens
FUNC calls_in_both
	stac
first:	call	elsewhere
	clac
	stac
second:	call	elsewhere
	clac
	ret
END calls_in_both`);
  const found = new Set(events(b).map(([kind, insn]) => `${kind} ${insn}`));
  const wanted = [
    [FLAG_EVENT_REDUNDANT_CLEAR, "once"],
    [FLAG_EVENT_RETURN_DIRECTION, "left"],
    [FLAG_EVENT_REDUNDANT_CLOSE, "twice"],
    [FLAG_EVENT_RETURN_OPEN, "open"],
    [FLAG_EVENT_CALL_OPEN, "first"],
    [FLAG_EVENT_CALL_OPEN, "second"],
  ] as const;
  assert.deepEqual(found, new Set(wanted.map(([kind, label]) => `${kind} ${b.at(label)}`)));
});

test("several defects of one region are all told, and what follows from one of them is not", () => {
  const b = assembleFlow(`
FUNC opens_twice
	stac
again:	stac
	movl	%esi, (%rdi)
left:	ret
END opens_twice
FUNC opens_thrice
	stac
third:	stac
	stac
	clac
	ret
END opens_thrice
FUNC calls_and_leaves
	stac
called:	call	elsewhere
	testl	%eax, %eax
	je	1f
	clac
	ret
1:
open:	ret
END calls_and_leaves
FUNC never_closes
	stac
never:	call	elsewhere
	ret
END never_closes
FUNC sets_twice
	std
set:	std
	rep movsb
down:	ret
END sets_twice`);
  const wanted = [
    [FLAG_EVENT_DOUBLE_OPEN, "again"],
    [FLAG_EVENT_RETURN_OPEN, "left"],
    [FLAG_EVENT_DOUBLE_OPEN, "third"],
    [FLAG_EVENT_CALL_OPEN, "called"],
    [FLAG_EVENT_RETURN_OPEN, "open"],
    [FLAG_EVENT_CALL_OPEN, "never"],
    [FLAG_EVENT_DOUBLE_SET, "set"],
    [FLAG_EVENT_RETURN_DIRECTION, "down"],
  ] as const;
  const key = ([kind, insn]: readonly [number, number]): string => `${kind} ${insn}`;
  assert.deepEqual(events(b).map(key).sort(), wanted.map(([kind, label]) => key([kind, b.at(label)])).sort());
  const never = b.flags.events.find((event) => event.insn === b.at("never"));
  assert.deepEqual(never?.also, [b.at("never_closes", 2)]);
});

test("an excluded function is not walked, and a function without flags costs nothing", () => {
  const b = assembleFlow(`
FUNC excluded
	stac
	ret
END excluded
	STACK_FRAME_NON_STANDARD excluded
FUNC plain
	call	elsewhere
	ret
END plain`);
  assert.deepEqual(events(b), []);
});
