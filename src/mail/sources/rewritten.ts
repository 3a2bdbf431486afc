// Where to go on in an epoch. Its history is a line that grows, until something is purged or edited: then every commit from there on is another one
// (public-inbox-purge(1), public-inbox-edit(1)), while the mails' blobs stay what they are.

import { type FilledEpoch, type From, listCommits, mailBlobs } from "./commits.ts";

/** How far an epoch was read. */
export interface Reached {
  /** "": the epoch was there, with nothing in it. */
  readonly commit: string;
  /** Blob of the last mail that was read; "" where none was. */
  readonly mail: string;
  /** Seconds since 1970, our clock: when that was. */
  readonly at: number;
}

/** Where nothing at all is known again: at least so long before the last time, by the commits' own dates. */
const SLACK_SECONDS = 7 * 24 * 3600;

/** Behind the newest commit that is known to have been read. A rewritten epoch is named to `skipped`, since mails may come twice then. */
export async function restartPoint(
  version: 1 | 2,
  epoch: FilledEpoch,
  reached: Reached,
  sinceSeconds: number,
  skipped: (what: string) => void,
): Promise<From> {
  if (reached.commit === "") return {};
  const { git, head } = epoch;
  if ((await git.run(["merge-base", "--is-ancestor", reached.commit, head])).exitCode === 0) {
    return { after: reached.commit };
  }
  skipped(`epoch ${epoch.number}: its history was rewritten; it is read again from the newest mail that is known`);
  if (version === 2 && reached.mail !== "") {
    for await (const commits of listCommits(git, head, {})) {
      const blobs = await mailBlobs(git, commits);
      const index = blobs.findIndex((blob) => blob?.id === reached.mail);
      if (index >= 0) return { after: commits[index] };
    }
  }
  // The old history is there still, unless git has tidied up.
  const common = await git.run(["merge-base", reached.commit, head]);
  if (common.exitCode === 0) return { after: common.stdout.trim() };
  return { since: reached.at - Math.max(SLACK_SECONDS, sinceSeconds) };
}
