import assert from "node:assert/strict";
import { test } from "node:test";
import { ordersOf } from "../../src/app/events.ts";
import { readWorkRequest } from "../../src/app/work-request.ts";
import type { Order } from "../../src/store/store.ts";
import { example } from "./parts.ts";

const HEAD = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";
const of = (name: string, payload: unknown): Order[] => ordersOf(name.split(".")[0]!, "guid", payload);

function reviewIn(orders: Order[]) {
  assert.equal(orders.length, 1);
  const [order] = orders;
  assert.equal(order?.kind, "review");
  return order as Extract<Order, { kind: "review" }>;
}

function postIn(orders: Order[]) {
  assert.equal(orders.length, 1);
  const [order] = orders;
  assert.equal(order?.kind, "post");
  return (order as Extract<Order, { kind: "post" }>).post;
}

test("a new head is a review of it against the base branch", () => {
  for (const action of ["opened", "synchronize", "reopened", "ready_for_review"]) {
    const order = reviewIn(of("pull_request", example(`pull_request.${action}`)));
    assert.equal(order.target, "github:Codertocat/Hello-World#2");
    assert.equal(order.head, HEAD);
    assert.equal(order.base, "master");
    assert.equal(order.again, action === "ready_for_review");
    const { kind, installation, owner, repo } = readWorkRequest(order.request);
    assert.deepEqual({ kind, owner, repo }, { kind: "pull", owner: "Codertocat", repo: "Hello-World" });
    assert.equal(installation, example(`pull_request.${action}`).installation.id);
  }
});

test("edited counts when the base changed, and not for a title", () => {
  const edited = { ...example("pull_request.opened"), action: "edited" };
  assert.deepEqual(of("pull_request", { ...edited, changes: { title: { from: "old" } } }), []);
  edited.pull_request.base.ref = "next";
  const order = reviewIn(of("pull_request", { ...edited, changes: { base: { ref: { from: "master" } } } }));
  assert.equal(order.base, "next");
});

test("closed cancels; what changes no code asks for nothing", () => {
  assert.deepEqual(of("pull_request", example("pull_request.closed")), [
    { kind: "cancel", target: "github:Codertocat/Hello-World#2" },
  ]);
  assert.deepEqual(of("pull_request", example("pull_request.labeled")), []);
});

test("a comment with a command is kept for the speaker, once for each comment", () => {
  const payload = example("issue_comment.created");
  assert.deepEqual(of("issue_comment", payload), [], "an issue is no pull request");
  payload.issue.pull_request = { url: "https://api.github.com/repos/Codertocat/Hello-World/pulls/1" };
  assert.deepEqual(of("issue_comment", payload), [], "no command in it");
  payload.comment.body = "Thanks.\n\n/objreview recheck";
  const post = postIn(of("issue_comment", payload));
  assert.equal(post.kind, "command");
  assert.equal(post.identity, `command:Codertocat/Hello-World/${payload.comment.id}`);
  const errand = JSON.parse(post.body);
  assert.equal(errand.author, "Codertocat");
  assert.equal(errand.createdAt, "2019-05-15T15:20:21Z");
  assert.deepEqual(of("issue_comment", { ...payload, action: "edited" }), []);
  payload.comment.body = "> /objreview recheck";
  assert.deepEqual(of("issue_comment", payload), []);
});

test("a bot commands nothing", () => {
  const payload = example("issue_comment.created");
  payload.issue.pull_request = {};
  payload.comment.body = "/objreview recheck";
  payload.sender.type = "Bot";
  assert.deepEqual(of("issue_comment", payload), []);
  const run = example("check_run.rerequested");
  run.check_run.name = "objreview";
  run.sender.login = "robot[bot]";
  assert.deepEqual(of("check_run", run), []);
});

test("a button of our check, and of ours alone", () => {
  const payload = example("check_run.requested_action");
  assert.deepEqual(of("check_run", payload), []);
  payload.check_run.name = "objreview";
  assert.deepEqual(of("check_run", payload), [], "a button that we do not have");
  payload.requested_action.identifier = "approve";
  payload.check_run.external_id = "r1";
  const post = postIn(of("check_run", payload));
  assert.equal(post.identity, "check:guid");
  const { wanted, head, review } = JSON.parse(post.body);
  assert.deepEqual({ wanted, head, review }, { wanted: "approve", head: payload.check_run.head_sha, review: "r1" });
  const again = example("check_run.rerequested");
  again.check_run.name = "objreview";
  assert.equal(JSON.parse(postIn(of("check_run", again)).body).wanted, "recheck");
  const suite = example("check_suite.rerequested");
  assert.deepEqual(of("check_suite", suite), [], "the example's sender is a bot");
  suite.sender = { login: "Codertocat", type: "User" };
  assert.equal(postIn(of("check_suite", suite)).kind, "suite");
});

test("a merge group is reviewed before others, and cancelled when it is gone", () => {
  const payload = example("merge_group.checks_requested");
  const order = reviewIn(of("merge_group", payload));
  assert.equal(order.head, payload.merge_group.head_sha);
  assert.equal(order.base, payload.merge_group.base_sha);
  assert.equal(order.priority, 50);
  assert.equal(readWorkRequest(order.request).kind, "merge-group");
  const [gone] = of("merge_group", { ...payload, action: "destroyed" });
  assert.deepEqual(gone, { kind: "cancel", target: order.target });
});

test("a new installation, or new repositories in one, are looked through", () => {
  assert.equal(postIn(of("installation", example("installation.created"))).kind, "catch-up");
  assert.equal(postIn(of("installation", example("installation_repositories.added"))).kind, "catch-up");
  assert.deepEqual(of("installation", { ...example("installation.created"), action: "suspend" }), []);
});

test("an event that counts and is not of its form is an error, others are nothing", () => {
  assert.throws(() => of("pull_request", { action: "opened" }));
  assert.throws(() => of("pull_request", null));
  assert.deepEqual(of("star", { action: "created" }), []);
  assert.deepEqual(of("check_run", { action: "completed" }), []);
});
