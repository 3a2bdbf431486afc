// The findings of the review fixtures with their ways and graphs: user access left open in C, a frame out of balance in assembly.
// Names, sources and offsets are invented.
import type { ReviewFinding, ReviewGraph, ReviewStep } from "../../src/report/result.ts";

/** The two files of the invented series. */
export const PEEK = "fs/peek.c";
export const FILL = "arch/x86/lib/fill_words.S";

function step(
  offset: number,
  size: number,
  asm: string,
  note: string,
  state: string,
  file: string,
  line: number,
  code: string,
): ReviewStep {
  const place = { file, line, inlineStack: [] };
  return { section: ".text", offset, size, note, state, asm, code, place };
}

/** The way of user access that is left open. */
export const peekPath: ReviewStep[] = [
  step(0x28ae, 3, "stac", "alternative, SMAP", "AC=1", PEEK, 208, "if (!user_write_access_begin(out, sizeof(*out)))"),
  step(
    0x28b1,
    2,
    "mov    %edx,(%rbx)",
    "faults -> fixup",
    "AC=1",
    PEEK,
    211,
    "unsafe_put_user(len, &out->len, fault);",
  ),
  step(0x2935, 7, "mov    $-14,%rax", "fixup", "AC=1", PEEK, 220, "return -EFAULT;"),
  step(0x293c, 2, "jmp    28d8", "jump", "AC=1", PEEK, 220, "return -EFAULT;"),
  step(0x28f5, 5, "jmp    __x86_return_thunk", "return", "AC=1", PEEK, 220, "return -EFAULT;"),
];

export const peekGraph: ReviewGraph = {
  id: "g1",
  object: "fs/peek.o",
  function: "__do_sys_peek",
  omittedBlocks: 0,
  blocks: [
    block(0, 0x2820, "AC=0 CFA=rsp+8", false, false, [
      [0x2820, "push   %rbp", 196],
      [0x2821, "mov    %rsp,%rbp", 196],
      [0x2824, "push   %rbx", 196],
      [0x2825, "test   %rbx,%rbx", 205],
      [0x2828, "je     28d8", 205],
    ]),
    block(1, 0x28ab, "AC=0 CFA=rbp+16", true, false, [[0x28ae, "stac", 208]]),
    block(2, 0x28b1, "AC=1 CFA=rbp+16", true, false, [[0x28b1, "mov    %edx,(%rbx)", 211]]),
    block(3, 0x28b3, "AC=1 CFA=rbp+16", false, false, [
      [0x28b3, "movl   $0x0,0x4(%rbx)", 212],
      [0x28d5, "clac", 216],
    ]),
    block(4, 0x28d8, "AC=1 CFA=rbp+16", true, true, [
      [0x28d8, "pop    %rbx", 222],
      [0x28f4, "pop    %rbp", 222],
      [0x28f5, "jmp    __x86_return_thunk", 220],
    ]),
    block(5, 0x2935, "AC=1 CFA=rbp+16", true, false, [
      [0x2935, "mov    $-14,%rax", 220],
      [0x293c, "jmp    28d8", 220],
    ]),
  ],
  edges: [
    { from: 0, to: 1, kind: "fall", onPath: false },
    { from: 0, to: 4, kind: "branch", onPath: false },
    { from: 1, to: 2, kind: "fall", onPath: true },
    { from: 2, to: 3, kind: "fall", onPath: false },
    { from: 2, to: 5, kind: "fixup", onPath: true },
    { from: 3, to: 4, kind: "fall", onPath: false },
    { from: 5, to: 4, kind: "jump", onPath: true },
  ],
};

function block(
  id: number,
  start: number,
  stateIn: string,
  onPath: boolean,
  isSite: boolean,
  rows: [number, string, number][],
): ReviewGraph["blocks"][number] {
  return {
    id,
    start,
    end: rows[rows.length - 1]![0] + 2,
    stateIn,
    onPath,
    isSite,
    instructions: rows.map(([offset, asm, line]) => ({ offset, asm, line })),
    omittedInstructions: 0,
  };
}

export const peekFinding: ReviewFinding = {
  id: "f1",
  class: "new",
  rule: "uaccess-return-open",
  severity: "error",
  object: "fs/peek.o",
  function: "__do_sys_peek",
  file: PEEK,
  line: 220,
  onDiff: true,
  message: "__do_sys_peek() returns with user access open",
  consequence: "After this the task runs with SMAP off until it next leaves the kernel.",
  path: peekPath,
  evidence: [
    { witness: "instructions", says: "AC is set at the return, on the way through the fixup of line 211" },
    { witness: "objtool", says: '"return with UACCESS enabled" (at the vmlinux.o link)' },
  ],
  related: [],
  fingerprint: "0f3a5c77e1b2d4960f3a5c77e1b2",
  patch: { number: 2, subject: "peek: simplify the fault path" },
  profiles: ["x86_64-defconfig-gcc"],
  hunk: {
    header: "@@ -218,7 +218,6 @@ SYSCALL_DEFINE2(peek, ...",
    lines: [" \treturn err;", " fault:", "-\tuser_write_access_end();", " \treturn -EFAULT;", " }"],
    after: 3,
  },
  graph: "g1",
  place: { file: PEEK, line: 220, inlineStack: [] },
};

function fillStep(offset: number, asm: string, note: string, state: string, line: number): ReviewStep {
  return step(offset, 2, asm, note, state, FILL, line, asm.replaceAll(/\s+/g, " "));
}

export const fillFinding: ReviewFinding = {
  id: "f2",
  class: "new",
  rule: "stack-state-mismatch",
  severity: "error",
  object: "arch/x86/lib/fill_words.o",
  function: "fill_words",
  file: FILL,
  line: 31,
  onDiff: false,
  diffLine: 24,
  message: "fill_words() is reached at .Ldone with two different stack states",
  consequence:
    "An unwinder takes the wrong word for the return address on one of the two ways; the ret itself goes to a saved register.",
  path: [
    fillStep(0x10, "push   %rbx", "push", "CFA=rsp+16", 18),
    fillStep(0x14, "jz     .Ldone", "branch", "CFA=rsp+16", 24),
    fillStep(0x2c, "ret", "here", "CFA=rsp+16", 31),
  ],
  otherPath: [
    fillStep(0x10, "push   %rbx", "push", "CFA=rsp+16", 18),
    fillStep(0x1a, "rep stosq", "string", "CFA=rsp+16", 27),
    fillStep(0x2a, "pop    %rbx", "pop", "CFA=rsp+8", 29),
    fillStep(0x2c, "ret", "here", "CFA=rsp+8", 31),
  ],
  evidence: [
    { witness: "instructions", says: "CFA=rsp+16 by the branch of line 24, CFA=rsp+8 by falling through" },
    { witness: "objtool", says: '"stack state mismatch: cfa1=4+16 cfa2=4+8"' },
  ],
  related: [{ function: "fill_page", says: "calls it", place: { file: "mm/fill.c", line: 77, inlineStack: [] } }],
  fingerprint: "77aa00112233445566778899aabb",
  patch: { number: 3, subject: "x86/lib: keep the count in rbx in fill_words" },
  repairedBy: { number: 4, subject: "x86/lib: pop rbx on the short way too" },
  profiles: ["x86_64-defconfig-gcc"],
  hunk: {
    header: "@@ -15,6 +15,9 @@ SYM_FUNC_START(fill_words)",
    lines: [" SYM_FUNC_START(fill_words)", "+\tpush %rbx", "+\tmov %rdx, %rbx", " \ttest %rdx, %rdx", " \tjz .Ldone"],
    after: 4,
  },
  graph: "g2",
};

export const fillGraph: ReviewGraph = {
  id: "g2",
  object: "arch/x86/lib/fill_words.o",
  function: "fill_words",
  omittedBlocks: 3,
  blocks: [
    {
      ...block(0, 0x10, "CFA=rsp+8", true, false, [
        [0x10, "push   %rbx", 18],
        [0x11, "test   %rdx,%rdx", 23],
        [0x14, "jz     2c", 24],
      ]),
      stateOut: "CFA=rsp+16",
      onOtherPath: true,
    },
    {
      ...block(1, 0x16, "CFA=rsp+16", false, false, [
        [0x1a, "rep stosq", 27],
        [0x2a, "pop    %rbx", 29],
      ]),
      stateOut: "CFA=rsp+8",
      onOtherPath: true,
    },
    {
      ...block(2, 0x2c, "CFA=rsp+16", true, true, [[0x2c, "ret", 31]]),
      otherStateIn: "CFA=rsp+8",
      onOtherPath: true,
    },
  ],
  edges: [
    { from: 0, to: 1, kind: "fall", onPath: false, onOtherPath: true },
    { from: 0, to: 2, kind: "branch", onPath: true },
    { from: 1, to: 2, kind: "fall", onPath: false, onOtherPath: true },
  ],
};
