import { z } from "zod";
import type { Post, Review, StoredFinding, Waiver } from "./store.ts";

// The edge: what comes out of a database is read by a schema, and so is what goes in. PostgreSQL gives 64-bit integers as text.

export const count = z.coerce.number().int();
const text = z.string();

const reviewRow = z.object({
  id: text,
  target: text,
  head: text,
  base: text,
  request: text,
  state: z.enum(["queued", "running", "finished", "failed", "superseded", "cancelled"]),
  phase: text,
  attempts: count,
  error: text,
  created_at: count,
  changed_at: count,
  told_at: count.nullable(),
});

export const REVIEW_COLUMNS = Object.keys(reviewRow.shape).join(", ");

export function readReview(row: unknown): Review {
  const { created_at, changed_at, told_at, ...rest } = reviewRow.parse(row);
  return { ...rest, createdAt: created_at, changedAt: changed_at, told: told_at !== null };
}

const findingRow = z.object({
  fingerprint: text,
  class: z.enum(["new", "worsened", "unchanged", "fixed"]),
  rule: text,
  severity: z.enum(["error", "warning", "note"]),
  function: text,
  file: text,
  line: count,
  message: text,
});

/** Quoted: "function" and "class" are words of SQL. */
export const FINDING_COLUMNS = Object.keys(findingRow.shape)
  .map((name) => `"${name}"`)
  .join(", ");

export function readFinding(row: unknown): StoredFinding {
  return findingRow.parse(row);
}

const postRow = z.object({
  identity: text,
  target: text,
  review: text.nullable(),
  kind: text,
  body: text,
  manner: z.enum(["again", "once"]),
  sequence: count,
  state: z.enum(["waiting", "sending", "sent", "failed", "unknown"]),
  attempts: count,
  remote: text,
  error: text,
});

export const POST_COLUMNS = Object.keys(postRow.shape).join(", ");

export function readPost(row: unknown): Post {
  const post = postRow.parse(row);
  return { ...post, review: post.review ?? "" };
}

const waiverRow = z.object({
  id: text,
  scope: text,
  fingerprint: text,
  reason: text,
  made_by: text,
  created_at: count,
  expires_at: count.nullable(),
});

export const WAIVER_COLUMNS = Object.keys(waiverRow.shape).join(", ");

export function readWaiver(row: unknown): Waiver {
  const { made_by, created_at, expires_at, ...rest } = waiverRow.parse(row);
  return { ...rest, by: made_by, createdAt: created_at, ...(expires_at === null ? {} : { expiresAt: expires_at }) };
}

// What goes in. Bounds keep one hostile sender from filling the disk; NUL is refused because PostgreSQL's text cannot hold it.

const MAX_JSON = 64 << 20;
export const bounded = (length: number) =>
  z
    .string()
    .max(length)
    .refine((value) => !value.includes("\0"), "holds a NUL");
export const name = bounded(1000).min(1);
export const json = bounded(MAX_JSON).refine((value) => {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}, "is no JSON");

export const deliveryIn = z.strictObject({ source: name, id: name });

export const postIn = z.strictObject({
  identity: name,
  target: name,
  kind: name,
  body: json,
  manner: z.enum(["again", "once"]),
});

export const orderIn = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("review"),
    target: name,
    head: name,
    base: bounded(1000),
    request: json,
    priority: z.int().min(0).max(100).optional(),
    again: z.boolean().optional(),
  }),
  z.strictObject({ kind: z.literal("cancel"), target: name }),
  z.strictObject({ kind: z.literal("post"), post: postIn }),
]);

export const findingIn = z.strictObject({
  ...findingRow.shape,
  fingerprint: name,
  rule: name,
  function: bounded(10_000),
  file: bounded(10_000),
  line: z.int().min(0),
  message: bounded(100_000),
});

export const resultIn = json;

export const waiverIn = z.strictObject({
  scope: name,
  fingerprint: name,
  reason: bounded(10_000),
  by: name,
  expiresAt: z.int().min(0).optional(),
});

/** Text that is only told to people: cut and cleaned, never refused. */
export function forPeople(value: string): string {
  return value.replaceAll("\0", "\u2400").slice(0, 10_000);
}
