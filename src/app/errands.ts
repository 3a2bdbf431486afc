// What the speaker is asked to look into: the bodies of its posts that came with a delivery.

import { z } from "zod";
import { FormatError } from "../base/errors.ts";

const repository = { installation: z.int(), owner: z.string(), repo: z.string() };
const sender = z.object({ login: z.string(), type: z.string() });

const commandErrand = z.strictObject({
  ...repository,
  number: z.int(),
  comment: z.int(),
  author: z.string(),
  sender,
  /** ISO 8601, GitHub's clock. */
  createdAt: z.string(),
  text: z.string(),
});
/** A button of a check run, or its "re-run". */
const checkErrand = z.strictObject({
  ...repository,
  sender,
  head: z.string(),
  /** Our external_id. */
  review: z.string(),
  wanted: z.enum(["recheck", "approve"]),
});
const suiteErrand = z.strictObject({ ...repository, sender, head: z.string() });
const catchUpErrand = z.strictObject({ installation: z.int() });

export type CommandErrand = z.infer<typeof commandErrand>;
export type CheckErrand = z.infer<typeof checkErrand>;
export type SuiteErrand = z.infer<typeof suiteErrand>;
export type CatchUpErrand = z.infer<typeof catchUpErrand>;

export const errands = {
  command: commandErrand,
  check: checkErrand,
  suite: suiteErrand,
  "catch-up": catchUpErrand,
} as const;

export function readErrand<T>(schema: z.ZodType<T>, body: string): T {
  const parsed = schema.safeParse(JSON.parse(body));
  if (!parsed.success) throw new FormatError("bad-value", "not a post of ours", { format: "errand" });
  return parsed.data;
}
