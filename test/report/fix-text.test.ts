import assert from "node:assert/strict";
import { test } from "node:test";
import { fixDiff } from "../../src/report/fix-text.ts";
import { renderHtml } from "../../src/report/html.ts";
import type { ReviewFix } from "../../src/report/result.ts";
import { renderSarif } from "../../src/report/sarif.ts";
import { renderText } from "../../src/report/text.ts";
import { fixResult, twoFindingsResult } from "./fixtures.ts";

const diffOf = (replaced: string[], lines: string[]): string[] => fixDiff({ replaced, lines } as unknown as ReviewFix);

test("a change is shown by what stays, goes and comes", () => {
  assert.deepEqual(diffOf(["a"], ["a", "b"]), [" a", "+b"]);
  assert.deepEqual(diffOf(["l:", "x", "r"], ["S(l)", "x", "r", "E(l)"]), ["+S(l)", "-l:", " x", " r", "+E(l)"]);
  assert.deepEqual(diffOf(["a", "b"], []), ["-a", "-b"]);
  const long = diffOf(["a"], ["a", ...Array<string>(50).fill("b")]);
  assert.deepEqual([long.length, long.at(-1)], [31, "..."]);
});

test("every form of the report has it, and only where there is one", async () => {
  const forms: [string, RegExp][] = [
    [
      renderText(fixResult(), { colour: false }),
      /arch\/x86\/lib\/fill_words\.S:23\n {4} {2}\s*mov %rsi, %rax\n {4}\+\s*ANNOTATE/,
    ],
    [renderHtml(fixResult()), /A change that helps.*ANNOTATE_INTRA_FUNCTION_CALL/s],
    [renderSarif(fixResult(), { ruleInfo: new Map() }), /"deletedRegion": \{\s*"startLine": 23,\s*"endLine": 24/],
  ];
  for (const [text, words] of forms) assert.match(text, words);
  for (const text of [renderText(twoFindingsResult(), { colour: false }), renderHtml(twoFindingsResult())])
    assert.doesNotMatch(text, /checked again/);
});
