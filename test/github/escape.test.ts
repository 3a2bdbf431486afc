// Everything that is posted, rendered as GitHub would: whatever a result says, the page has only our elements and our links.
import assert from "node:assert/strict";
import { test } from "node:test";
import { completedCheck } from "../../src/github/check-run.ts";
import { closedBody, explainBody } from "../../src/github/comment-text.ts";
import { DEFAULT_CONFIG } from "../../src/github/config.ts";
import { DiffPlaces } from "../../src/github/diff-places.ts";
import { topicsOf } from "../../src/github/topics.ts";
import { parseDiff } from "../../src/patch/diff.ts";
import type { ReviewResult } from "../../src/report/result.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import { FIXTURES, hostileResult } from "../report/fixtures.ts";
import { randomResult, randomSource } from "../report/random-result.ts";
import { DIFF, LINKS, planFor } from "./fixtures.ts";
import { shownByGithub } from "./rendered.ts";

const OURS = /^(p|strong|a|code|pre|ul|li|table|thead|tbody|tr|th|td|details|summary|span)$/;

function assertOurs(markdown: string, where: string): void {
  const page = shownByGithub(markdown);
  assert.deepEqual(
    page.elements.filter((name) => !OURS.test(name)),
    [],
    `${where}\n${markdown}\n${page.html}`,
  );
  const links = [...page.html.matchAll(/<a\b[^>]*>/g)].map(([tag]) => tag);
  for (const link of links)
    assert.match(
      link,
      /^<a href="https:\/\/objreview\.example\.org\/(docs|r\/5f3c1e(#finding-[\w-]+)?|rules\/[a-z0-9-]+\.md)">$/,
      where,
    );
  assert.deepEqual([...page.mentions, ...page.references], [], where);
  // A row that lost or won a cell would show text in the wrong column.
  for (const [table] of page.html.matchAll(/<table>[\s\S]*?<\/table>/g)) {
    const wide = [...table.matchAll(/<th>|<th /g)].length;
    for (const [row] of table.matchAll(/<tr>(?:(?!<\/tr>)[\s\S])*<td[\s\S]*?<\/tr>/g)) {
      assert.equal([...row.matchAll(/<td/g)].length, wide, `${where}\n${row}`);
    }
  }
  const opened = page.elements.filter((name) => name === "details").length;
  assert.equal([...page.html.matchAll(/<\/details>/g)].length, opened, `${where}: details`);
}

/** Comments on lines too, whatever the result calls its files. */
function everything(result: ReviewResult): string[] {
  const placed = result.findings.map((finding) => {
    const { repairedBy: _, ...rest } = finding;
    return { ...rest, file: "fs/peek.c", line: 220, severity: "error" as const };
  });
  const plan = planFor({ ...result, findings: placed }, { places: new DiffPlaces(parseDiff(DIFF)) });
  const comments = plan.review?.comments.map(({ body }) => body) ?? [];
  const checks = completedCheck({ result, config: DEFAULT_CONFIG, links: LINKS, completedAt: "x", posted: 0 });
  return [
    ...comments,
    ...comments.map((body) => closedBody(body, "fixed", "Fixed in 0123456789ab.")),
    plan.newSummary ?? "",
    planFor(result).newSummary ?? "",
    checks[0]!.output.summary,
    ...topicsOf(result).map((topic) => explainBody(topic, LINKS)),
  ];
}

test("the fixtures and hostile results of every verdict", () => {
  for (const [name, make] of FIXTURES) for (const text of everything(make())) assertOurs(text, name);
  for (const verdict of ["broken", "conflict", "inconclusive", "failed", "clean", "incomplete"] as const) {
    for (const text of everything({ ...hostileResult(), verdict })) assertOurs(text, verdict);
  }
});

test("random results (150)", () => {
  const random = randomSource(99);
  let comments = 0;
  for (let round = 0; round < 150; round++) {
    const texts = everything(randomResult(random));
    comments += texts.length;
    for (const text of texts) assertOurs(text, `round ${round}`);
  }
  assert.ok(comments > 600);
});

test("code with fences and bars in a way, a suggestion's neighbourhood and a graph", () => {
  const evil = "```\n</details> | a \\| b @torvalds #1";
  const path = peekFinding.path.map((step) => ({ ...step, code: evil, asm: evil, note: evil, state: evil }));
  const result: ReviewResult = { ...FIXTURES.get("example")!(), findings: [{ ...peekFinding, path, otherPath: path }] };
  for (const text of everything(result)) assertOurs(text, "evil way");
});
