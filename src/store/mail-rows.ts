import { z } from "zod";
import type { Note, StoredMail, StoredSeries } from "./mailroom.ts";
import { bounded, count, json, name } from "./rows.ts";

// The edge of the mailroom's tables, as rows.ts is that of the reviews'.

const text = z.string();

const mailRow = z.object({
  sequence: count,
  message_id: text,
  source: text,
  received_at: count,
  facts: text,
  cluster: count,
});

export const MAIL_COLUMNS = Object.keys(mailRow.shape).join(", ");

export function readStoredMail(row: unknown): StoredMail {
  const { message_id, received_at, ...rest } = mailRow.parse(row);
  return { ...rest, messageId: message_id, receivedAt: received_at };
}

export const clusterRow = z.object({ cluster: count, stamp: count });

const seriesRow = z.object({
  identity: text,
  cluster: count,
  state: text,
  reason: text,
  due_at: count.nullable(),
  details: text,
  first_seen_at: count,
  changed_at: count,
});

export const SERIES_COLUMNS = Object.keys(seriesRow.shape).join(", ");

export function readSeries(row: unknown): StoredSeries {
  const { due_at, first_seen_at, changed_at, ...rest } = seriesRow.parse(row);
  const due = due_at === null ? {} : { dueAt: due_at };
  return { ...rest, ...due, firstSeenAt: first_seen_at, changedAt: changed_at };
}

const noteRow = z.object({ kind: text, key: text, value: text, noted_at: count });

export function readNote(row: unknown): Note {
  const { noted_at, ...rest } = noteRow.parse(row);
  return { ...rest, at: noted_at };
}

export const bytesRow = z.object({ raw: z.instanceof(Uint8Array) });

const MAX_MAIL_BYTES = 64 << 20;
const time = z.int().min(0);

export const mailIn = z.object({
  messageId: name,
  raw: z.instanceof(Uint8Array).refine((bytes) => bytes.length <= MAX_MAIL_BYTES, "is too long"),
});
export const sourceIn = name;
export const cursorIn = bounded(1 << 20);
export const factsIn = json;
export const keysIn = z.array(z.string()).max(2000);

export const seriesIn = z.strictObject({
  identity: name,
  state: name,
  reason: bounded(10_000),
  dueAt: time.optional(),
  details: json,
});

export const noteIn = z.strictObject({ kind: name, key: name, value: bounded(1 << 20), at: time });
