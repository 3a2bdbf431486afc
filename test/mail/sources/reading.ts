import assert from "node:assert/strict";
import type { MailSource } from "../../../src/mail/source.ts";
import { MAX_MAIL_BYTES } from "../../../src/mail/sources/gather.ts";

// What a service does with a source, without a store: reads, keeps the cursor, comes again.

export interface Heard {
  /** Message-IDs in the order of arrival. */
  readonly ids: string[];
  readonly raws: Uint8Array[];
  readonly skipped: string[];
  readonly cursor: string | undefined;
  readonly batches: number;
}

/** One reading to the end, or until `stopAfter` batches, as a process that is killed there. */
export async function readAll(
  source: MailSource,
  cursor?: string,
  stopAfter = Number.POSITIVE_INFINITY,
): Promise<Heard> {
  const ids: string[] = [];
  const raws: Uint8Array[] = [];
  const skipped: string[] = [];
  let batches = 0;
  let last = cursor;
  if (stopAfter > 0) {
    for await (const batch of source.read(cursor, new AbortController().signal, (what) => skipped.push(what))) {
      assert.ok(batch.mails.length <= 1000, `${batch.mails.length} mails in a batch`);
      const bytes = batch.mails.reduce((sum, mail) => sum + mail.raw.length, 0);
      assert.ok(bytes <= 2 * MAX_MAIL_BYTES, `${bytes} bytes in a batch`);
      for (const mail of batch.mails) {
        ids.push(mail.messageId);
        raws.push(mail.raw);
      }
      last = batch.cursor ?? last;
      assert.ok((last ?? "").length < 10_000, "the cursor grows");
      if (++batches >= stopAfter) break;
    }
  }
  return { ids, raws, skipped, cursor: last, batches };
}

export interface MailOptions {
  readonly date?: Date;
  readonly body?: string;
  readonly id?: string;
}

/** The same for all mails of a test run, so that one that is made again is the same. */
const TODAY = new Date();

/** A mail of a list, LF. */
export function mail(name: string | number, options: MailOptions = {}): string {
  const { date = TODAY, body = `This is mail ${name}.\n`, id = `<${name}@example.org>` } = options;
  const lines = [
    `From: A Developer <dev@example.org>`,
    "To: linux-test@lists.example.org",
    `Subject: [PATCH] subsystem: change ${name}`,
    ...(id === "" ? [] : [`Message-ID: ${id}`]),
    `Date: ${date.toUTCString().replace("GMT", "+0000")}`,
  ];
  return `${lines.join("\n")}\n\n${body}`;
}

export const idOf = (name: string | number): string => `${name}@example.org`;

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Waits until it holds, at most so long. */
export async function until(holds: () => boolean, millis: number, what: string): Promise<void> {
  const end = performance.now() + millis;
  while (!holds()) {
    assert.ok(performance.now() < end, `${what}: not within ${millis} ms`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
