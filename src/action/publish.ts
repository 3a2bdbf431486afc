// The check and the comments of one review, posted by the same plan as the service's. Everything is looked up before it is made, so
// that a job that is run again repeats nothing.

import { CHECK_NAME, completedCheck } from "../github/check-run.ts";
import type { Links } from "../github/comment-text.ts";
import type { RepositoryConfig } from "../github/config.ts";
import { DiffPlaces } from "../github/diff-places.ts";
import type { CheckRunBody } from "../github/payloads.ts";
import { planPosts } from "../github/reconcile.ts";
import type { FileDiff } from "../patch/file-diff.ts";
import type { ReviewResult } from "../report/result.ts";
import type { Calls } from "./calls.ts";

export interface PublishInput {
  readonly calls: Calls;
  readonly number: number;
  readonly headSha: string;
  /** What a check of this run is found by again. */
  readonly externalId: string;
  readonly links: Links;
}

export interface PublishReview extends PublishInput {
  readonly result: ReviewResult;
  readonly config: RepositoryConfig;
  readonly diff: readonly FileDiff[];
}

export interface Published {
  /** Comments on lines that were posted now. */
  readonly comments: number;
  readonly edits: number;
  /** The head moved on meanwhile: the check is there, nothing was commented. */
  readonly superseded: boolean;
}

export async function publishReview(input: PublishReview): Promise<Published> {
  const { calls, number, headSha, result, config, links } = input;
  await publishCheck(input, (posted) =>
    completedCheck({ result, config, links, completedAt: new Date().toISOString(), posted }),
  );
  const now = await calls.pull(number);
  if (!now.isOpen || now.headSha !== headSha) return { comments: 0, edits: 0, superseded: true };
  const places = new DiffPlaces(input.diff);
  const plan = async (refused: ReadonlySet<string>) =>
    planPosts({
      ...{ result, headSha, places, config, links, refused },
      posted: await calls.posted(number),
      answersCommands: false,
    });
  const first = await plan(new Set());
  let rest = first;
  let comments = first.review?.comments.length ?? 0;
  if (first.review !== undefined && !(await calls.createReview(number, first.review))) {
    // One line that GitHub does not take refuses the whole review; which one it does not say.
    const refused = new Set<string>();
    for (const [n, comment] of first.review.comments.entries()) {
      if (await calls.createComment(number, headSha, comment)) continue;
      refused.add(first.reviewKeys[n] as string);
    }
    comments -= refused.size;
    rest = await plan(refused);
  }
  for (const { kind, id, body } of rest.edits) await calls.editComment(kind, id, body);
  for (const { kind, id } of rest.removals) await calls.removeComment(kind, id);
  if (rest.newSummary !== undefined) await calls.createConversation(number, rest.newSummary);
  return { comments, edits: rest.edits.length, superseded: false };
}

/** A check that says in one line why there is no review. `summary`: Markdown made here. */
export async function publishNotice(input: PublishInput, title: string, summary: string): Promise<void> {
  await publishCheck(input, () => [
    {
      status: "completed",
      conclusion: "neutral",
      completed_at: new Date().toISOString(),
      output: { title, summary },
    },
  ]);
}

/** @param make the requests of the run, given how many annotations it has by now */
async function publishCheck(
  { calls, headSha, externalId, links }: PublishInput,
  make: (posted: number) => readonly CheckRunBody[],
): Promise<void> {
  const known = await calls.findCheck(headSha, CHECK_NAME, externalId);
  let id = known?.id;
  for (const { actions: _, ...body } of make(known?.annotations ?? 0)) {
    // No button: a click asks an app, and here is none that listens.
    if (id !== undefined) await calls.updateCheck(id, body);
    else {
      const details = links.review === undefined ? {} : { details_url: links.review };
      id = await calls.createCheck({
        name: CHECK_NAME,
        head_sha: headSha,
        external_id: externalId,
        ...details,
        ...body,
      });
    }
  }
}
