// Review results as the pipeline would give them. Names, sources and offsets are invented.
import { RESULT_VERSION, type ReviewFinding, type ReviewResult } from "../../src/report/result.ts";
import { FILL, fillFinding, fillGraph, PEEK, peekFinding, peekGraph, peekPath } from "./finding-fixtures.ts";
import { makeHostile } from "./hostile.ts";

type Patch = ReviewResult["patches"][number];

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

/** A finding about what the compiler says, tried with other compilers, and what known defects explain. */
export function faultResult(): ReviewResult {
  const result = exampleResult();
  const { patch: _patch, repairedBy: _repairedBy, kernelTool: _tool, ...finding } = peekFinding;
  const known = (object: string, count: number): ReviewResult["coverage"]["notes"][number] => ({
    kind: "known-defect",
    object,
    why: `${count} findings are a known defect of clang 22.1.8: src/defects/clang-popped-registers.md`,
    defect: { defect: "clang-popped-registers", compiler: "clang 22.1.8", count, everywhere: true },
  });
  return {
    ...result,
    findings: [
      {
        ...finding,
        rule: "unwind-data-disagrees",
        severity: "warning",
        message: "__do_sys_peek(): .debug_frame says wrongly that r13 is unchanged",
        consequence: "A debugger or a profiler that takes the data reads the caller's frame from the wrong place.",
        evidence: [
          { witness: "instructions", says: "CFA=rsp+48, r13 at CFA-24" },
          { witness: "debug_frame", says: "CFA=rsp+48" },
        ],
        fault: {
          says: "only gcc 12.2.0 at -O2 (not clang 22.1.8); gone with -fno-shrink-wrap",
          own: "gcc 12.2.0 -O2",
          trials: [
            { compiler: "gcc 12.2.0", flags: ["-O1"], outcome: "gone" },
            { compiler: "gcc 12.2.0", flags: ["-fno-shrink-wrap"], outcome: "gone" },
            { compiler: "gcc 12.2.0", flags: ["-fno-ipa-ra", "-fno-schedule-insns2"], outcome: "there" },
            { compiler: "clang 22.1.8", flags: [], outcome: "gone" },
            { compiler: "clang 19.1.7", flags: [], outcome: "unknown", why: "it does not compile" },
          ],
          kept: "faults/0123456789ab",
        },
      },
    ],
    coverage: {
      ...result.coverage,
      notes: [
        known("fs/peek.o", 17),
        known("fs/splice.o", 42),
        {
          kind: "known-defect",
          object: "fs/splice.o",
          why: "1 finding is a known defect of clang 22.1.8: src/defects/clang-row-behind-pushed-argument.md",
          defect: { defect: "clang-row-behind-pushed-argument", compiler: "clang 22.1.8", count: 1 },
        },
      ],
    },
  };
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
  ["fault", faultResult],
  ["many", manyResult],
  ["no-lines", noLinesResult],
  ["hostile", hostileResult],
]);
