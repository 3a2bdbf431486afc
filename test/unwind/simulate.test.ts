import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EVENT_FAULT,
  EVENT_INTO_FUNCTION,
  EVENT_MISMATCH,
  EVENT_NO_SAVE,
  EVENT_RETURN_MODIFIED,
  EVENT_TAIL_MODIFIED,
} from "../../src/unwind/frame-events.ts";
import { compile } from "../support/assemble.ts";
import { assembleFlow, type BuiltFlow, buildFlowOf } from "../support/built-flow.ts";

/** The frame before each instruction of a function that falls through from top to bottom. */
const frames = (b: BuiltFlow, symbol: string, count: number): string[] =>
  Array.from({ length: count }, (_, ahead) => b.frame(symbol, ahead));

const kinds = (b: BuiltFlow): number[] => b.frames.events.map((event) => event.kind);

test("push and pop, constants on the stack pointer, saved registers once", () => {
  const b = assembleFlow(`
FUNC f
	pushq	%rbx
	pushq	$7
	pushq	(%rdi)
	pushfq
	subq	$32, %rsp
	pushq	%rbx
	popq	%rcx
	leaq	32(%rsp), %rsp
	popfq
	addq	$16, %rsp
	popq	%rbx
	ret
END f`);
  assert.deepEqual(frames(b, "f", 12), [
    "CFA=rsp+8",
    "CFA=rsp+16, rbx at CFA-16",
    "CFA=rsp+24, rbx at CFA-16",
    "CFA=rsp+32, rbx at CFA-16",
    "CFA=rsp+40, rbx at CFA-16",
    "CFA=rsp+72, rbx at CFA-16",
    // The first slot counts.
    "CFA=rsp+80, rbx at CFA-16",
    "CFA=rsp+72, rbx at CFA-16",
    "CFA=rsp+40, rbx at CFA-16",
    "CFA=rsp+32, rbx at CFA-16",
    "CFA=rsp+16, rbx at CFA-16",
    "CFA=rsp+8",
  ]);
  assert.deepEqual(b.frames.events, []);
});

test("a frame pointer takes over, and leave gives back", () => {
  const b = assembleFlow(`
FUNC f
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rbx
	subq	%rdi, %rsp
	movq	-8(%rbp), %rbx
	leave
	ret
END f`);
  assert.deepEqual(frames(b, "f", 7), [
    "CFA=rsp+8",
    "CFA=rsp+16, rbp at CFA-16",
    "CFA=rbp+16, rbp at CFA-16",
    "CFA=rbp+16, rbx at CFA-24, rbp at CFA-16",
    "CFA=rbp+16, rbx at CFA-24, rbp at CFA-16",
    "CFA=rbp+16, rbp at CFA-16",
    "CFA=rsp+8",
  ]);
  assert.deepEqual(b.frames.events, []);
});

test("registers that are saved and restored by moves", () => {
  const b = assembleFlow(`
FUNC f
	subq	$24, %rsp
	movq	%rbx, 8(%rsp)
	movq	%r12, 16(%rsp)
	movq	16(%rsp), %r12
	movq	8(%rsp), %rbx
	addq	$24, %rsp
	ret
END f`);
  assert.deepEqual(frames(b, "f", 7).slice(2), [
    "CFA=rsp+32, rbx at CFA-24",
    "CFA=rsp+32, rbx at CFA-24, r12 at CFA-16",
    "CFA=rsp+32, rbx at CFA-24",
    "CFA=rsp+32",
    "CFA=rsp+8",
  ]);
});

test("the stack pointer kept in another register, over a call that preserves it", () => {
  const b = assembleFlow(`
FUNC kept
	pushq	%r12
	movq	%rsp, %r12
	subq	$64, %rsp
	call	elsewhere
	movq	%r12, %rsp
	popq	%r12
	ret
END kept
FUNC not_kept
	movq	%rsp, %rax
	pushq	%rdi
	call	elsewhere
	movq	%rax, %rsp
	ret
END not_kept`);
  assert.equal(b.frame("kept", 6), "CFA=rsp+8");
  // A call may change %rax: what comes back is not known.
  assert.deepEqual(kinds(b), [EVENT_FAULT]);
  assert.equal(b.frames.events[0]!.insn, b.at("not_kept", 3));
});

test("a copy of the stack pointer is forgotten when it is overwritten, also in part", () => {
  for (const write of ["movl %edi, %eax", "xorb %al, %al", "cpuid", "lodsb"]) {
    const b = assembleFlow(`
FUNC f
	movq	%rsp, %rax
	pushq	%rdi
	${write}
	movq	%rax, %rsp
	ret
END f`);
    assert.deepEqual(kinds(b), [EVENT_FAULT], write);
  }
});

test("a switch of stacks that leaves the old stack pointer on top of the new one", () => {
  const b = assembleFlow(`
FUNC f
	pushq	%rbx
	movq	%rsp, (%rdi)
	movq	%rdi, %rsp
	call	elsewhere
	popq	%rsp
	popq	%rbx
	ret
END f`);
  assert.deepEqual(frames(b, "f", 7).slice(2), [
    "CFA=rsp+16, rbx at CFA-16",
    "CFA=(rsp)+16, rbx at CFA-16",
    "CFA=(rsp)+16, rbx at CFA-16",
    "CFA=rsp+16, rbx at CFA-16",
    "CFA=rsp+8",
  ]);
  assert.deepEqual(b.frames.events, []);
});

test("frames that gcc realigns, with and without a DRAP register, and variable-length arrays", () => {
  const flags = ["-mno-red-zone", "-fno-asynchronous-unwind-tables", "-fno-stack-protector", "-fno-PIE", "-mno-sse"];
  const sources: Record<string, string> = {
    realigned: `void use(char *); int f(int x) { char b[64] __attribute__((aligned(64))); use(b); return b[x]; }`,
    argument: `void use(char *);
      int f(int a, int b, int c, int d, int e, int g, int on_stack, ...) {
        char buffer[64] __attribute__((aligned(64))); __builtin_va_list list;
        __builtin_va_start(list, on_stack); use(buffer); return buffer[on_stack] + __builtin_va_arg(list, int); }`,
    grown: `void use(char *); int f(int x) { char b[x]; use(b); return b[0]; }`,
    both: `void use(char *, char *); int f(int x) { char a[64] __attribute__((aligned(64))); char b[x]; use(a, b); return a[x]; }`,
  };
  const realigned = new Set<number>();
  for (const [name, source] of Object.entries(sources)) {
    for (const optimisation of ["-O0", "-O2", "-Os"]) {
      const b = buildFlowOf(compile(source, [optimisation, "-mpreferred-stack-boundary=3", ...flags]).bytes);
      assert.deepEqual(b.frames.events, [], `${name} ${optimisation}`);
      assert.ok(b.frames.state.filter((id) => id >= 0).length > 5, `${name} ${optimisation}`);
      for (const state of b.frames.states.all) realigned.add(state.realignRegister);
    }
  }
  assert.ok(realigned.has(10), "gcc was expected to use %r10 as DRAP register");
});

test("hints: interrupt frames, a function's frame, and none", () => {
  const b = assembleFlow(`
entry:
	HINT	3, 5, 0
	pushq	%rax
regs:	addq	$8, %rsp
	HINT	4, 5, 16, 1
partial: nop
	HINT_FUNC
as_entry: nop
	HINT	2, 4, 24
by_rbp:	nop
	HINT	2, 9, 8
indirect: nop
	HINT	0
waived:	pushq	%rax
still:	nop
	HINT_END_OF_STACK
bottom:	jmp	bottom`);
  assert.equal(b.frame("entry"), "CFA=rsp+0, regs");
  assert.equal(b.frame("regs"), "CFA=rsp+8, regs");
  assert.equal(b.frame("partial"), "CFA=rsp+16, partial regs");
  assert.equal(b.frame("as_entry"), "CFA=rsp+8");
  assert.equal(b.frame("by_rbp"), "CFA=rbp+24");
  assert.equal(b.frame("indirect"), "CFA=(rsp)+8");
  assert.equal(b.frame("waived"), "CFA undefined by annotation");
  assert.equal(b.frame("still"), "CFA undefined by annotation");
  assert.match(b.frame("bottom"), /^end of stack/);
});

test("save and restore hints, also where the restore is reached before the save", () => {
  const b = assembleFlow(`
FUNC simple
	pushq	%rbx
	HINT_SAVE
	nop
	HINT	0
	subq	%rax, %rsp
	HINT_RESTORE
restored: popq	%rbx
	ret
END simple`);
  assert.equal(b.frame("restored"), "CFA=rsp+16, rbx at CFA-16");
  assert.deepEqual(b.frames.events, []);
  const late = assembleFlow(`
FUNC early
	testl	%edi, %edi
	jne	save
	jmp	join
save:	nop
	HINT_SAVE
	nop
	nop
	HINT_RESTORE
join:	ret
END early`);
  assert.equal(late.frame("join"), "CFA=rsp+8");
  assert.deepEqual(kinds(late), []);
  const none = assembleFlow(`
FUNC none
	nop
	HINT_RESTORE
	nop
	ret
END none`);
  assert.deepEqual(kinds(none), [EVENT_NO_SAVE]);
});

test("a merge that disagrees is told once, whichever side comes first and however many ways there are", () => {
  const ways = (count: number): string =>
    Array.from({ length: count }, (_, n) => `cmpl $${n}, %edi\n\tje way_${n}`).join("\n\t");
  const arms = (count: number): string =>
    Array.from({ length: count }, (_, n) => `way_${n}:\tpushq %rax\n\tjmp merge`).join("\n");
  for (const count of [1, 2, 20]) {
    const b = assembleFlow(`
FUNC f
	${ways(count)}
	jmp	merge
${arms(count)}
merge:	incl	%edi
	jmp	merge
END f`);
    assert.deepEqual(kinds(b), [EVENT_MISMATCH], String(count));
    const event = b.frames.events[0]!;
    assert.equal(event.insn, b.at("merge"));
    assert.deepEqual([event.state.offset, event.other!.offset].sort(), [16, 8]);
  }
});

test("a loop that pushes ends, and is told where it comes round", () => {
  const b = assembleFlow(`
FUNC f
	movl	$4, %ecx
again:	pushq	%rcx
	decl	%ecx
	jne	again
	ud2
END f`);
  assert.deepEqual(kinds(b), [EVENT_MISMATCH]);
  assert.equal(b.frames.events[0]!.insn, b.at("again"));
});

test("the ways out: every return and every tail call with the frame of the entry", () => {
  const b = assembleFlow(`
FUNC bad
	pushq	%rbx
	je	elsewhere
	jmp	*%rax
END bad
FUNC thunk
	pushq	%rax
	jmp	__x86_return_thunk
END thunk
FUNC good
	pushq	%rbx
	popq	%rbx
	je	elsewhere
	jmp	__x86_return_thunk
END good`);
  assert.deepEqual(
    b.frames.events.map((event) => [event.kind, event.insn]),
    [
      [EVENT_TAIL_MODIFIED, b.at("bad", 1)],
      [EVENT_TAIL_MODIFIED, b.at("bad", 2)],
      [EVENT_RETURN_MODIFIED, b.at("thunk", 1)],
    ],
  );
});

test("every reached instruction can be traced back to an entry", () => {
  const b = assembleFlow(`
FUNC f
	testl	%edi, %edi
	je	1f
	call	elsewhere
1:	ALTERNATIVE "nop", "cmc"
	ret
2:	ret
	EXTABLE	f, 2b
END f`);
  const entry = b.at("f");
  for (let i = 0; i < b.flow.kind.length; i++) {
    if (b.frames.state[i] === -1) continue;
    let at = i;
    for (let n = 0; b.frames.cameFrom.of(at) !== at; n++) {
      assert.ok(n < b.flow.kind.length, "a circle");
      at = b.frames.cameFrom.of(at);
    }
    assert.equal(at, entry);
    assert.equal(b.nameOf(b.frames.owner.of(i)), "f");
  }
});

test("a frame pointer that is made without keeping the caller's is not given back by leave", () => {
  const b = assembleFlow(`
FUNC f
	movq	%rsp, %rbp
	subq	$16, %rsp
	movq	%rbp, %rsp
	ret
END f`);
  assert.deepEqual(kinds(b), [EVENT_RETURN_MODIFIED]);
  assert.match(b.frame("f", 3), /rbp nowhere|rbp at nowhere/);
});

test("a switch of stacks and back on one of two ways, under a frame pointer", () => {
  const handler = (back: string): BuiltFlow =>
    assembleFlow(`
FUNC f
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%r12
	pushq	%rbx
	testb	$3, 0x88(%rdi)
	je	2f
1:	popq	%rbx
	popq	%r12
	popq	%rbp
	ret
2:	movq	%gs:0, %r11
	movq	%rsp, (%r11)
	movq	%r11, %rsp
	call	elsewhere
	${back}
	jmp	1b
END f`);
  assert.deepEqual(handler("popq %rsp").frames.events, []);
  // The old stack pointer is not what lies there.
  assert.deepEqual(kinds(handler("popq %rax; popq %rsp")), [EVENT_MISMATCH]);
});

test("of several hints at one instruction the last counts, a saving one cancels, a restoring one goes before", () => {
  const at = (hints: string): string =>
    assembleFlow(`FUNC f\n\tHINT_SAVE\n\tpushq %rbx\n${hints}\nasked: popq %rbx\n\tret\nEND f`).frame("asked");
  const carried = "CFA=rsp+16, rbx at CFA-16";
  assert.equal(at(""), carried);
  assert.equal(at("\tHINT_FUNC"), "CFA=rsp+8");
  assert.equal(at("\tHINT_FUNC\n\tHINT 2, 5, 24"), "CFA=rsp+24");
  assert.equal(at("\tHINT 2, 5, 24\n\tHINT_FUNC"), "CFA=rsp+8");
  assert.equal(at("\tHINT 2, 5, 24\n\tHINT_SAVE"), carried);
  assert.equal(at("\tHINT_SAVE\n\tHINT 2, 5, 24"), "CFA=rsp+24");
  assert.equal(at("\tHINT_RESTORE\n\tHINT 2, 5, 24"), "CFA=rsp+8");
});

test("a frame that a hint states is no function's own at a tail call either", () => {
  const leaves = (hint: string): number[] =>
    kinds(assembleFlow(`FUNC f\n\tnop\n\t${hint}\n\tjmp g\nEND f\nFUNC g\n\tret\nEND g`));
  assert.deepEqual(leaves(""), []);
  assert.deepEqual(leaves("HINT_FUNC"), []);
  assert.deepEqual(leaves("HINT 2, 5, 8"), [EVENT_TAIL_MODIFIED]);
});

test("padding in front of a function runs into its begin, and leads nowhere else", () => {
  const padded = (goal: string): BuiltFlow =>
    assembleFlow(
      `FUNC __pfx_f\nplace: nop\n\tnop\nEND __pfx_f\nFUNC f\n\tret\npatched: ret\nEND f\n\tJUMP_LABEL place, ${goal}`,
    );
  assert.deepEqual(kinds(padded("f")), []);
  const moved = padded("patched");
  assert.deepEqual(kinds(moved), [EVENT_INTO_FUNCTION]);
  assert.equal(moved.frame("patched"), "");
});

test("padding that its symbol covers in part is no way into its function from another one", () => {
  const hashed = "FUNC __cfi_f\n\tmov $0x1234, %eax\nEND __cfi_f\n\tnop\nbehind: nop\nFUNC f\n\tret\nEND f\n";
  const other = "FUNC g\n\tnop\nplace: nop\n\tret\nEND g\n";
  // Whichever of the two is walked first.
  for (const source of [`${hashed}${other}`, `${other}${hashed}`]) {
    assert.deepEqual(kinds(assembleFlow(`${source}\tJUMP_LABEL place, place`)), []);
    assert.deepEqual(kinds(assembleFlow(`${source}\tJUMP_LABEL place, behind`)), [EVENT_INTO_FUNCTION]);
  }
});
