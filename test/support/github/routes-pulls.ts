import { ApiError, notFound, unprocessable } from "./api-error.ts";
import { type DiffFile, hunkOf, readDiff } from "./diff.ts";
import { type Call, type Route, requireInstalled, requirePull, requireRepo } from "./route.ts";
import type { Pull, Review, ReviewComment, User } from "./world.ts";

// Pull requests, and the comments on their lines.

/** The API's own words: "body is too long (maximum is 65536 characters)". */
export const MAX_BODY = 65_536;

export function checkBody(body: string | undefined, resource: string): string {
  if (body === undefined || body.trim() === "") throw unprocessable({ resource, code: "missing_field", field: "body" });
  if (body.length > MAX_BODY) {
    const message = `body is too long (maximum is ${MAX_BODY} characters)`;
    throw unprocessable({ resource, code: "custom", field: "body", message });
  }
  return body;
}

export function checkUnlocked(pull: Pull): void {
  if (pull.isLocked) throw new ApiError(403, "Unable to create comment because issue is locked.");
}

interface GivenComment {
  readonly path: string;
  readonly body: string;
  readonly line?: number;
  readonly side?: string;
  readonly start_line?: number;
  readonly start_side?: string;
  readonly position?: number;
  readonly subject_type?: string;
}

interface Placed {
  readonly side: "LEFT" | "RIGHT";
  readonly line: number | undefined;
  readonly startLine: number | undefined;
  readonly diffHunk: string;
  readonly isFile: boolean;
}

/** Where a comment would stand, or the field that GitHub finds wrong in it. */
function place(files: readonly DiffFile[], given: GivenComment): Placed | { readonly wrong: string } {
  const file = files.find(({ path }) => path === given.path);
  if (file === undefined) return { wrong: "path" };
  if (given.subject_type === "file") {
    return { side: "RIGHT", line: undefined, startLine: undefined, diffHunk: file.patch ?? "", isFile: true };
  }
  if (given.position !== undefined || given.line === undefined) return { wrong: "line" };
  const side = given.side === "LEFT" ? "LEFT" : "RIGHT";
  const hunk = hunkOf(file, side, given.line);
  if (hunk === undefined) return { wrong: "line" };
  if (given.start_line !== undefined) {
    const startSide = (given.start_side ?? side) === "LEFT" ? "LEFT" : "RIGHT";
    // Equal is refused too; and both must be shown in one piece.
    if (given.start_line >= given.line || hunkOf(file, startSide, given.start_line) !== hunk) {
      return { wrong: "start_line" };
    }
  }
  return { side, line: given.line, startLine: given.start_line, diffHunk: hunk.text, isFile: false };
}

function diffAt(pull: Pull, sha: string): DiffFile[] {
  return readDiff(pull.repo.git.pullDiff(pull.baseSha, sha));
}

function writer(call: Call): User {
  if (call.caller.kind !== "installation") throw notFound();
  return call.caller.user;
}

export function addReview(call: Pick<Call, "world">, pull: Pull, user: User, sha: string, body: string): Review {
  const { world } = call;
  const id = world.newId();
  const review: Review = { id, pull, user, body, state: "COMMENTED", commitId: sha, submittedAt: world.stamp() };
  world.reviews.push(review);
  return review;
}

export function addReviewComment(
  call: Pick<Call, "world">,
  review: Review,
  given: Pick<GivenComment, "path" | "body">,
  placed: Placed,
  inReplyTo?: number,
): ReviewComment {
  const { world } = call;
  const comment: ReviewComment = {
    id: world.newId(),
    review,
    pull: review.pull,
    user: review.user,
    path: given.path,
    side: placed.side,
    originalCommitId: review.commitId,
    commitId: review.commitId,
    originalLine: placed.line,
    originalStartLine: placed.startLine,
    line: placed.line,
    startLine: placed.startLine,
    diffHunk: placed.diffHunk,
    inReplyTo,
    createdAt: world.stamp(),
    updatedAt: world.stamp(),
    body: given.body,
    edits: 0,
    isFile: placed.isFile,
  };
  world.reviewComments.push(comment);
  return comment;
}

function requireCommitOf(pull: Pull, sha: string): void {
  const isOf = pull.repo.git.hasCommit(sha) && pull.repo.git.commits(pull.baseSha, pull.headSha).includes(sha);
  if (!isOf) {
    throw unprocessable({
      resource: "PullRequestReview",
      code: "custom",
      field: "commit_id",
      message: "commit_id is not part of the pull request",
    });
  }
}

function createReview(call: Call) {
  requireInstalled(call);
  const pull = requirePull(call);
  const user = writer(call);
  const given = call.body as { commit_id?: string; body?: string; event?: string; comments?: GivenComment[] };
  checkUnlocked(pull);
  const sha = given.commit_id ?? pull.headSha;
  requireCommitOf(pull, sha);
  const comments = given.comments ?? [];
  if (given.event !== "COMMENT") call.complain(`a review with the event ${given.event}: a bot only comments`);
  if (comments.length === 0 || given.body !== undefined) checkBody(given.body, "PullRequestReview");
  const files = diffAt(pull, sha);
  const placed = comments.map((each) => ({ each, at: place(files, each) }));
  for (const { each } of placed) checkBody(each.body, "PullRequestReviewComment");
  // One bad line refuses all of it, and the answer does not say which.
  const wrong = placed.flatMap(({ at }) => ("wrong" in at ? [at.wrong] : []));
  if (wrong.length > 0) {
    const words = wrong.map((field) =>
      field === "path" ? "Path could not be resolved" : "Line could not be resolved",
    );
    throw new ApiError(422, "Unprocessable Entity", { errors: words });
  }
  const review = addReview(call, pull, user, sha, given.body ?? "");
  for (const { each, at } of placed) addReviewComment(call, review, each, at as Placed);
  pull.updatedAt = call.world.stamp();
  return { body: call.render.review(review) };
}

function createComment(call: Call) {
  requireInstalled(call);
  const pull = requirePull(call);
  const user = writer(call);
  const given = call.body as GivenComment & { commit_id: string };
  checkUnlocked(pull);
  requireCommitOf(pull, given.commit_id);
  checkBody(given.body, "PullRequestReviewComment");
  const at = place(diffAt(pull, given.commit_id), given);
  if ("wrong" in at) {
    const field = `pull_request_review_thread.${at.wrong}`;
    throw unprocessable({
      resource: "PullRequestReviewComment",
      code: "custom",
      field,
      message: `${field} must be part of the diff`,
    });
  }
  const review = addReview(call, pull, user, given.commit_id, "");
  return { status: 201, body: call.render.reviewComment(addReviewComment(call, review, given, at)) };
}

export function requireComment(call: Call): ReviewComment {
  const repo = requireRepo(call);
  const id = Number(call.params.comment_id);
  const found = call.world.reviewComments.find((each) => each.id === id && each.pull.repo === repo);
  if (found === undefined) throw notFound();
  return found;
}

/** An installation changes what it wrote itself. */
function requireOwn(call: Call): ReviewComment {
  requireInstalled(call);
  const comment = requireComment(call);
  if (comment.user !== writer(call)) throw new ApiError(403, "Resource not accessible by integration");
  return comment;
}

export function reply(call: Pick<Call, "world">, to: ReviewComment, user: User, body: string): ReviewComment {
  const review = addReview(call, to.pull, user, to.pull.headSha, "");
  const at: Placed = {
    side: to.side,
    line: to.line,
    startLine: to.startLine,
    diffHunk: to.diffHunk,
    isFile: to.isFile,
  };
  return addReviewComment(call, review, { path: to.path, body }, at, to.inReplyTo ?? to.id);
}

/** Newest first unless asked otherwise, as for all lists of pull requests. */
function listPulls(call: Call) {
  const repo = requireRepo(call);
  const { state = "open", head, base, direction } = call.query;
  const found = call.world.pulls.filter(
    (pull) =>
      pull.repo === repo &&
      (state === "all" || pull.isOpen === (state === "open")) &&
      (head === undefined || head === `${pull.headRepo.owner}:${pull.headRef}`) &&
      (base === undefined || base === pull.baseRef),
  );
  const sorted = found.sort((a, b) => (direction === "asc" ? a.number - b.number : b.number - a.number));
  return call.page(sorted, (pull) => call.render.pullSimple(pull));
}

export const pullRoutes: Readonly<Record<string, Route>> = {
  "pulls/list": listPulls,

  "pulls/get": (call) => {
    const pull = requirePull(call);
    const body = call.render.pull(pull);
    if (call.accept.includes("diff")) return { body: pull.repo.git.pullDiff(pull.baseSha, pull.headSha) };
    pull.isMergeKnown = true;
    return { body };
  },

  "pulls/list-files": (call) => {
    const pull = requirePull(call);
    const files = diffAt(pull, pull.headSha).slice(0, 3000);
    return call.page(files, (file) => call.render.diffEntry(pull.repo, pull.headSha, file));
  },

  "pulls/list-commits": (call) => {
    const pull = requirePull(call);
    const commits = pull.repo.git.commits(pull.baseSha, pull.headSha).slice(0, 250);
    return call.page(commits, (sha) => call.render.commit(pull.repo, sha));
  },

  "repos/list-pull-requests-associated-with-commit": (call) => {
    const repo = requireRepo(call);
    const sha = call.params.commit_sha ?? "";
    const found = call.world.pulls.filter((pull) => pull.repo === repo && pull.headSha === sha);
    return call.page(found, (pull) => call.render.pullSimple(pull));
  },

  "pulls/list-reviews": (call) => {
    const pull = requirePull(call);
    const found = call.world.reviews.filter((each) => each.pull === pull);
    return call.page(found, (each) => call.render.review(each));
  },

  "pulls/create-review": createReview,

  "pulls/list-comments-for-review": (call) => {
    const pull = requirePull(call);
    const id = Number(call.params.review_id);
    const found = call.world.reviewComments.filter((each) => each.pull === pull && each.review.id === id);
    return call.page(found, (each) => call.render.reviewComment(each));
  },

  "pulls/list-review-comments": (call) => {
    const pull = requirePull(call);
    const found = call.world.reviewComments.filter((each) => each.pull === pull);
    return call.page(found, (each) => call.render.reviewComment(each));
  },

  "pulls/create-review-comment": createComment,

  "pulls/create-reply-for-review-comment": (call) => {
    requireInstalled(call);
    const to = requireComment(call);
    checkUnlocked(to.pull);
    const body = checkBody((call.body as { body: string }).body, "PullRequestReviewComment");
    return { status: 201, body: call.render.reviewComment(reply(call, to, writer(call), body)) };
  },

  "pulls/get-review-comment": (call) => ({ body: call.render.reviewComment(requireComment(call)) }),

  "pulls/update-review-comment": (call) => {
    const comment = requireOwn(call);
    comment.body = checkBody((call.body as { body: string }).body, "PullRequestReviewComment");
    comment.updatedAt = call.world.stamp();
    comment.edits++;
    return { body: call.render.reviewComment(comment) };
  },

  "pulls/delete-review-comment": (call) => {
    const comment = requireOwn(call);
    if (call.world.reviewComments.some((each) => each.inReplyTo === comment.id && each.user !== comment.user)) {
      call.complain(`comment ${comment.id} was deleted although somebody had answered`);
    }
    call.world.removeReviewComment(comment);
    return { status: 204 };
  },
};
