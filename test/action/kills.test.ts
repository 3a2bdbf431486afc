// The post job cut off at each of its calls, before and after the call's effect, and started again: in the end each finding is there once.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type PostOutcome, post } from "../../src/action/post.ts";
import { ToolError } from "../../src/base/errors.ts";
import { readTopicMarker } from "../../src/github/marker.ts";
import { renderJson } from "../../src/report/json.ts";
import type { ReviewFinding, ReviewResult } from "../../src/report/result.ts";
import { peekFinding } from "../report/finding-fixtures.ts";
import { cleanResult } from "../report/fixtures.ts";
import { start, text } from "../support/github/fake-kit.ts";
import type { Pull } from "../support/github/world.ts";
import { openFront } from "./front.ts";
import { reviewZip } from "./zips.ts";

const PERMISSIONS = {
  actions: "read",
  checks: "write",
  contents: "read",
  pull_requests: "write",
  metadata: "read",
} as const;
const RATES = { pointsPerMinute: 1_000_000, contentPerMinute: 100_000, contentPerHour: 100_000 };

/** A file of the pull request with room for notes. */
const LONG = "line\n".repeat(200);

function findingAt(line: number, severity: ReviewFinding["severity"], file = "a.c"): ReviewFinding {
  const fingerprint = line.toString(16).padStart(28, "0");
  return { ...peekFinding, id: `f${line}`, fingerprint, file, line, severity, graph: undefined };
}

/** Two findings on lines of the diff, one off it, and as many notes as take a second batch of annotations. */
function reviewOf(base: string): ReviewResult {
  const notes = Array.from({ length: 52 }, (_, n) => findingAt(100 + n, "note", "b.c"));
  const findings = [findingAt(20, "error"), findingAt(22, "warning"), findingAt(2, "error"), ...notes];
  const clean = cleanResult();
  return { ...clean, verdict: "findings", findings, base: { ...clean.base, commit: base } };
}

test("killed at any call and started again, it has said everything once", async (t) => {
  const { fake, repo } = await start(t, { rates: RATES });
  const front = await openFront(t, fake);
  const workspace = mkdtempSync(join(tmpdir(), "objreview-kills-"));
  t.after(() => rmSync(workspace, { recursive: true, force: true }));
  mkdirSync(join(workspace, "empty"));
  const token = fake.workflowToken(repo, PERMISSIONS);
  const run = (pull: Pull): Promise<PostOutcome> =>
    post({
      ...{ eventName: "workflow_run", repository: "octo/tree", token, apiUrl: front.apiUrl, workspace, paced: false },
      ...{ account: "github-actions[bot]", artifact: "objreview", onProgress: () => {} },
      event: JSON.stringify({
        action: "completed",
        repository: { full_name: "octo/tree" },
        workflow_run: {
          ...{ id: 1000 + pull.number, run_attempt: 1, html_url: "https://example.org/runs/1" },
          ...{ event: "pull_request", conclusion: "success", head_sha: pull.headSha, head_branch: pull.headRef },
          head_repository: { id: repo.id, owner: { login: "octo" } },
        },
      }),
    });
  const open = async (n: number): Promise<Pull> => {
    const pull = await fake.openPull(repo, {
      author: "ada",
      commits: [{ "a.c": text({ 20: `changed ${n}` }), "b.c": LONG }],
    });
    front.zip = reviewZip(renderJson(reviewOf(pull.baseSha)));
    return pull;
  };
  const standing = (pull: Pull) => ({
    lines: fake
      .lineComments(pull)
      .map(({ line, body }) => `${line} ${readTopicMarker(body)?.state}`)
      .sort(),
    talk: fake.conversation(pull).length,
    checks: fake
      .checks(pull.headSha)
      .map(({ status, conclusion, annotations }) => [
        status,
        conclusion,
        annotations.length,
        new Set(annotations.map(({ start_line: line }) => line)).size,
      ]),
  });
  const whole = { lines: ["20 open", "22 open"], talk: 1, checks: [["completed", "neutral", 55, 55]] };

  const first = await open(0);
  const before = fake.calls.length;
  await run(first);
  const count = fake.calls.length - before;
  assert.deepEqual(standing(first), whole);
  assert.ok(count >= 10 && count <= 20, `${count} calls`);

  let killed = 0;
  for (let n = 1; n <= count; n++) {
    for (const when of ["before", "after"] as const) {
      const pull = await open(n);
      fake.failAt(n, { when, how: "cut" });
      await assert.rejects(run(pull), ToolError, `call ${n}`);
      killed++;
      fake.clearFaults();
      await run(pull);
      assert.deepEqual(standing(pull), whole, `${when} call ${n} of ${count}`);
    }
  }
  assert.equal(killed, 2 * count);
  assert.deepEqual(fake.complaints, []);
});
