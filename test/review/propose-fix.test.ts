// Candidates, proved as the caller proves them: the defect is assembled and found, the change applied, and it is gone.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DiffPlaces } from "../../src/github/diff-places.ts";
import { knownFix } from "../../src/github/known-fix.ts";
import type { ReviewFinding, ReviewFix } from "../../src/report/result.ts";
import { applyFix, proposeFix } from "../../src/review/propose-fix.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import { analyzeBytes } from "../support/analyzed.ts";
import { fixtureChecks, fixtureFolder } from "../support/rule-fixtures.ts";

// The kernel's names (include/linux/linkage.h) with as much meaning as the object file shows.
const MACROS = `#define SYM_FUNC_START(name) .globl name; name:
#define SYM_FUNC_START_LOCAL(name) name:
#define SYM_FUNC_END(name) .type name, @function; .size name, . - name
	.include "${fixtureFolder}/macros.inc"
#line 1 "x.S"
`;

function findingsIn(text: string): ReviewFinding[] {
  const folder = mkdtempSync(join(tmpdir(), "objreview-fix-"));
  try {
    writeFileSync(join(folder, "x.S"), MACROS + text);
    execFileSync("gcc", ["-g", "-c", "-o", "x.o", "x.S"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    const bytes = new Uint8Array(readFileSync(join(folder, "x.o")));
    const { findings } = analyzeBytes(bytes, {
      stripPrefixes: [`${folder}/`],
      checks: fixtureChecks("missing-symbol-size"),
    });
    return findings.map(({ place, rule, severity, function: name, message, fingerprint }) => ({
      ...peekFinding,
      rule,
      severity,
      function: name,
      message,
      fingerprint,
      file: "x.S",
      line: place?.line ?? 0,
    }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The one fix that is proposed for the text's findings of the rule, after it was seen to help. */
function proved(rule: string, text: string): ReviewFix {
  const before = findingsIn(text);
  const finding = before.find((each) => each.rule === rule);
  assert.ok(
    finding !== undefined,
    `no ${rule} in ${JSON.stringify(before.map((each) => `${each.rule}: ${each.message}`))}`,
  );
  const fix = proposeFix(finding, (path) => (path === "x.S" ? text : undefined));
  assert.ok(fix !== undefined, `nothing proposed for "${finding.message}" in line ${finding.line}`);
  assert.deepEqual(knownFix({ ...finding, fix }, new DiffPlaces([])), fix, "is not of a form that is offered");
  const after = findingsIn(applyFix(text, fix)!);
  assert.deepEqual(
    after.map((each) => `${each.rule}: ${each.message}`),
    [],
  );
  return fix;
}

test("a call that stays in its function gets the annotation", () => {
  const fix = proved(
    "intra-function-call",
    "SYM_FUNC_START(fills)\n\tcall 1f\n\tint3\n1:\taddq $8, %rsp\n\tret\nSYM_FUNC_END(fills)\n",
  );
  assert.deepEqual(fix.lines, ["\tANNOTATE_INTRA_FUNCTION_CALL", "\tcall 1f"]);
  assert.deepEqual([fix.from, fix.to, fix.replaced], [2, 2, ["\tcall 1f"]]);
});

test("a beginning without its end gets it, by macro or by .size", () => {
  const macro = proved(
    "missing-symbol-size",
    "SYM_FUNC_START(lone)\n\txorl %eax, %eax\n\tret\n\nSYM_FUNC_START(next)\n\tret\nSYM_FUNC_END(next)\n",
  );
  assert.deepEqual(macro.lines, ["\tret", "SYM_FUNC_END(lone)"]);
  const plain = proved(
    "missing-symbol-size",
    "\t.globl plain\n\t.type plain, @function\nplain:\n\txorl %eax, %eax\n\tret\n",
  );
  assert.deepEqual(plain.lines, ["\tret", "\t.size plain, . - plain"]);
});

test("a label that is called becomes a function", () => {
  const caller = "SYM_FUNC_START(calls)\n\tcall helper\n\tret\nSYM_FUNC_END(calls)\n\n";
  const label = proved("missing-symbol-type", `${caller}helper:\n\txorl %eax, %eax\n\tret\n`);
  assert.deepEqual(label.lines, ["SYM_FUNC_START_LOCAL(helper)", "\txorl %eax, %eax", "\tret", "SYM_FUNC_END(helper)"]);
  const lacksEnd = proved("missing-symbol-type", `${caller}SYM_FUNC_START_LOCAL(helper)\n\txorl %eax, %eax\n\tret\n`);
  assert.deepEqual(lacksEnd.lines, ["\tret", "SYM_FUNC_END(helper)"]);
});

const LIST = "/* sorted */\nNORETURN(do_exit)\nNORETURN(panic)\n";
const fallsThrough = (callee: string): ReviewFinding => ({
  ...peekFinding,
  rule: "falls-through",
  message: `peek() runs past its end when ${callee} returns: nothing says that it never does, and the tree's noreturn list lacks it`,
});

test("a callee that never returns goes into the tree's list, in order", () => {
  const propose = (callee: string, list = LIST) =>
    proposeFix(fallsThrough(callee), (path) => (path === "tools/objtool/noreturns.h" ? list : undefined));
  const listed = (callee: string) => applyFix(LIST, propose(callee)!)!;
  assert.equal(listed("kthread_exit()"), LIST.replace("NORETURN(panic)", "NORETURN(kthread_exit)\nNORETURN(panic)"));
  assert.equal(listed("zap()"), `${LIST}NORETURN(zap)\n`);
  assert.equal(listed("a_first()"), LIST.replace("NORETURN(do_exit)", "NORETURN(a_first)\nNORETURN(do_exit)"));
  assert.ok(knownFix({ ...peekFinding, fix: propose("zap()")! }, new DiffPlaces([])) !== undefined);
  assert.equal(propose("panic()"), undefined, "is listed");
  assert.equal(propose("zap()", "no list"), undefined);
  assert.equal(
    proposeFix(fallsThrough("zap()"), () => undefined),
    undefined,
    "a tree without the list",
  );
});

test("where it is not certain, nothing is proposed", () => {
  const at = (rule: string, message: string, line: number, more: Partial<ReviewFinding> = {}): ReviewFinding => ({
    ...peekFinding,
    file: "x.S",
    rule,
    message,
    line,
    function: "f",
    ...more,
  });
  const cases: [string, ReviewFinding, string][] = [
    ["in a macro", at("intra-function-call", "f() calls", 2), ".macro FILL\n\tcall 1f\n.endm\n"],
    ["in a #define", at("intra-function-call", "f() calls", 2), "#define FILL \\\n\tcall 1f; \\\n1:\n"],
    ["no call", at("intra-function-call", "f() calls", 1), "\tjmp 1f\n"],
    ["past the end", at("intra-function-call", "f() calls", 99), "\tcall 1f\n"],
    ["conditional", at("missing-symbol-size", "f() has no size", 1), "SYM_FUNC_START(f)\n#ifdef X\n\tret\n#endif\n"],
    ["twice", at("missing-symbol-size", "f() has no size", 1), "SYM_FUNC_START(f)\n\tret\nSYM_FUNC_START(f)\n\tret\n"],
    ["has an end", at("missing-symbol-size", "f() has no size", 1), "SYM_FUNC_START(f)\n\tret\nSYM_FUNC_END(f)\n"],
    ["C", at("missing-symbol-size", "f() has no size", 1, { file: "x.c" }), "SYM_FUNC_START(f)\n\tret\n"],
    ["goes on", at("missing-symbol-type", "f() calls g(), whose symbol is no function", 1), "g:\n\tnop\n"],
    ["global", at("missing-symbol-type", "f() calls g(), whose symbol is no function", 1), "\t.globl g\ng:\n\tret\n"],
    ["hidden signs", at("intra-function-call", "f() calls", 1), "\tcall 1f # \u202e\n"],
    ["another rule", at("uaccess-return-open", "f() returns", 1), "\tcall 1f\n"],
    [
      "repaired later",
      at("intra-function-call", "f() calls", 1, { repairedBy: { number: 2, subject: "x" } }),
      "\tcall 1f\n",
    ],
    [
      "hostile name",
      at("missing-symbol-size", "f() has no size", 1, { function: "a(.*" }),
      "SYM_FUNC_START(f)\n\tret\n",
    ],
  ];
  for (const [name, finding, text] of cases)
    assert.equal(
      proposeFix(finding, () => text),
      undefined,
      name,
    );
});

test("a fix is applied only to the text that it was made for", () => {
  const fix: ReviewFix = { path: "x.S", from: 2, to: 2, replaced: ["b"], lines: ["x", "b"], why: "" };
  assert.equal(applyFix("a\nb\nc\n", fix), "a\nx\nb\nc\n");
  assert.equal(applyFix("a\nB\nc\n", fix), undefined);
  assert.equal(applyFix("a", fix), undefined);
});
