// What the worker hands to the speaker: the result of a review with what is needed to place it, or why there was none. It is the store's `result`.

import { z } from "zod";
import { FormatError } from "../base/errors.ts";
import { repositoryConfigSchema } from "../github/config.ts";
import { reviewResultSchema } from "../report/result.ts";

const configError = z.strictObject({ line: z.int(), key: z.string(), message: z.string() });

/** Why a head is not reviewed. The first four say nothing on the pull request. */
const gate = z.discriminatedUnion("why", [
  z.strictObject({ why: z.literal("disabled") }),
  z.strictObject({ why: z.literal("draft") }),
  z.strictObject({ why: z.literal("closed") }),
  /** Another head or base by now, which has an order of its own. */
  z.strictObject({ why: z.literal("moved") }),
  z.strictObject({ why: z.literal("paths") }),
  z.strictObject({ why: z.literal("config"), errors: z.array(configError) }),
  z.strictObject({ why: z.literal("approval") }),
]);
export type Gate = z.infer<typeof gate>;

const outcome = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("gate"), gate }),
  z.strictObject({
    kind: z.literal("review"),
    config: repositoryConfigSchema,
    /** Unified diff of merge base to head, three lines of context: comments stand on its lines. "" where it is too long. */
    diff: z.string(),
    result: reviewResultSchema,
  }),
]);
export type Outcome = z.infer<typeof outcome>;

export function writeOutcome(value: Outcome): string {
  return JSON.stringify(value);
}

export function readOutcome(text: string): Outcome {
  const parsed = outcome.safeParse(JSON.parse(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
    throw new FormatError("bad-value", where, { format: "outcome" });
  }
  return parsed.data;
}
