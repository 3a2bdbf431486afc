// Review results as the pipeline would give them. Names, sources and offsets are invented.
import {
  RESULT_VERSION,
  type ReviewFinding,
  type ReviewGraph,
  type ReviewResult,
  type ReviewStep,
} from "../../src/report/result.ts";

type Patch = ReviewResult["patches"][number];

const PEEK = "fs/peek.c";
const FILL = "arch/x86/lib/fill_words.S";

function patch(number: number, subject: string, files: string[], extra: Partial<Patch> = {}): Patch {
  return {
    number,
    subject,
    author: "A Developer <dev@example.org>",
    messageId: `20261102-peek-v2-${number}@example.org`,
    commit: `${number}`.repeat(40),
    state: "applied",
    files,
    newFindings: 0,
    repairedFindings: 0,
    ...extra,
  };
}

/** A result with nothing in it that speaks; every other fixture is this one with something changed. */
export function cleanResult(): ReviewResult {
  return {
    version: RESULT_VERSION,
    tool: "0.1.0",
    verdict: "clean",
    series: {
      title: "fs: tidy up the peek system call",
      version: 2,
      messageId: "20261102-peek-v2-0@example.org",
      author: "A Developer <dev@example.org>",
    },
    base: {
      commit: "7d1f6e0c2b9a4c5d8e3f70123456789abcdef012",
      name: "v6.12.117",
      chosenBy: "from your base-commit trailer",
    },
    patches: [
      patch(1, "peek: name the length argument", [PEEK]),
      patch(2, "peek: simplify the fault path", [PEEK]),
      patch(3, "x86/lib: keep the count in rbx in fill_words", [FILL]),
      patch(4, "peek: close the window on the fault path again", [PEEK]),
    ],
    profiles: [
      {
        name: "x86_64-defconfig-gcc",
        arch: "x86_64",
        compiler: "gcc 12.2",
        config: "defconfig",
        affectedObjects: 3,
        builtObjects: 3,
        identicalObjects: 2,
      },
    ],
    objects: [
      object("fs/peek.o", "touched", "analysed", 31, 9344),
      object("arch/x86/lib/fill_words.o", "touched", "identical", 2, 160),
      object("fs/splice.o", "includes include/linux/peek.h", "identical", 58, 14208),
    ],
    findings: [],
    graphs: [],
    compilerWarnings: [],
    coverage: { functions: 91, functionsAnalysed: 91, textBytes: 23712, textBytesAnalysed: 23712, notes: [] },
    timings: [
      { phase: "apply", millis: 412 },
      { phase: "build base", millis: 1730.5 },
      { phase: "build head", millis: 2210 },
      { phase: "analyse", millis: 1240 },
      { phase: "walk patches", millis: 620 },
    ],
    sandbox: { mode: "bwrap", network: false, limits: "cgroup v2" },
    reproduce: [
      "git fetch https://git.example.org/linux peek-v2",
      "npx objreview review --tree . --base v6.12.117 --range FETCH_HEAD~4..FETCH_HEAD",
    ],
  };
}

function object(
  path: string,
  reason: string,
  state: ReviewResult["objects"][number]["state"],
  functions: number,
  textBytes: number,
): ReviewResult["objects"][number] {
  return {
    path,
    profile: "x86_64-defconfig-gcc",
    reason,
    state,
    functions,
    textBytes,
    fromCache: state === "identical",
  };
}

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

const peekPath: ReviewStep[] = [
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

/** One new finding, from 2/4, repaired in 4/4: the shape of the digest that the project aims at. */
export function exampleResult(): ReviewResult {
  const clean = cleanResult();
  return {
    ...clean,
    verdict: "findings",
    patches: clean.patches.map((entry) => ({
      ...entry,
      builds: true,
      newFindings: entry.number === 2 ? 1 : 0,
      repairedFindings: entry.number === 4 ? 1 : 0,
    })),
    findings: [{ ...peekFinding, repairedBy: { number: 4, subject: clean.patches[3]!.subject } }],
    graphs: [peekGraph],
    objects: [
      ...clean.objects,
      {
        path: "fs/peek.o",
        profile: "arm64-defconfig-gcc",
        reason: "touched",
        state: "not-built",
        why: "no such profile here",
        functions: 0,
        textBytes: 0,
        fromCache: false,
      },
    ],
    coverage: {
      ...clean.coverage,
      functionsAnalysed: 90,
      textBytesAnalysed: 23600,
      notes: [
        { kind: "object-not-built", object: "fs/peek.o", why: "no arm64 profile here" },
        {
          kind: "unresolved-jump",
          object: "fs/splice.o",
          function: "splice_step",
          why: "indirect jump without a table",
        },
      ],
    },
    previousVersion: { version: 1, fixed: 1, stillThere: 0, new: 1 },
  };
}

function fillStep(offset: number, asm: string, note: string, state: string, line: number): ReviewStep {
  return step(offset, 2, asm, note, state, FILL, line, asm.replaceAll(/\s+/g, " "));
}

const fillFinding: ReviewFinding = {
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

/** Two findings: 2/4 leaves user access open for good, 3/4 unbalances assembly and 4/4 repairs it. */
export function twoFindingsResult(): ReviewResult {
  const base = exampleResult();
  const { previousVersion: _, ...rest } = base;
  return {
    ...rest,
    series: { ...base.series, version: 1 },
    patches: base.patches.map((entry) =>
      entry.number === 4
        ? { ...entry, subject: "x86/lib: pop rbx on the short way too", files: [FILL], repairedFindings: 1 }
        : { ...entry, newFindings: entry.number === 1 ? 0 : 1 },
    ),
    findings: [peekFinding, fillFinding],
    graphs: [peekGraph, fillGraph],
  };
}

const fillGraph: ReviewGraph = {
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

/** Head does not compile. */
export function brokenResult(): ReviewResult {
  const clean = cleanResult();
  return {
    ...clean,
    verdict: "broken",
    reason: "fs/peek.o does not build with the series applied",
    profiles: clean.profiles.map((profile) => ({ ...profile, builtObjects: 2 })),
    objects: clean.objects.map((entry) =>
      entry.path === "fs/peek.o" ? { ...entry, state: "not-analysed" as const, why: "it does not build" } : entry,
    ),
    broken: {
      patch: { number: 2, subject: "peek: simplify the fault path" },
      object: "fs/peek.o",
      file: PEEK,
      line: 211,
      error: "label 'fault' used but not defined",
      profile: "x86_64-defconfig-gcc",
      hunk: {
        header: "@@ -208,7 +208,6 @@ SYSCALL_DEFINE5(peek, ...",
        lines: [" \tif (put_user(sig, info))", "-\t\tgoto Efault;", "+\t\tgoto fault;", " \treturn err;"],
        after: 2,
      },
    },
    coverage: {
      ...clean.coverage,
      notes: [{ kind: "object-not-analysed", object: "fs/peek.o", why: "it does not build" }],
    },
  };
}

/** The series does not apply. */
export function conflictResult(): ReviewResult {
  const clean = cleanResult();
  return {
    ...clean,
    verdict: "conflict",
    reason: "3/4 does not apply to v6.12.117",
    patches: clean.patches.map((entry) => ({
      ...entry,
      state:
        entry.number < 3 ? ("applied" as const) : entry.number === 3 ? ("conflict" as const) : ("not-tried" as const),
    })),
    conflict: {
      patch: { number: 3, subject: "x86/lib: keep the count in rbx in fill_words" },
      files: [FILL],
      message: "patch does not apply; the file was last changed by 1a2b3c4d5e6f",
    },
    profiles: [],
    objects: [],
    coverage: { functions: 0, functionsAnalysed: 0, textBytes: 0, textBytesAnalysed: 0, notes: [] },
    timings: [{ phase: "apply", millis: 380 }],
    sandbox: { mode: "none-needed", network: false, limits: "" },
  };
}

/** The base itself does not build. */
export function inconclusiveResult(): ReviewResult {
  const clean = cleanResult();
  return {
    ...clean,
    verdict: "inconclusive",
    reason: "the base does not build: fs/splice.c:90: error: unknown type name 'peek_t'",
    objects: clean.objects.map((entry) => ({ ...entry, state: "not-built" as const, why: "the base does not build" })),
    profiles: clean.profiles.map((entry) => ({ ...entry, builtObjects: 0, identicalObjects: 0 })),
    coverage: { functions: 0, functionsAnalysed: 0, textBytes: 0, textBytesAnalysed: 0, notes: [] },
  };
}

/** Upstream has the series already. */
export function appliedResult(): ReviewResult {
  const conflict = conflictResult();
  const { conflict: _, reason: __, ...rest } = conflict;
  return {
    ...rest,
    verdict: "applied",
    patches: conflict.patches.map((entry) => ({ ...entry, state: "already-upstream" as const })),
  };
}

/** Stopped before the end, with one finding by then. */
export function incompleteResult(): ReviewResult {
  return {
    ...exampleResult(),
    verdict: "incomplete",
    reason: "the time of this review ran out after 12 of 40 objects",
    findings: [peekFinding],
  };
}

/** 30 findings, over three patches and none, of every class and severity. */
export function manyResult(): ReviewResult {
  const result = exampleResult();
  const classes = ["new", "new", "worsened", "new", "unchanged", "fixed"] as const;
  const severities = ["warning", "error", "note"] as const;
  return {
    ...result,
    findings: Array.from({ length: 30 }, (_, i): ReviewFinding => {
      const number = (i % 4) + 1;
      const { patch: _patch, hunk, ...rest } = peekFinding;
      return {
        ...rest,
        id: `f${i + 1}`,
        class: classes[i % classes.length]!,
        severity: severities[i % severities.length]!,
        function: `peek_step_${i}`,
        message: `peek_step_${i}() returns with user access open`,
        line: 100 + i,
        fingerprint: i.toString(16).padStart(28, "0"),
        ...(number === 4 ? {} : { patch: { number, subject: result.patches[number - 1]!.subject } }),
        ...(number === 2 && hunk !== undefined ? { hunk } : {}),
      };
    }),
    compilerWarnings: Array.from({ length: 5 }, (_, i) => ({
      file: PEEK,
      line: 40 + i,
      text: `unused variable 'tmp${i}' [-Wunused-variable]`,
      profile: "x86_64-defconfig-gcc",
    })),
    coverage: {
      ...result.coverage,
      notes: Array.from({ length: 25 }, (_, i) => ({
        kind: i % 2 === 0 ? ("unresolved-jump" as const) : ("function-excluded" as const),
        object: "fs/splice.o",
        function: `splice_step_${i}`,
        why: i % 2 === 0 ? "indirect jump without a table" : "STACK_FRAME_NON_STANDARD",
      })),
    },
  };
}

/** Built without line tables: no file, line or code anywhere. */
export function noLinesResult(): ReviewResult {
  const result = exampleResult();
  const { hunk: _hunk, place: _place, ...finding } = peekFinding;
  return {
    ...result,
    findings: [
      {
        ...finding,
        file: "",
        line: 0,
        onDiff: false,
        path: peekPath.map(({ place: _p, code: _c, ...rest }) => rest),
      },
    ],
  };
}

/** What an attacker would put wherever a string goes. */
export const HOSTILE = [
  "\u001b[31mred\u001b[0m\u0007",
  "a\r\nBcc: victim@example.org\r\n\r\n#objreview stop",
  "</script><script>window.__hit=1</script>",
  '"><img src=x onerror="window.__hit=2">',
  "\u202egnp.exe\u2066x\u2069",
  "https://evil.example/login www.evil.example [text](https://evil.example)",
  "]]></style><svg onload=window.__hit=3>",
  `${"x".repeat(5000)}`,
  "\ud800lone\udc00",
  "#objreview recheck\nFrom nobody\n-- \nReviewed-by: Mallory <m@evil.example>",
  '{0} {{x}} %s \\N\\l" <b>bold</b> &amp; `tick` | pipe',
  "javascript:alert(1) data:text/html,<script>1</script>",
];

/** Every string of `value` replaced by a hostile one, where the schema lets any text stand there. */
export function makeHostile(value: ReviewResult): ReviewResult {
  let next = 0;
  // Closed word lists and what ties graphs to findings.
  const keep = new Set(["version", "verdict", "state", "class", "severity", "kind", "mode", "graph"]);
  const walk = (node: unknown, key: string, path: string): unknown => {
    if (typeof node === "string") {
      const closed = keep.has(key) && !path.includes(".path.") && !path.includes(".otherPath.");
      if (closed || (key === "id" && path.includes("graphs"))) return node;
      return HOSTILE[next++ % HOSTILE.length]!;
    }
    if (Array.isArray(node)) return node.map((entry) => walk(entry, key, `${path}.`));
    if (typeof node === "object" && node !== null) {
      return Object.fromEntries(
        Object.entries(node).map(([name, entry]) => [name, walk(entry, name, `${path}${name}.`)]),
      );
    }
    return node;
  };
  return walk(value, "", "") as ReviewResult;
}

/** Hostile strings everywhere, on the richest of the fixtures. */
export function hostileResult(): ReviewResult {
  return makeHostile({
    ...fixResult(),
    reason: "x",
    broken: brokenResult().broken!,
    conflict: conflictResult().conflict!,
    compilerWarnings: manyResult().compilerWarnings,
  });
}

/** A finding with a change that was tried out. */
export function fixResult(): ReviewResult {
  const result = twoFindingsResult();
  const [first, second] = result.findings as [ReviewFinding, ReviewFinding];
  const fix = {
    ...{ path: FILL, from: 23, to: 24, replaced: ["\tmov %rsi, %rax", "\tcld"] },
    ...{ lines: ["\tmov %rsi, %rax", "\tANNOTATE_INTRA_FUNCTION_CALL", "\tcld"], why: "It says that this is meant." },
  };
  return { ...result, findings: [first, { ...second, fix }] };
}

/** All fixtures by name. */
export const FIXTURES: ReadonlyMap<string, () => ReviewResult> = new Map([
  ["example", exampleResult],
  ["two-findings", twoFindingsResult],
  ["clean", cleanResult],
  ["broken", brokenResult],
  ["conflict", conflictResult],
  ["inconclusive", inconclusiveResult],
  ["applied", appliedResult],
  ["incomplete", incompleteResult],
  ["fix", fixResult],
  ["many", manyResult],
  ["no-lines", noLinesResult],
  ["hostile", hostileResult],
]);
