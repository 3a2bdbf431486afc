// A change that the review carries, on its way to a suggestion that a click commits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { annotate } from "../../src/github/annotations.ts";
import { DEFAULT_CONFIG } from "../../src/github/config.ts";
import { knownFix } from "../../src/github/known-fix.ts";
import { topicsOf } from "../../src/github/topics.ts";
import type { ReviewFinding, ReviewFix, ReviewResult } from "../../src/report/result.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import { cleanResult } from "../report/fixtures.ts";
import { places, planFor } from "./fixtures.ts";
import { shownByGithub } from "./rendered.ts";

const FILL = "arch/x86/lib/fill_words.S";
/** Lines 23 and 24 of the fixture's diff. */
const onDiff: ReviewFix = {
  path: FILL,
  from: 23,
  to: 24,
  replaced: ["\tmov %rsi, %rax", "\tcld"],
  lines: ["\tmov %rsi, %rax", "\tANNOTATE_INTRA_FUNCTION_CALL", "\tcld"],
  why: "It says that this is meant.",
};

function withFix(fix: ReviewFix): ReviewFinding {
  return { ...peekFinding, file: FILL, line: 24, fix };
}

function resultWith(fix: ReviewFix): ReviewResult {
  return { ...cleanResult(), verdict: "findings", findings: [withFix(fix)] };
}

const commentWith = (fix: ReviewFix) => planFor(resultWith(fix)).review!.comments[0]!;

test("a suggestion takes its comment to its lines; off the diff it is a patch to read", () => {
  const { body, ...place } = commentWith(onDiff);
  assert.deepEqual(place, { path: FILL, start_line: 23, start_side: "RIGHT", line: 24, side: "RIGHT" });
  assert.match(body, /\n```suggestion\n\tmov %rsi, %rax\n\tANNOTATE_INTRA_FUNCTION_CALL\n\tcld\n```\n/);
  assert.ok(shownByGithub(body).codes.includes(`${onDiff.lines.join("\n")}\n`));
  const last = { ...onDiff, from: 24, replaced: ["\tcld"], lines: ["\tcld", "SYM_FUNC_END(f)"] };
  assert.equal(commentWith(last).start_line, undefined, "equal lines are refused by the API");
  const off = commentWith({ ...onDiff, from: 300, to: 301 });
  assert.deepEqual([off.line, off.start_line], [24, undefined]);
  assert.match(off.body, /```diff\n@@ arch\/x86\/lib\/fill_words\.S:300 @@\n \tmov %rsi, %rax\n\+\tANNOTATE_/);
  assert.doesNotMatch(off.body, /suggestion\n/);
});

test("backticks in the lines end no block", () => {
  const ticked = {
    ...onDiff,
    from: 300,
    to: 300,
    replaced: ["\tcld # ```"],
    lines: ["\tcld # ```", "SYM_FUNC_END(f)"],
  };
  assert.match(commentWith(ticked).body, /\n````diff\n/);
});

test("the configuration may want none", () => {
  const config = { ...DEFAULT_CONFIG, comment: { ...DEFAULT_CONFIG.comment, suggestions: false } };
  const { body, start_line: from } = planFor(resultWith(onDiff), { config }).review!.comments[0]!;
  assert.doesNotMatch(body, /suggestion/);
  assert.equal(from, undefined);
});

test("what is none of the forms that objreview proposes is not offered, whatever the review says", () => {
  const known = (change: Partial<ReviewFix>) => knownFix(withFix({ ...onDiff, ...change }), places());
  assert.ok(known({}) !== undefined);
  const [mov, cld] = onDiff.replaced as [string, string];
  const refused: [string, Partial<ReviewFix>][] = [
    ["another line", { lines: [mov, "\tcall backdoor", cld] }],
    ["a line less", { lines: ["\tANNOTATE_INTRA_FUNCTION_CALL", cld] }],
    ["nothing new", { lines: [mov, cld] }],
    ["other order", { lines: [cld, "\tANNOTATE_INTRA_FUNCTION_CALL", mov] }],
    ["a comment behind", { lines: [mov, "\tANNOTATE_INTRA_FUNCTION_CALL // @team", cld] }],
    ["two in one", { lines: [mov, "SYM_FUNC_END(f)\n\tcall backdoor", cld] }],
    ["C", { path: "fs/peek.c" }],
    ["a recipe", { path: "Makefile" }],
    ["the list's form in assembly", { lines: [mov, "NORETURN(panic)", cld] }],
    ["another size", { lines: [mov, "\t.size a, . - b", cld] }],
    [
      "a label that is another's",
      { replaced: ["g:", cld], lines: ["SYM_FUNC_START_LOCAL(f)", cld, "SYM_FUNC_END(f)"] },
    ],
    ["lines that lie", { from: 22 }],
    ["a longer range", { to: 40 }],
    ["text that is not there", { replaced: [mov, "\tstd"], lines: [mov, "\tANNOTATE_INTRA_FUNCTION_CALL", "\tstd"] }],
    ["hidden signs", { replaced: [mov, "\tcld\u202e"], lines: [mov, "SYM_FUNC_END(f)", "\tcld\u202e"] }],
    ["out of the tree", { path: "../x\n.S" }],
    ["many lines", { lines: [mov, ...Array(3).fill("SYM_FUNC_END(f)"), cld] }],
  ];
  for (const [name, change] of refused) {
    assert.equal(known(change), undefined, name);
    assert.doesNotMatch(commentWith({ ...onDiff, ...change }).body, /suggestion|Built and checked again/, name);
  }
  const details = (fix: ReviewFix) => {
    const result = resultWith(fix);
    return annotate(topicsOf(result), result, 10).annotations[0]!.raw_details!;
  };
  assert.match(details(onDiff), /Built and checked again/);
  for (const [name, change] of refused.filter(([name]) => !/that lie|not there/.test(name))) {
    assert.doesNotMatch(details({ ...onDiff, ...change }), /Built and checked again/, name);
  }
});
