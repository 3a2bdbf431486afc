// What the store keeps of a wanted review for us (ReviewOrder.request), and the names of targets.

import { z } from "zod";
import { FormatError } from "../base/errors.ts";

const sha = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/);
const name = z.string().regex(/^[\w.-]{1,100}$/);
const repository = { installation: z.int().min(1), owner: name, repo: name };

const pullRequest = z.strictObject({
  kind: z.literal("pull"),
  ...repository,
  number: z.int().min(1),
  /** /objreview recheck profile=... base=... */
  profile: z.string().max(80).optional(),
  base: z.string().max(200).optional(),
  /** Who let this head be built. It is of this order, which is of this head: another head has another order. */
  approvedBy: z.string().max(100).optional(),
});
const mergeGroup = z.strictObject({
  kind: z.literal("merge-group"),
  ...repository,
  headRef: z.string().max(500),
  baseSha: sha,
  baseRef: z.string().max(500),
});
const workRequest = z.discriminatedUnion("kind", [pullRequest, mergeGroup]);

export type PullWork = z.infer<typeof pullRequest>;
export type MergeGroupWork = z.infer<typeof mergeGroup>;
export type WorkRequest = z.infer<typeof workRequest>;

export interface Repository {
  readonly installation: number;
  readonly owner: string;
  readonly repo: string;
}

export function readWorkRequest(text: string): WorkRequest {
  const parsed = workRequest.safeParse(JSON.parse(text));
  if (!parsed.success) throw new FormatError("bad-value", "not a request of ours", { format: "work request" });
  return parsed.data;
}

export function pullTarget({ owner, repo }: Repository, number: number): string {
  return `github:${owner}/${repo}#${number}`;
}

export function mergeGroupTarget({ owner, repo }: Repository, headRef: string): string {
  return `github:${owner}/${repo}@${headRef}`;
}
