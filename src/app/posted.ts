// What stands on a pull request by our own account, and the calls that change it.

import type { ReviewComment } from "../github/payloads.ts";
import type { Edit, PostedComment, Removal } from "../github/reconcile.ts";
import { statusOf } from "./call-errors.ts";
import type { Api } from "./client.ts";
import type { Repository } from "./work-request.ts";

/** `login`: of our account. Comments of others only tell whether ours were answered. */
export async function readPosted(
  api: Api,
  { owner, repo }: Repository,
  number: number,
  login: string,
): Promise<PostedComment[]> {
  const [onLines, inConversation] = await Promise.all([
    api.paginate(api.rest.pulls.listReviewComments, { owner, repo, pull_number: number, per_page: 100 }),
    api.paginate(api.rest.issues.listComments, { owner, repo, issue_number: number, per_page: 100 }),
  ]);
  const answered = new Set(onLines.filter(({ user }) => user?.login !== login).map((each) => each.in_reply_to_id));
  return [
    ...onLines
      .filter(({ user, in_reply_to_id }) => user?.login === login && in_reply_to_id === undefined)
      .map(({ id, body }) => ({ id, kind: "line" as const, body, hasReplies: answered.has(id) })),
    ...inConversation
      .filter(({ user }) => user?.login === login)
      .map(({ id, body }) => ({ id, kind: "conversation" as const, body: body ?? "", hasReplies: false })),
  ];
}

/** One that a person deleted in the meantime is left deleted. */
export async function editComment(api: Api, { owner, repo }: Repository, { id, kind, body }: Edit): Promise<void> {
  const at = { owner, repo, comment_id: id, body };
  await unlessGone(() =>
    kind === "line" ? api.rest.pulls.updateReviewComment(at) : api.rest.issues.updateComment(at),
  );
}

export async function removeComment(api: Api, { owner, repo }: Repository, { id, kind }: Removal): Promise<void> {
  const at = { owner, repo, comment_id: id };
  await unlessGone(() =>
    kind === "line" ? api.rest.pulls.deleteReviewComment(at) : api.rest.issues.deleteComment(at),
  );
}

async function unlessGone(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (statusOf(error) !== 404 && statusOf(error) !== 410) throw error;
  }
}

/** A single comment on a line; false where GitHub refuses that line (422). */
export async function commentOnLine(
  api: Api,
  { owner, repo }: Repository,
  number: number,
  commit: string,
  comment: ReviewComment,
): Promise<boolean> {
  try {
    await api.rest.pulls.createReviewComment({ owner, repo, pull_number: number, commit_id: commit, ...comment });
    return true;
  } catch (error) {
    if (statusOf(error) === 422) return false;
    throw error;
  }
}

export async function commentInConversation(
  api: Api,
  { owner, repo }: Repository,
  number: number,
  body: string,
): Promise<number> {
  const { data } = await api.rest.issues.createComment({ owner, repo, issue_number: number, body });
  return Number(data.id);
}
