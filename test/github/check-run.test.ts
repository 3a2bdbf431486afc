import assert from "node:assert/strict";
import { test } from "node:test";
import { annotate, batches, clipBytes } from "../../src/github/annotations.ts";
import {
  APPROVE_ACTION,
  completedCheck,
  conclusionOf,
  configErrorCheck,
  progressCheck,
  queuedCheck,
  RECHECK_ACTION,
} from "../../src/github/check-run.ts";
import { DEFAULT_CONFIG } from "../../src/github/config.ts";
import {
  ANNOTATIONS_PER_CALL,
  MAX_ACTION_DESCRIPTION,
  MAX_ACTION_LABEL,
  MAX_ACTIONS,
  MAX_ANNOTATION_BYTES,
  MAX_ANNOTATION_TITLE,
  MAX_CHECK_TEXT,
} from "../../src/github/limits.ts";
import type { CheckRunBody } from "../../src/github/payloads.ts";
import { topicsOf } from "../../src/github/topics.ts";
import type { ReviewResult } from "../../src/report/result.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import {
  brokenResult,
  cleanResult,
  conflictResult,
  exampleResult,
  FIXTURES,
  manyResult,
  twoFindingsResult,
} from "../report/fixtures.ts";
import { assertGolden } from "../report/golden.ts";
import { randomResult, randomSource } from "../report/random-result.ts";
import { atTip, configWith, LINKS, planFor, SHA } from "./fixtures.ts";

const DONE = "2026-11-22T18:00:00Z";

function completed(result: ReviewResult, config = DEFAULT_CONFIG, posted = 0): CheckRunBody[] {
  return completedCheck({ result, config, links: LINKS, completedAt: DONE, posted });
}

/** The API's rules, as docs.github.com has them under "Create a check run". */
function assertTaken(body: CheckRunBody): void {
  const { output, actions } = body;
  assert.ok(output.title.length > 0 && output.summary.length > 0);
  assert.ok(output.summary.length <= MAX_CHECK_TEXT);
  assert.ok((output.text ?? "").length <= MAX_CHECK_TEXT);
  assert.equal(body.status === "completed", body.conclusion !== undefined);
  assert.ok((actions ?? []).length <= MAX_ACTIONS);
  for (const action of actions ?? []) {
    assert.ok(action.label.length <= MAX_ACTION_LABEL && action.identifier.length <= MAX_ACTION_LABEL);
    assert.ok(action.description.length <= MAX_ACTION_DESCRIPTION, action.description);
  }
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  assert.ok((output.annotations ?? []).length <= ANNOTATIONS_PER_CALL);
  for (const each of output.annotations ?? []) {
    assert.ok(each.start_line >= 1 && each.end_line >= each.start_line);
    assert.ok(each.title.length <= MAX_ANNOTATION_TITLE && each.message.length > 0);
    assert.ok(bytes(each.message) <= MAX_ANNOTATION_BYTES && bytes(each.raw_details ?? "") <= MAX_ANNOTATION_BYTES);
    assert.doesNotMatch(each.path, /^\/|\.\./);
    assert.ok(each.title.isWellFormed() && each.message.isWellFormed() && (each.raw_details ?? "").isWellFormed());
  }
}

test("the buttons are within the API's limits", () => {
  for (const action of [RECHECK_ACTION, APPROVE_ACTION]) {
    assertTaken({ status: "queued", output: { title: "x", summary: "x" }, actions: [action] });
  }
});

test("queued says how many are ahead; waiting for an approval offers it", () => {
  const identity = { headSha: SHA, externalId: "job-1", links: LINKS };
  const queued = queuedCheck(identity, 3);
  assert.deepEqual(queued, {
    name: "objreview",
    head_sha: SHA,
    external_id: "job-1",
    details_url: LINKS.review,
    status: "queued",
    output: { title: "Queued, 3 reviews ahead", summary: "Nothing has been built yet." },
  });
  assert.equal(queuedCheck(identity, 0).output.title, "Queued, next in line");
  const waiting = queuedCheck(identity, 0, true);
  assertTaken(waiting);
  assert.equal(waiting.conclusion, "neutral");
  assert.deepEqual(waiting.actions, [APPROVE_ACTION]);
});

test("progress tells the phases", () => {
  const body = progressCheck(
    [
      { name: "apply", state: "done", millis: 412 },
      { name: "build head", state: "now", detail: "12 of 40 objects" },
      { name: "analyse", state: "next" },
    ],
    DONE,
  );
  assert.equal(body.output.title, "At work: build head, 12 of 40 objects");
  assert.equal(
    body.output.summary,
    "- apply (done, 412 ms)\n- build head: 12 of 40 objects (now)\n- analyse (to come)",
  );
  assertTaken(body);
});

test("more than 50 annotations go in batches, and the conclusion comes with the last one", () => {
  const findings = Array.from({ length: 120 }, (_, i) => ({
    ...peekFinding,
    id: `f${i}`,
    line: i + 1,
    fingerprint: i.toString(16).padStart(28, "0"),
  }));
  const result: ReviewResult = { ...cleanResult(), verdict: "findings", findings };
  const config = configWith((c) => (c.limits.annotations = 110));
  const calls = completed(result, config);
  assert.deepEqual(
    calls.map(({ status }) => status),
    ["in_progress", "in_progress", "completed"],
  );
  assert.deepEqual(
    calls.map(({ output }) => output.annotations?.length),
    [50, 50, 10],
  );
  assert.match(calls[2]!.output.summary, /10 findings without an annotation, see \[the whole review\]\(https:/);
  assert.match(calls[2]!.output.summary, /and 100 more, \[all of them\]/);
  for (const call of calls) assertTaken(call);
  // After a crash the run has some already: they cannot be taken back, and the others follow.
  const rest = completed(result, config, 50);
  assert.deepEqual(
    rest.map(({ output }) => output.annotations?.length),
    [50, 10],
  );
  const all = calls.flatMap(({ output }) => output.annotations ?? []);
  assert.deepEqual(
    rest.flatMap(({ output }) => output.annotations ?? []),
    all.slice(50),
  );
  const none = completed(result, config, 110);
  assert.deepEqual(
    none.map(({ status, output }) => [status, output.annotations]),
    [["completed", undefined]],
  );
  assert.deepEqual(batches([]), []);
});

test("the conclusion is neutral unless the repository says otherwise", () => {
  const checks = DEFAULT_CONFIG.check;
  const strict = { "fail-on": "warning", "fail-on-broken-build": true } as const;
  const noLook = {
    ...cleanResult(),
    objects: cleanResult().objects.map((o) => ({ ...o, state: "not-built" as const })),
  };
  const note = { ...exampleResult(), findings: [{ ...peekFinding, severity: "note" as const }] };
  const cases: [string, ReviewResult, string, string][] = [
    ["clean", cleanResult(), "success", "success"],
    ["nothing built", noLook, "neutral", "neutral"],
    ["nothing to build", { ...cleanResult(), objects: [] }, "success", "success"],
    ["an error", exampleResult(), "neutral", "failure"],
    ["a note", note, "neutral", "neutral"],
    ["broken", brokenResult(), "neutral", "failure"],
    ["conflict", conflictResult(), "neutral", "neutral"],
    ["superseded", { ...cleanResult(), verdict: "superseded" }, "cancelled", "cancelled"],
    ["failed", { ...cleanResult(), verdict: "failed" }, "neutral", "neutral"],
  ];
  for (const [name, result, plain, hard] of cases) {
    assert.equal(conclusionOf(result, checks), plain, name);
    assert.equal(conclusionOf(result, strict), hard, `${name}, strict`);
  }
});

test("a waived finding fails nothing and is not annotated", () => {
  const result: ReviewResult = { ...cleanResult(), verdict: "findings", findings: [peekFinding] };
  const waived = new Set(topicsOf(result).map(({ key }) => key));
  const config = configWith((c) => (c.check["fail-on"] = "note"));
  const [call, ...more] = completedCheck({ result, config, links: LINKS, completedAt: DONE, posted: 0, waived });
  assert.equal(more.length, 0);
  assert.equal(call!.conclusion, "success");
  assert.equal(call!.output.annotations, undefined);
  assert.match(call!.output.summary, /1 finding waived\./);
});

test("a finding without a place in the tree has no annotation and is counted", () => {
  const topics = (more: object) => topicsOf({ ...cleanResult(), findings: [{ ...peekFinding, ...more }] });
  for (const file of ["", "/abs/peek.c", "../peek.c", "a/../../peek.c"]) {
    assert.deepEqual(annotate(topics({ file }), cleanResult(), 9), { annotations: [], leftOut: 1 }, file);
  }
  const { annotations } = annotate(topics({ line: 0 }), cleanResult(), 9);
  assert.equal(annotations[0]!.start_line, 1);
  assert.match(annotations[0]!.message, /no line/);
});

test("what the compiler says is annotated behind the findings", () => {
  const [call] = completed(brokenResult());
  assert.deepEqual(call!.output.annotations, [
    {
      path: "fs/peek.c",
      start_line: 211,
      end_line: 211,
      annotation_level: "failure",
      title: "It does not build",
      message: "label 'fault' used but not defined [x86_64-defconfig-gcc]",
    },
  ]);
  const levels = completed(manyResult())[0]!.output.annotations!.map((each) => each.annotation_level);
  assert.deepEqual(new Set(levels.slice(-5)), new Set(["notice"]));
});

test("text is cut at bytes without a broken character", () => {
  assert.equal(clipBytes("abc", 10), "abc");
  for (let max = 20; max < 40; max++) {
    const cut = clipBytes("\u{1f600}".repeat(30), max);
    assert.ok(new TextEncoder().encode(cut).length <= max && cut.isWellFormed() && !cut.includes("\ufffd"));
  }
});

test("any result of the schema gives requests that the API takes (300 random ones)", () => {
  const random = randomSource(50);
  const config = configWith((c) => (c.limits.annotations = 500));
  for (const result of [
    ...[...FIXTURES.values()].map((make) => make()),
    ...Array.from({ length: 300 }, () => randomResult(random)),
  ]) {
    for (const call of completed(result, config)) assertTaken(call);
  }
});

test("a very long result is cut to the limits", () => {
  const long = "x".repeat(390);
  const result: ReviewResult = {
    ...manyResult(),
    weakened: Array.from({ length: 400 }, (_, i) => ({
      kind: "silenced" as const,
      what: long,
      object: `${long}${i}`,
      names: [long, long, long, long, long, long, long],
      count: 2,
      file: long,
      line: 3,
      profiles: [long],
    })),
    findings: Array.from({ length: 2000 }, (_, i) => ({
      ...peekFinding,
      id: `f${i}`,
      line: i,
      message: `${long} ${i}`,
      function: long,
      fingerprint: `${i}`,
    })),
    reason: long,
  };
  for (const call of completed(
    result,
    configWith((c) => (c.limits.annotations = 500)),
  ))
    assertTaken(call);
});

test("the check of an unusable configuration", () => {
  const body = configErrorCheck(
    { headSha: SHA, externalId: "j", links: {} },
    ".github/objreview.yml",
    "- line 3",
    DONE,
  );
  assertTaken(body);
  assert.equal(body.conclusion, "neutral");
});

test("golden: what a maintainer gets", () => {
  const two = twoFindingsResult();
  const shown: [string, ReviewResult][] = [
    ["two findings", { ...two, findings: two.findings.map(atTip) }],
    ["repaired later", exampleResult()],
    ["broken", brokenResult()],
    ["conflict", conflictResult()],
    ["clean", cleanResult()],
    ["hostile", FIXTURES.get("hostile")!()],
  ];
  const text = shown.flatMap(([name, result]) => {
    const plan = planFor(result);
    const comments = (plan.review?.comments ?? []).flatMap(({ body, ...place }) => [
      "",
      `--- comment ${JSON.stringify(place)}`,
      body,
    ]);
    const checks = completed(result).flatMap((call) => [
      "",
      `--- check ${call.status} ${call.conclusion ?? ""}: ${call.output.title}`,
      call.output.summary,
      ...(call.output.annotations ?? []).map(
        (each) => `annotation ${JSON.stringify({ ...each, raw_details: undefined })}`,
      ),
    ]);
    const review = plan.review === undefined ? [] : ["", "--- review", plan.review.body];
    return [
      `====== ${name}`,
      ...review,
      ...comments,
      "",
      "--- summary comment",
      plan.newSummary ?? "(none)",
      ...checks,
      "",
    ];
  });
  assertGolden("github-voice.txt", `${text.join("\n")}\n`);
});
