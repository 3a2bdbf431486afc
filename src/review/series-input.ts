import { FormatError, UsageError } from "../base/errors.ts";
import type { Tree } from "../kernel/tree.ts";
import { readSeries, type Series } from "../patch/series.ts";
import { type ReviewInput, ReviewStop } from "./request.ts";

/** Reads the series that a review is about. A mailbox that holds none, or not all of one, ends the review with its own verdict. */
export async function readInput(input: ReviewInput, tree: Tree): Promise<Series> {
  const files = input.kind === "files" ? input.files : [await rangeAsMail(input, tree)];
  if (files.length === 0) throw new UsageError("no patch was given");
  let result: Awaited<ReturnType<typeof readSeries>>;
  try {
    result = await readSeries(files);
  } catch (error) {
    if (!(error instanceof FormatError) || files.length !== 1) throw error;
    throw new FormatError(error.code, error.message, { format: (files[0] as { name: string }).name });
  }
  if (result.state === "not-a-patch") throw new ReviewStop("incomplete", result.reason);
  if (result.state === "incomplete") {
    throw new ReviewStop("incomplete", result.reason, {
      series: describeSeries(result.series),
      patches: describePatches(result.series),
    });
  }
  return result.series;
}

async function rangeAsMail(input: Extract<ReviewInput, { kind: "range" }>, tree: Tree) {
  const from = await tree.resolve(input.from);
  const to = await tree.resolve(input.to);
  const commits = await tree.commitsBetween(from.commit, to.commit);
  if (commits.length === 0) throw new UsageError(`${input.from}..${input.to} holds no commit`);
  return { name: `${input.from}..${input.to}`, bytes: await tree.formatPatches(from.commit, to.commit) };
}

export function describeSeries(series: Series) {
  const { author } = series;
  return {
    title: series.title,
    version: Math.max(1, series.version),
    ...(series.messageId === undefined ? {} : { messageId: series.messageId }),
    author:
      author === undefined ? "unknown" : author.name === "" ? author.address : `${author.name} <${author.address}>`,
  };
}

export function describePatches(series: Series) {
  return series.patches.map((patch) => ({
    number: patch.number,
    subject: patch.title,
    author: patch.author === undefined ? "unknown" : `${patch.author.name} <${patch.author.address}>`.trim(),
    ...(patch.messageId === undefined ? {} : { messageId: patch.messageId }),
    state: "not-tried" as "applied" | "already-upstream" | "conflict" | "not-tried",
    files: [...new Set(patch.files.map((file) => file.path))],
    newFindings: 0,
    repairedFindings: 0,
  }));
}
