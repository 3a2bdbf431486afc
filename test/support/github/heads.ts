import { type DiffFile, followLine, hunkOf } from "./diff.ts";
import type { Pull, Repo, ReviewComment } from "./world.ts";

// What moves with a pull request's head: its refs, its test merge, and the comments on its lines.

/** Throws where there is no such branch. */
export function tipOf(repo: Repo, branch: string): string {
  const sha = repo.git.resolve(branch);
  if (sha === undefined) throw new Error(`${repo.name} has no branch ${branch}`);
  return sha;
}

export function moveHead(pull: Pull, sha: string): void {
  pull.headSha = sha;
  pull.headRepo.git.setRef(`refs/heads/${pull.headRef}`, sha);
  pull.repo.git.setRef(`refs/pull/${pull.number}/head`, sha);
  remerge(pull);
}

/** refs/pull/N/merge is not there where the two conflict. */
export function remerge(pull: Pull): void {
  pull.baseSha = tipOf(pull.repo, pull.baseRef);
  pull.mergeSha = pull.repo.git.testMerge(pull.baseSha, pull.headSha);
  pull.isMergeKnown = false;
  pull.repo.git.setRef(`refs/pull/${pull.number}/merge`, pull.mergeSha);
}

/** A comment goes with its line; it is outdated where the line was changed, or is no longer shown. */
export function followHead(comment: ReviewComment, head: string, shown: readonly DiffFile[]): void {
  const { side, path, originalLine, originalStartLine } = comment;
  if (comment.isFile || originalLine === undefined) return;
  const { git } = comment.pull.repo;
  const file = shown.find((each) => each.path === path);
  const changes = side === "LEFT" ? "" : git.plainDiff(comment.originalCommitId, head, path);
  const follow = (line: number): number | undefined => {
    const now = followLine(changes, line);
    return now !== undefined && file !== undefined && hunkOf(file, side, now) !== undefined ? now : undefined;
  };
  comment.line = follow(originalLine);
  comment.startLine = originalStartLine === undefined ? undefined : follow(originalStartLine);
  if (comment.line !== undefined) comment.commitId = head;
}
