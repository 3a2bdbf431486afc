import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReviewFinding } from "../../src/report/result.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import { cleanResult } from "../report/fixtures.ts";
import { planFor } from "./fixtures.ts";
import { shownByGithub } from "./rendered.ts";

function bodyOf(finding: ReviewFinding): string {
  return planFor({ ...cleanResult(), verdict: "findings", findings: [finding] }).review!.comments[0]!.body;
}

test("what the patch changes behind the line of the comment is quoted in it: GitHub shows the diff no further", () => {
  const lines = [" \tearlier();", " \tif (busy)", "-\t\tgoto out;", "+\t\treturn -EBUSY; /* ``` */", " }"];
  const body = bodyOf({ ...peekFinding, hunk: { header: "@@ -1,5 +1,5 @@", lines, after: 1 } });
  assert.match(body, /What this patch changes stands below the line:/);
  assert.ok(shownByGithub(body).codes.includes(`${lines.slice(1).join("\n")}\n`));
  const long = [" a", ...Array.from({ length: 40 }, (_, i) => `+${i}`)];
  const cut = bodyOf({ ...peekFinding, hunk: { header: "@@ -1 +1,41 @@", lines: long, after: 0 } });
  assert.ok(shownByGithub(cut).codes.includes(`${long.slice(0, 14).join("\n")}\n`));
});

test("a change that is on or above the line is not quoted again", () => {
  assert.doesNotMatch(bodyOf(peekFinding), /stands below/);
});
