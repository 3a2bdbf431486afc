import assert from "node:assert/strict";
import { test } from "node:test";
import type { Log } from "sarif";
import { commentBody } from "../../src/github/comment-text.ts";
import { checkSummary } from "../../src/github/summary-text.ts";
import { topicsOf } from "../../src/github/topics.ts";
import { renderDigest } from "../../src/report/digest.ts";
import {
  explainedDefects,
  explainedNews,
  explainedWords,
  faultSentence,
  trialCells,
} from "../../src/report/fault-text.ts";
import { renderHtml } from "../../src/report/html.ts";
import { renderSarif } from "../../src/report/sarif.ts";
import { renderText } from "../../src/report/text.ts";
import { exampleResult, faultResult } from "./fixtures.ts";
import { makeHostile } from "./hostile.ts";

const WHOSE = "Whose: only gcc 12.2.0 at -O2 (not clang 22.1.8); gone with -fno-shrink-wrap.";
const TOLD =
  "60 findings that known defects of clang 22.1.8 explain: clang-popped-registers (59) and clang-row-behind-pushed-argument (1)";
// What nearly every function has stands on the page alone.
const NEWS = "1 finding that a known defect of clang 22.1.8 explains: clang-row-behind-pushed-argument";
const oneLine = (text: string) => text.replace(/\s+/g, " ");

test("what known defects explain is summed up over the objects", () => {
  assert.deepEqual(explainedDefects(faultResult()), [
    { defect: "clang-popped-registers", compiler: "clang 22.1.8", count: 59, everywhere: true, objects: 2 },
    { defect: "clang-row-behind-pushed-argument", compiler: "clang 22.1.8", count: 1, objects: 1 },
  ]);
  assert.equal(explainedWords(faultResult()), TOLD);
  assert.equal(explainedNews(faultResult()), NEWS);
  assert.equal(explainedWords(exampleResult()), undefined);
  const usual = faultResult();
  usual.coverage.notes = usual.coverage.notes.filter(({ defect }) => defect?.everywhere === true);
  assert.equal(explainedNews(usual), undefined);
  const one = faultResult();
  const notes = one.coverage.notes.slice(2);
  assert.equal(
    explainedWords({ ...one, coverage: { ...one.coverage, notes } }),
    "1 finding that a known defect of clang 22.1.8 explains: clang-row-behind-pushed-argument",
  );
});

test("a trial says who, with what, and what came of it", () => {
  assert.deepEqual(faultResult().findings[0]!.fault!.trials.map(trialCells), [
    ["gcc 12.2.0", "-O1", "gone"],
    ["gcc 12.2.0", "-fno-shrink-wrap", "gone"],
    ["gcc 12.2.0", "-fno-ipa-ra -fno-schedule-insns2", "there"],
    ["clang 22.1.8", "", "gone"],
    ["clang 19.1.7", "", "not known (it does not compile)"],
  ]);
  assert.equal(faultSentence({}), undefined);
});

test("every form says whose it is once, and what was not told in one line", () => {
  const result = faultResult();
  for (const text of [renderDigest(result), renderText(result)]) {
    assert.equal(oneLine(text).split(WHOSE).length, 2, text);
    assert.ok(oneLine(text).includes(`Not told: ${NEWS}.`), text);
    assert.ok(!text.includes("src/defects"), "the page's path is for the JSON");
  }
  const page = renderHtml(result);
  assert.ok(page.includes("Only gcc 12.2.0 at -O2 (not clang 22.1.8); gone with -fno-shrink-wrap."));
  assert.ok(page.includes("<td>clang 19.1.7</td><td><code></code></td><td>not known (it does not compile)</td>"));
  assert.ok(page.includes(`<h3>Not told</h3><p>${TOLD}.</p>`));
});

test("on GitHub the finding's comment says whose it is, and the check what was not told", () => {
  const result = faultResult();
  const topics = topicsOf(result);
  const [topic] = topics;
  assert.ok(topic !== undefined);
  const place = { path: "fs/peek.c", line: 220, side: "RIGHT" as const };
  const body = commentBody({ topic, place, result, links: {} });
  const lines = body.split("\n");
  assert.ok(lines[0]!.startsWith("**`__do_sys_peek()`"), lines[0]);
  assert.ok(lines.findIndex((line) => line.startsWith("Whose: only gcc")) > 0, body);
  assert.ok(
    lines.findIndex((line) => line.startsWith("Whose:")) < lines.findIndex((line) => line.startsWith("<details")),
    "in the open",
  );
  assert.match(
    checkSummary(result, topics, {}),
    /^- \*\*Not told:\*\* 1 finding that a known defect of clang 22\.1\.8/m,
  );
});

test("SARIF has the trials as properties, and one notification for each object and defect", () => {
  const { runs } = JSON.parse(renderSarif(faultResult(), { ruleInfo: new Map() })) as Log;
  const { fault } = runs[0]!.results![0]!.properties as unknown as { fault: { says: string; trials: unknown[] } };
  assert.match(fault.says, /^only gcc 12\.2\.0/);
  assert.equal(fault.trials.length, 5);
  const notes = runs[0]!.invocations![0]!.toolExecutionNotifications!.map(({ descriptor }) => descriptor?.id);
  assert.equal(notes.filter((id) => id === "coverage/known-defect").length, 3);
  assert.ok(!JSON.stringify(runs).includes("faults/0123456789ab"), "a folder of the reviewer's is nobody else's");
});

test("what compilers are called and say is shown, not obeyed", () => {
  const result = makeHostile(faultResult());
  for (const text of [renderDigest(result), renderText(result)]) {
    // biome-ignore format: one class of characters
    assert.doesNotMatch(text, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/);
    const before = text.split("Try it:")[0]!;
    for (const line of before.split("\n").filter((each) => !each.startsWith(">")))
      assert.doesNotMatch(line, /https?:\/\/|www\.evil|#objreview/i);
  }
  assert.doesNotMatch(renderHtml(result), /<(script|img|svg onload)/);
  const [topic] = topicsOf(result);
  const place = { path: "fs/peek.c", line: 220, side: "RIGHT" as const };
  const body = commentBody({ topic: topic!, place, result, links: {} });
  const own = [...body.split("\n"), ...checkSummary(result, [topic!], {}).split("\n")].filter((line) =>
    /^(Whose:|- \*\*Not told)/.test(line),
  );
  assert.equal(own.length, 2, body);
  for (const line of own) assert.doesNotMatch(line, /<(script|img|svg)|https?:\/\/|[^\\]\]\(/);
});
