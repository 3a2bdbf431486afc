// The mails of one epoch in the order in which they came, a bounded number at a time.

import { setTimeout as sleep } from "node:timers/promises";
import { ToolError } from "../../base/errors.ts";
import type { Git } from "../../kernel/git.ts";
import type { IncomingMail } from "../../store/mailroom.ts";
import type { Epoch } from "./archive.ts";
import { BATCH_BYTES, BATCH_MAILS, MAX_MAIL_BYTES, tooBig } from "./gather.ts";
import { messageIdOf } from "./message-id.ts";

/** Which commits: those behind `after`, and of those the ones that are no older than `since` (seconds since 1970). Neither: all. */
export interface From {
  readonly after?: string | undefined;
  readonly since?: number | undefined;
}

export interface Step {
  readonly mails: readonly IncomingMail[];
  /** All up to this commit has been given. */
  readonly commit: string;
  /** Blob of the last mail so far. */
  readonly lastMail: string | undefined;
}

export type FilledEpoch = Epoch & { readonly head: string };

/** A mail in a commit. */
interface Found {
  readonly commit: string;
  readonly blob: string;
  readonly size: number;
}

/** Commits whose blobs are looked up at once. */
const COMMITS_AT_ONCE = 1000;
/** A gigabyte has fewer mails than there are object names in so much. */
const MAX_LIST_BYTES = 512 * 1024 * 1024;
const MAX_LOOKUP_BYTES = 64 * 1024 * 1024;
const RETRY_MILLIS = 500;

/** In batches; the last step's commit is the epoch's head, even where nothing was to be read. */
export async function* readCommits(
  version: 1 | 2,
  epoch: FilledEpoch,
  from: From,
  signal: AbortSignal,
  skipped: (what: string) => void,
): AsyncGenerator<Step> {
  const { git, head } = epoch;
  const skip = (commit: string, what: string): void =>
    skipped(`epoch ${epoch.number}, commit ${commit.slice(0, 12)}: ${what}`);
  let lastMail: string | undefined;
  let reached: string | undefined;
  for await (const commits of listCommits(git, head, from, ["--reverse"])) {
    const found = version === 2 ? await findMails(git, commits, skip) : await findFiles(git, commits, skip);
    let group: Found[] = [];
    let bytes = 0;
    for (const [index, each] of found.entries()) {
      if (signal.aborted) return;
      if (each.size > MAX_MAIL_BYTES) skip(each.commit, tooBig(each.size));
      // An empty blob stands for a mail that was purged.
      else if (each.size > 0) {
        group.push(each);
        bytes += each.size;
      }
      lastMail = each.blob;
      const isCommitsLast = found[index + 1]?.commit !== each.commit;
      if (isCommitsLast && (group.length >= BATCH_MAILS || bytes >= BATCH_BYTES)) {
        reached = each.commit;
        yield { mails: await readMails(git, group, skip), commit: reached, lastMail };
        group = [];
        bytes = 0;
      }
    }
    const last = commits.at(-1) as string;
    if (reached === last) continue;
    reached = last;
    yield { mails: await readMails(git, group, skip), commit: reached, lastMail };
  }
  if (reached !== head && !signal.aborted) yield { mails: [], commit: head, lastMail };
}

/** Commits of the one line of history that an epoch is, a bounded number at a time. */
export async function* listCommits(
  git: Git,
  head: string,
  from: From,
  options: readonly string[] = [],
): AsyncGenerator<string[]> {
  const listed = await git.runOk(
    [
      "rev-list",
      "--first-parent",
      ...options,
      ...(from.since === undefined ? [] : [`--since-as-filter=${from.since}`]),
      head,
      ...(from.after === undefined ? [] : [`^${from.after}`]),
    ],
    { maxOutputBytes: MAX_LIST_BYTES },
  );
  const bytes = Buffer.from(listed.stdoutBytes.buffer, listed.stdoutBytes.byteOffset, listed.stdoutBytes.byteLength);
  const line = head.length + 1;
  for (let at = 0; at < bytes.length; at += COMMITS_AT_ONCE * line) {
    yield bytes
      .toString("latin1", at, at + COMMITS_AT_ONCE * line)
      .trimEnd()
      .split("\n");
  }
}

/** The blob "m" of each commit; undefined where it has none, or git cannot say. */
export async function mailBlobs(git: Git, commits: readonly string[]): Promise<(ObjectLine | undefined)[]> {
  return lookUp(
    git,
    commits.map((commit) => `${commit}:m`),
  );
}

async function findMails(
  git: Git,
  commits: readonly string[],
  skip: (commit: string, what: string) => void,
): Promise<Found[]> {
  const objects = await mailBlobs(git, commits);
  const without = commits.filter((_, index) => objects[index] === undefined);
  // "d" is a mail that was there before and is to be forgotten.
  const deletions = await lookUp(
    git,
    without.map((commit) => `${commit}:d`),
  );
  without.forEach((commit, index) => {
    if (deletions[index] === undefined) skip(commit, "no mail in it that can be read");
  });
  return commits.flatMap((commit, index) => {
    const object = objects[index];
    if (object === undefined) return [];
    if (object.type === "blob") return [{ commit, blob: object.id, size: object.size }];
    skip(commit, `its mail is a ${object.type}`);
    return [];
  });
}

/** Version 1: a file per mail, named after its Message-ID's hash. */
async function findFiles(
  git: Git,
  commits: readonly string[],
  skip: (commit: string, what: string) => void,
): Promise<Found[]> {
  const changes = await oneByOneWhereItFails(commits, async (some) => {
    const options = ["-r", "--root", "--no-renames", "--no-abbrev", "--diff-filter=AM"];
    const output = await git.runOk(["diff-tree", "--stdin", ...options], {
      input: `${some.join("\n")}\n`,
      maxOutputBytes: MAX_LOOKUP_BYTES,
    });
    const blobs = new Map<string, string[]>(some.map((commit) => [commit, []]));
    let current: string[] | undefined;
    for (const line of output.stdout.split("\n")) {
      const file = /^:\d+ 100644 [0-9a-f]+ ([0-9a-f]+) [AM]\t[0-9a-f]{2}\/[0-9a-f]{38}$/.exec(line);
      if (file !== null) current?.push(file[1] as string);
      else current = blobs.get(line) ?? current;
    }
    return some.map((commit) => blobs.get(commit) as string[]);
  });
  const names: { commit: string; blob: string }[] = [];
  commits.forEach((commit, index) => {
    const blobs = changes[index];
    if (blobs === undefined) skip(commit, "cannot be read");
    for (const blob of blobs ?? []) names.push({ commit, blob });
  });
  const objects = await lookUp(
    git,
    names.map((each) => each.blob),
  );
  return names.flatMap(({ commit, blob }, index) => {
    const object = objects[index];
    if (object?.type === "blob") return [{ commit, blob, size: object.size }];
    skip(commit, `its mail ${blob.slice(0, 12)} cannot be read`);
    return [];
  });
}

interface ObjectLine {
  readonly id: string;
  readonly type: string;
  readonly size: number;
}

/** git-cat-file(1), --batch-check, for names without white space. */
function lookUp(git: Git, names: readonly string[]): Promise<(ObjectLine | undefined)[]> {
  return oneByOneWhereItFails(names, async (some) => {
    const output = await git.runOk(["cat-file", "--batch-check"], {
      input: `${some.join("\n")}\n`,
      maxOutputBytes: MAX_LOOKUP_BYTES,
    });
    const lines = output.stdout.split("\n");
    return some.map((_, index) => {
      const match = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(lines[index] ?? "");
      if (match === null) return undefined;
      return { id: match[1] as string, type: match[2] as string, size: Number(match[3]) };
    });
  });
}

async function readMails(
  git: Git,
  found: readonly Found[],
  skip: (commit: string, what: string) => void,
): Promise<IncomingMail[]> {
  const bodies = await oneByOneWhereItFails(found, (some) => readBlobs(git, some));
  return found.flatMap((each, index) => {
    const raw = bodies[index];
    if (raw !== undefined) return [{ messageId: messageIdOf(raw), raw }];
    skip(each.commit, `its mail ${each.blob.slice(0, 12)} cannot be read`);
    return [];
  });
}

/** git-cat-file(1), --batch: a line with name, type and size, the bytes, a line end. */
async function readBlobs(git: Git, found: readonly Found[]): Promise<(Uint8Array | undefined)[]> {
  const expected = found.reduce((sum, each) => sum + each.size + 200, 1024 * 1024);
  const { stdoutBytes } = await git.runOk(["cat-file", "--batch"], {
    input: `${found.map((each) => each.blob).join("\n")}\n`,
    maxOutputBytes: expected,
  });
  const bytes = Buffer.from(stdoutBytes.buffer, stdoutBytes.byteOffset, stdoutBytes.byteLength);
  let at = 0;
  return found.map(() => {
    const lf = bytes.indexOf(10, at);
    if (lf < 0) return undefined;
    const match = /^[0-9a-f]{40,64} blob (\d+)$/.exec(bytes.toString("latin1", at, lf));
    at = lf + 1;
    if (match === null) return undefined;
    const raw = bytes.subarray(at, at + Number(match[1]));
    at += raw.length + 1;
    return raw;
  });
}

/**
 * What `run` gives for all inputs at once. Where git fails over them (a damaged object ends it), each half is tried by itself, so that only what is damaged is
 * undefined. One that fails alone is tried once more: a repository that is being repacked loses nothing.
 */
async function oneByOneWhereItFails<In, Out>(
  inputs: readonly In[],
  run: (inputs: readonly In[]) => Promise<(Out | undefined)[]>,
): Promise<(Out | undefined)[]> {
  if (inputs.length === 0) return [];
  try {
    return await run(inputs);
  } catch (error) {
    if (!(error instanceof ToolError) || !["failed", "killed", "output-too-big"].includes(error.code)) throw error;
    if (inputs.length === 1) {
      await sleep(RETRY_MILLIS);
      return run(inputs).catch(() => [undefined]);
    }
    const middle = inputs.length >> 1;
    const first = await oneByOneWhereItFails(inputs.slice(0, middle), run);
    return [...first, ...(await oneByOneWhereItFails(inputs.slice(middle), run))];
  }
}
