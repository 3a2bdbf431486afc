import { ApiError, notFound } from "./api-error.ts";
import { type Call, type Route, requireInstalled, requirePull, requireRepo } from "./route.ts";
import { checkBody, checkUnlocked } from "./routes-pulls.ts";
import type { IssueComment, Pull, User } from "./world.ts";

// The conversation of a pull request, and reactions to it.

export function addIssueComment(call: Pick<Call, "world">, pull: Pull, user: User, body: string): IssueComment {
  const { world } = call;
  const at = world.stamp();
  const comment = { id: world.newId(), pull, user, body, createdAt: at, updatedAt: at, edits: 0, reactions: [] };
  world.issueComments.push(comment);
  pull.updatedAt = at;
  return comment;
}

function requireComment(call: Call): IssueComment {
  const repo = requireRepo(call);
  const id = Number(call.params.comment_id);
  const found = call.world.issueComments.find((each) => each.id === id && each.pull.repo === repo);
  if (found === undefined) throw notFound();
  return found;
}

function writer(call: Call): User {
  if (call.caller.kind !== "installation") throw notFound();
  return call.caller.user;
}

function requireOwn(call: Call): IssueComment {
  requireInstalled(call);
  const comment = requireComment(call);
  if (comment.user !== writer(call)) throw new ApiError(403, "Resource not accessible by integration");
  return comment;
}

export const commentRoutes: Readonly<Record<string, Route>> = {
  "issues/list-comments": (call) => {
    const pull = requirePull(call, call.params.issue_number);
    const since = call.query.since === undefined ? 0 : Date.parse(call.query.since);
    const found = call.world.issueComments.filter((each) => each.pull === pull && Date.parse(each.updatedAt) >= since);
    return call.page(found, (each) => call.render.issueComment(each));
  },

  "issues/create-comment": (call) => {
    requireInstalled(call);
    const pull = requirePull(call, call.params.issue_number);
    checkUnlocked(pull);
    const body = checkBody((call.body as { body: string }).body, "IssueComment");
    const comment = addIssueComment(call, pull, writer(call), body);
    void call.hooks.issueComment("created", comment, comment.user);
    return { status: 201, body: call.render.issueComment(comment) };
  },

  "issues/get-comment": (call) => ({ body: call.render.issueComment(requireComment(call)) }),

  "issues/update-comment": (call) => {
    const comment = requireOwn(call);
    comment.body = checkBody((call.body as { body: string }).body, "IssueComment");
    comment.updatedAt = call.world.stamp();
    comment.edits++;
    void call.hooks.issueComment("edited", comment, comment.user);
    return { body: call.render.issueComment(comment) };
  },

  "issues/delete-comment": (call) => {
    const comment = requireOwn(call);
    call.world.removeIssueComment(comment);
    void call.hooks.issueComment("deleted", comment, comment.user);
    return { status: 204 };
  },

  "reactions/list-for-issue-comment": (call) => {
    const { reactions } = requireComment(call);
    const { content } = call.query;
    const found = reactions.filter((each) => content === undefined || each.content === content);
    return call.page(found, (each) => call.render.reaction(each));
  },

  "reactions/create-for-issue-comment": (call) => {
    requireInstalled(call);
    const comment = requireComment(call);
    if (comment.pull.isLocked) throw new ApiError(403, "Unable to create reaction because issue is locked.");
    const { content } = call.body as { content: string };
    const user = writer(call);
    // The same reaction of the same user is there once: 200 instead of 201.
    const known = comment.reactions.find((each) => each.user === user && each.content === content);
    if (known !== undefined) return { body: call.render.reaction(known) };
    const reaction = { id: call.world.newId(), user, content, createdAt: call.world.stamp() };
    comment.reactions.push(reaction);
    return { status: 201, body: call.render.reaction(reaction) };
  },

  "reactions/delete-for-issue-comment": (call) => {
    requireInstalled(call);
    const { reactions } = requireComment(call);
    const at = reactions.findIndex((each) => each.id === Number(call.params.reaction_id));
    if (at < 0 || reactions[at]!.user !== writer(call)) throw notFound();
    reactions.splice(at, 1);
    return { status: 204 };
  },
};
