import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_COMMENT_BODY } from "../../src/github/limits.ts";
import { readSummaryMarker, readTopicMarker } from "../../src/github/marker.ts";
import type { PostedComment } from "../../src/github/reconcile.ts";
import { topicsOf } from "../../src/github/topics.ts";
import type { ReviewFinding, ReviewResult } from "../../src/report/result.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import { cleanResult, exampleResult, hostileResult, incompleteResult, twoFindingsResult } from "../report/fixtures.ts";
import { randomResult, randomSource } from "../report/random-result.ts";
import { atTip, configWith, isEmpty, PullRequest, planFor } from "./fixtures.ts";

const sha = (n: number): string => n.toString(16).padStart(40, "a");

/** A result of the four patches with these findings. */
function resultWith(findings: readonly ReviewFinding[], more: Partial<ReviewResult> = {}): ReviewResult {
  return { ...cleanResult(), verdict: findings.length === 0 ? "clean" : "findings", findings: [...findings], ...more };
}

function finding(n: number, more: Partial<ReviewFinding> = {}): ReviewFinding {
  return {
    ...peekFinding,
    id: `f${n}`,
    function: `peek_${n}`,
    message: `peek_${n}() returns with user access open`,
    fingerprint: n.toString(16).padStart(28, "0"),
    ...more,
  };
}

const openKeys = (pull: PullRequest): string[] =>
  pull.comments.flatMap(({ body }) => {
    const marker = readTopicMarker(body);
    return marker?.state === "open" ? [marker.key] : [];
  });
const summaries = (pull: PullRequest) => pull.comments.filter(({ body }) => readSummaryMarker(body) !== undefined);

/** How often the pull request tells each topic: on lines that are open, and in the rows of the summary. */
function tellings(pull: PullRequest, result: ReviewResult): number[] {
  const lines = openKeys(pull);
  const rows = (summaries(pull)[0]?.body ?? "").split("\n").filter((line) => line.startsWith("| "));
  return topicsOf(result).map(({ key, finding: { function: name } }) => {
    const inRows = rows.filter((row) => row.includes(`\`${name}()\``)).length;
    return lines.filter((line) => line === key).length + inRows;
  });
}

test("a first review posts a comment on each line and one summary; the same again posts nothing", () => {
  const pull = new PullRequest();
  const two = twoFindingsResult();
  const result = { ...two, findings: two.findings.map(atTip) };
  pull.apply(planFor(result));
  assert.equal(openKeys(pull).length, 2);
  assert.equal(summaries(pull).length, 1);
  assert.ok(isEmpty(planFor(result, { posted: pull.posted() })));
});

test("a clean first review says nothing; a clean review after findings says it in place", () => {
  assert.ok(isEmpty(planFor(cleanResult())));
  const pull = new PullRequest();
  pull.apply(planFor(resultWith([finding(1)])));
  const [comment, summary] = pull.comments;
  pull.apply(planFor(cleanResult(), { posted: pull.posted(), headSha: sha(2) }));
  assert.equal(pull.comments.length, 2);
  assert.match(comment!.body, /^\*\*Fixed in aaaaaaaaaaaa\.\*\*\n/);
  assert.match(comment!.body, /`peek_1\(\)` returns with user access open/);
  assert.match(summary!.body, /Nothing new|nothing new/);
  assert.match(summary!.body, /1 fixed since/);
});

test("a push that moves lines posts nothing and edits no comment on a line", () => {
  const pull = new PullRequest();
  pull.apply(planFor(resultWith([finding(1)])));
  const moved = resultWith([finding(1, { line: 221, path: peekFinding.path.slice(1), evidence: [] })]);
  pull.apply(planFor(moved, { posted: pull.posted(), headSha: sha(2) }));
  assert.deepEqual(openKeys(pull).length, 1);
  assert.equal(pull.comments[0]!.edits, 0);
});

test("a finding that got graver is edited where it stands", () => {
  const pull = new PullRequest();
  pull.apply(planFor(resultWith([finding(1, { severity: "warning" })])));
  const worse = resultWith([finding(1, { severity: "error" })]);
  pull.apply(planFor(worse, { posted: pull.posted() }));
  assert.equal(pull.comments.filter(({ kind }) => kind === "line").length, 1);
  assert.match(pull.comments[0]!.body, /· error ·/);
  assert.ok(isEmpty(planFor(worse, { posted: pull.posted() })));
});

test("what was fixed and comes back is posted anew, on its line", () => {
  const pull = new PullRequest();
  const result = resultWith([finding(1)]);
  pull.apply(planFor(result));
  pull.apply(planFor(cleanResult(), { posted: pull.posted(), headSha: sha(2) }));
  pull.apply(planFor(result, { posted: pull.posted(), headSha: sha(3) }));
  assert.equal(openKeys(pull).length, 1);
  assert.equal(pull.comments.filter(({ kind }) => kind === "line").length, 2);
});

test("a review that could not see the function claims no fix", () => {
  const gone = cleanResult();
  const cases: [string, ReviewResult][] = [
    ["no verdict", { ...gone, verdict: "inconclusive" }],
    ["broken", { ...gone, verdict: "broken" }],
    ["stopped", { ...incompleteResult(), findings: [] }],
    ["object not built", { ...gone, objects: gone.objects.map((o) => ({ ...o, state: "not-built" as const })) }],
    ["function left out", withNote(gone, { kind: "over-budget", object: "fs/peek.o", function: "peek_1", why: "x" })],
    ["beyond the cap", withNote({ ...gone, objects: [] }, { kind: "affected-cap", object: "", why: "x" })],
  ];
  for (const [name, result] of cases) {
    const pull = new PullRequest();
    pull.apply(planFor(resultWith([finding(1)])));
    pull.apply(planFor(result, { posted: pull.posted() }));
    assert.equal(openKeys(pull).length, 1, name);
  }
  const other = withNote(gone, { kind: "over-budget", object: "fs/peek.o", function: "peek_2", why: "x" });
  const pull = new PullRequest();
  pull.apply(planFor(resultWith([finding(1)])));
  pull.apply(planFor(other, { posted: pull.posted() }));
  assert.equal(openKeys(pull).length, 0, "another function was left out");
});

function withNote(result: ReviewResult, note: ReviewResult["coverage"]["notes"][number]): ReviewResult {
  return { ...result, coverage: { ...result.coverage, notes: [note] } };
}

test("copies of a crash go, but not one that a person has answered", () => {
  const pull = new PullRequest();
  const result = resultWith([finding(1)]);
  const plan = planFor(result);
  pull.apply(plan);
  pull.apply(plan);
  pull.apply(plan);
  pull.comments.filter(({ kind }) => kind === "line")[2]!.hasReplies = true;
  pull.apply(planFor(result, { posted: pull.posted() }));
  assert.equal(openKeys(pull).length, 1);
  assert.equal(pull.comments.filter(({ kind }) => kind === "line").length, 2, "the answered copy stays");
  assert.equal(summaries(pull).length, 1);
  assert.ok(isEmpty(planFor(result, { posted: pull.posted() })));
});

test("the caps: fewer comments than findings, the gravest first, the others in the summary", () => {
  const findings = Array.from({ length: 30 }, (_, i) => finding(i + 1, { severity: i >= 25 ? "error" : "warning" }));
  const plan = planFor(resultWith(findings), { config: configWith((config) => (config.limits.comments = 6)) });
  assert.equal(plan.review!.comments.length, 6);
  const told = plan.review!.comments.map(({ body }) => /peek_(\d+)/.exec(body)![1]);
  assert.deepEqual(told, ["26", "27", "28", "29", "30", "1"]);
  assert.match(plan.newSummary!, /and 14 more, \[all of them\]\(https:/);
  assert.match(plan.newSummary!, /6 findings on their lines, 24 in the table\./);
});

test("severity, waivers, refused lines, lines that people deleted, and a deaf configuration", () => {
  const notes = resultWith([finding(1, { severity: "note" })]);
  assert.equal(planFor(notes).review, undefined);
  assert.match(planFor(notes).newSummary!, /\| note \|/);

  const result = resultWith([finding(1), finding(2)]);
  const [first] = topicsOf(result);
  const refused = planFor(result, { refused: new Set([first!.key]) });
  assert.equal(refused.review!.comments.length, 1);
  assert.match(refused.newSummary!, /`peek_1\(\)`/);
  assert.equal(planFor(result, { told: new Set([first!.key]) }).review!.comments.length, 1);

  const pull = new PullRequest();
  pull.apply(planFor(result));
  const waivers = new Map([[first!.key, { by: "mallory", reason: "@torvalds said **so**" }]]);
  pull.apply(planFor(result, { posted: pull.posted(), waivers }));
  assert.match(pull.comments[0]!.body, /^\*\*Waived by mallory: @&#8203;torvalds said \\\*\\\*so\\\*\\\*\*\*/);
  assert.deepEqual(openKeys(pull).length, 1);
  assert.ok(isEmpty(planFor(result, { posted: pull.posted(), waivers })));

  const deaf = configWith((config) => {
    config.comment.severity = "never";
    config.comment.summary = false;
  });
  assert.ok(isEmpty(planFor(result, { config: deaf })));
});

test("what a later patch repairs again is only in the summary; a comment of an earlier push is closed", () => {
  const plan = planFor(exampleResult());
  assert.equal(plan.review, undefined);
  assert.match(plan.newSummary!, /broken in 2\/4, repaired in 4\/4/);
  const pull = new PullRequest();
  pull.apply(planFor({ ...exampleResult(), findings: exampleResult().findings.map(atTip) }));
  assert.equal(openKeys(pull).length, 1);
  pull.apply(planFor(exampleResult(), { posted: pull.posted() }));
  assert.equal(openKeys(pull).length, 0);
});

test("any sequence of pushes, crashes and answers ends with each open finding told once (150 runs)", () => {
  const random = randomSource(2026);
  const below = (n: number) => Math.floor(random() * n);
  const severities = ["error", "warning", "note"] as const;
  let crashes = 0;
  for (let run = 0; run < 150; run++) {
    const pull = new PullRequest();
    const config = configWith((c) => (c.limits.comments = below(5)));
    let result = cleanResult();
    const pushes = 1 + below(6);
    for (let push = 0; push < pushes; push++) {
      const findings = Array.from({ length: 7 }, (_, i) => i).filter(() => random() < 0.4);
      result = resultWith(
        findings.map((i) =>
          finding(i, {
            severity: severities[below(3)]!,
            line: [220, 219, 500, 0][below(4)]!,
            file: ["fs/peek.c", "fs/peek.c", "fs/splice.c", ""][below(4)]!,
            class: random() < 0.2 ? "worsened" : "new",
          }),
        ),
      );
      if (random() < 0.15) result = { ...result, verdict: "inconclusive", findings: [] };
      const more = { config, headSha: sha(push) };
      while (random() < 0.3) {
        pull.apply(planFor(result, { ...more, posted: pull.posted() }), below(3));
        crashes++;
      }
      for (const comment of pull.comments) if (comment.kind === "line" && random() < 0.2) comment.hasReplies = true;
      const answered = pull.comments.filter(({ hasReplies }) => hasReplies).map(({ id }) => id);
      pull.apply(planFor(result, { ...more, posted: pull.posted() }));
      const ids = new Set(pull.comments.map(({ id }) => id));
      assert.ok(
        answered.every((id) => ids.has(id)),
        `run ${run}: an answered comment was deleted`,
      );
      assert.ok(
        isEmpty(planFor(result, { ...more, posted: pull.posted() })),
        `run ${run}: the plan again is not empty`,
      );
    }
    assert.deepEqual(
      tellings(pull, result).filter((count) => count !== 1),
      [],
      `run ${run}`,
    );
    if (result.verdict !== "inconclusive") {
      const keys = new Set(topicsOf(result).map(({ key }) => key));
      assert.deepEqual(
        openKeys(pull).filter((key) => !keys.has(key)),
        [],
        `run ${run}: told, but not there`,
      );
    }
    assert.ok(summaries(pull).length <= 1, `run ${run}`);
  }
  assert.ok(crashes > 50);
});

test("any result of the schema gives bodies within the limits, with well-formed text, and an empty second plan", () => {
  const random = randomSource(77);
  const all = [hostileResult(), ...Array.from({ length: 200 }, () => randomResult(random))];
  for (const result of all) {
    const pull = new PullRequest();
    const plan = planFor(result, { headSha: sha(1) });
    pull.apply(plan);
    for (const { body } of pull.comments) {
      assert.ok(body.length <= MAX_COMMENT_BODY && body.isWellFormed());
      // biome-ignore format: one class of characters
      assert.doesNotMatch(body, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/);
      assert.doesNotMatch(body, /undefined|NaN|\[object/);
      assert.ok(readTopicMarker(body) !== undefined || readSummaryMarker(body) !== undefined);
    }
    assert.ok(isEmpty(planFor(result, { headSha: sha(1), posted: pull.posted() })));
  }
});

test("a marker counts as the last line alone, with line ends of either kind", () => {
  const body = planFor(resultWith([finding(1)])).review!.comments[0]!.body;
  assert.equal(readTopicMarker(body.replaceAll("\n", "\r\n"))?.state, "open");
  assert.equal(readTopicMarker(`${body}\nan answer below`), undefined);
  assert.equal(readTopicMarker(`${body} and more`), undefined);
  const posted: PostedComment = { id: 1, kind: "line", body: `${body}\n> quoted`, hasReplies: false };
  assert.equal(planFor(resultWith([finding(1)]), { posted: [posted] }).review!.comments.length, 1);
});
