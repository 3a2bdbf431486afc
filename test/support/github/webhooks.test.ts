import assert from "node:assert/strict";
import { test } from "node:test";
import { appOctokit, tokenOctokit } from "./client.ts";
import { listen, start, status, text } from "./fake-kit.ts";

test("webhooks are signed, listed and sent again under the same id", async (t) => {
  const { fake, repo, pull, octokit } = await start(t);
  const heard = await listen(t, fake);
  const before = pull.headSha;
  const after = await fake.push(pull, { files: { "a.c": text({ 20: "again" }) } });
  await fake.settled();
  const sync = heard.find(({ payload }) => payload.action === "synchronize")!;
  assert.ok(heard.every(({ isSigned }) => isSigned));
  assert.deepEqual([sync.payload.before, sync.payload.after], [before, after]);
  const shown = sync.payload.pull_request as { head: { sha: string }; base: { repo: { full_name: string } } };
  assert.deepEqual([shown.head.sha, shown.base.repo.full_name], [after, "octo/tree"]);
  fake.hooks.mode = "lose";
  await fake.comment(pull, "ada", "/objreview help");
  fake.hooks.mode = "send";
  const jwt = await octokit.auth({ type: "app" }).catch(() => undefined);
  assert.ok(jwt !== undefined);
  const lost = fake.lastDelivery("issue_comment");
  assert.equal(lost.statusCode, 0);
  await fake.redeliver(lost);
  const again = heard[heard.length - 1]!;
  assert.deepEqual([again.event, again.guid], ["issue_comment", lost.guid]);
  const issue = again.payload.issue as { number: number; pull_request?: object };
  assert.equal(issue.number, 1);
  assert.ok(issue.pull_request !== undefined, "an issue that is a pull request says so");
  const bot = fake.state.deliveries.filter(({ isRedelivery }) => isRedelivery);
  assert.deepEqual(
    bot.map(({ guid, statusCode }) => [guid, statusCode]),
    [[lost.guid, 200]],
  );
  assert.equal(repo.nextNumber, 2);
});

test("a late answer is a failed delivery", async (t) => {
  const { fake, pull } = await start(t, { deadlineMillis: 50 });
  await listen(t, fake, () => new Promise((resolve) => setTimeout(resolve, 200, 200)));
  await fake.comment(pull, "ada", "hello");
  assert.equal(fake.lastDelivery("issue_comment").status, "timed out");
  assert.match(fake.complaints.join(), /not answered within 50 ms/);
});

test("deliveries are listed newest first, page by page, and sent again by the App's own call", async (t) => {
  let now = Date.now();
  const { fake, pull } = await start(t, { now: () => now });
  const heard = await listen(t, fake);
  fake.hooks.mode = "lose";
  for (const body of ["one", "two", "three"]) await fake.comment(pull, "ada", body);
  fake.hooks.mode = "send";
  const { apps } = appOctokit(fake).rest;
  const first = await apps.listWebhookDeliveries({ per_page: 2 });
  assert.deepEqual(
    first.data.map(({ event, action, status_code, redelivery }) => [event, action, status_code, redelivery]),
    [
      ["issue_comment", "created", 0, false],
      ["issue_comment", "created", 0, false],
    ],
  );
  const cursor = /cursor=([^>&]+)/.exec(first.headers.link ?? "")?.[1];
  assert.ok(cursor !== undefined);
  const second = await apps.listWebhookDeliveries({ per_page: 2, cursor });
  assert.equal(second.data.length, 1);
  const oldest = second.data[0]!;
  assert.equal((await apps.redeliverWebhookDelivery({ delivery_id: oldest.id })).status, 202);
  await fake.settled();
  const comment = heard[0]!.payload.comment as { body: string };
  assert.deepEqual([heard.length, heard[0]!.guid, comment.body], [1, oldest.guid, "one"]);
  const { data: whole } = await apps.getWebhookDelivery({ delivery_id: oldest.id });
  assert.equal(whole.request.payload?.action, "created");
  // GitHub keeps them for three days.
  now += 3 * 86_400_000;
  assert.equal(await status(apps.redeliverWebhookDelivery({ delivery_id: oldest.id })), 422);
  assert.deepEqual((await apps.listWebhookDeliveries()).data, []);
});

test("only the App itself lists deliveries, and only by a signature of its own key", async (t) => {
  const { fake, repo } = await start(t);
  const token = fake.workflowToken(repo, { metadata: "read", contents: "read" });
  assert.equal(await status(tokenOctokit(fake, token).rest.apps.listWebhookDeliveries()), 401);
  const other = await start(t);
  const forged = { url: fake.url, app: { ...fake.app, privateKey: other.fake.app.privateKey } };
  assert.equal(await status(appOctokit(forged).rest.apps.getAuthenticated()), 401);
  assert.equal((await appOctokit(fake).rest.apps.getAuthenticated()).data?.slug, "objreview");
});

test("every webhook is of the form that GitHub publishes, with the fake's own facts", async (t) => {
  const { fake, repo, pull, at, rest } = await start(t);
  const heard = await listen(t, fake);
  const { data: run } = await rest.checks.create({
    ...at,
    name: "objreview",
    head_sha: pull.headSha,
    external_id: "job 1",
    conclusion: "neutral",
    output: { title: "t", summary: "s" },
    actions: [{ label: "Again", description: "d", identifier: "recheck" }],
  });
  const check = fake.checks(pull.headSha)[0]!;
  await fake.rerequest(check, "maria");
  await fake.click(check, "recheck", "maria");
  await fake.rerequestSuite(check, "maria");
  await fake.retitle(pull, "Another title");
  fake.repo("octo/tree2");
  repo.git.setRef("refs/heads/next", fake.tip(repo));
  await fake.changeBase(pull, "next");
  await fake.close(pull);
  await fake.reopen(pull);
  await fake.markReady(pull);
  const installation = fake.state.installations[0]!;
  await fake.hooks.installation("installation", "created", installation, fake.user("octo"));
  await fake.hooks.mergeGroup(repo, "main", fake.tip(repo), pull.headSha, fake.user("octo"));
  await fake.settled();
  assert.deepEqual(
    heard.map(({ event, payload }) => `${event}.${payload.action}`),
    [
      "check_run.created",
      "check_run.completed",
      "check_run.rerequested",
      "check_run.requested_action",
      "check_suite.rerequested",
      "pull_request.edited",
      "pull_request.edited",
      "pull_request.closed",
      "pull_request.reopened",
      "pull_request.ready_for_review",
      "installation.created",
      "merge_group.checks_requested",
    ],
  );
  const shown = heard[2]!.payload.check_run as { id: number; external_id: string; app: { slug: string } };
  assert.deepEqual([shown.id, shown.external_id, shown.app.slug], [run.id, "job 1", "objreview"]);
  assert.deepEqual(heard[3]!.payload.requested_action, { identifier: "recheck" });
  const [, , , , , retitled, rebased] = heard;
  assert.deepEqual(retitled!.payload.changes, { title: { from: "Change 1" } });
  assert.equal((rebased!.payload.changes as { base: { ref: { from: string } } }).base.ref.from, "main");
  const names = heard.slice(0, 10).map(({ payload }) => (payload.repository as { full_name: string }).full_name);
  assert.deepEqual([...new Set(names)], ["octo/tree"]);
  // No address of the examples is left.
  assert.doesNotMatch(JSON.stringify(rebased!.payload).slice(0, 20_000), /https:\/\/(api\.)?github\.com/);
});

test("of runs of one name the newest is listed, and all on demand", async (t) => {
  const { pull, at, rest, fake } = await start(t);
  const create = { ...at, name: "objreview", head_sha: pull.headSha, external_id: "x" };
  await rest.checks.create(create);
  const { data: newest } = await rest.checks.create(create);
  const ref = { ...at, ref: pull.headSha };
  const latest = await rest.checks.listForRef(ref);
  assert.deepEqual(
    latest.data.check_runs.map(({ id }) => id),
    [newest.id],
  );
  assert.equal((await rest.checks.listForRef({ ...ref, filter: "all" })).data.total_count, 2);
  assert.equal((await rest.checks.listForRef({ ...ref, check_name: "other" })).data.total_count, 0);
  const suites = await rest.checks.listSuitesForRef(ref);
  assert.deepEqual(
    suites.data.check_suites.map(({ status: is, latest_check_runs_count }) => [is, latest_check_runs_count]),
    [["queued", 2]],
  );
  await fake.push(pull, { files: { "a.c": text({ 1: "first" }) } });
  assert.equal((await rest.checks.listForRef({ ...at, ref: pull.headSha })).data.total_count, 0);
  assert.deepEqual(fake.complaints, []);
});
