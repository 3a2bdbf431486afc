// Notes in the mailroom that the voice reads and writes, and how their keys are made. Addresses are in small letters.

import { z } from "zod";
import type { Mailroom } from "../store/mailroom.ts";

/** Somebody who wants no more mail: key by optOutKey, value for people (who said so, when, where). */
export const OPT_OUT = "opt-out";

/**
 * "author": no mail to that address, nor about its series, but for answers to what it asks; "list": nothing about what comes to that list; "series": by
 * identity, all its later versions too.
 */
export function optOutKey(what: "author" | "list" | "series", name: string): string {
  return `${what} ${name.toLowerCase()}`;
}

/** A mail that was put into the outbox, for the limits: one note for the author and one for each list. */
export const TOLD = "mail-told";

export function toldPrefix(what: "author" | "list", name: string): string {
  return `${what} ${name.toLowerCase()} `;
}

/** Why nothing was said of a review: key "<identity> <review>", value by silenceSchema. What is said later takes it away. */
export const SILENT = "mail-silent";

export const silenceSchema = z.object({
  reason: z.string(),
  /** Milliseconds since 1970: it is looked at again then. */
  again: z.number().optional(),
});
export type Silence = z.infer<typeof silenceSchema>;

export function silenceKey(identity: string, review: string): string {
  return `${identity} ${review}`;
}

/**
 * Somebody asked for a verdict (#objreview recheck): the review that ends next is told to them, whatever it says. Key "<identity of the series> <Message-ID of
 * what they wrote>".
 */
export const ASKED = "mail-asked";

const mailSchema = z.object({ messageId: z.string(), subject: z.string(), references: z.array(z.string()) });
const askedSchema = z.object({
  by: z.object({ name: z.string().optional(), address: z.string() }),
  mail: mailSchema,
  /** The command as it was written. */
  line: z.string(),
});
/** A mail that is answered. Message-IDs without angle brackets; `references` as in its References header, oldest first. */
export type RepliedMail = z.infer<typeof mailSchema>;
export type Asked = z.infer<typeof askedSchema> & {
  /** Milliseconds since 1970. */
  readonly at: number;
};

/** False: it is noted already. To be noted before the review is ordered. */
export function noteAsked(room: Pick<Mailroom, "note">, identity: string, { at, ...asked }: Asked): Promise<boolean> {
  return room.note({ kind: ASKED, key: `${identity} ${asked.mail.messageId}`, value: JSON.stringify(asked), at });
}

export async function readAsked(room: Pick<Mailroom, "notes">, identity: string): Promise<Asked[]> {
  const notes = await room.notes(ASKED, `${identity} `);
  return notes.map(({ value, at }) => ({ ...askedSchema.parse(JSON.parse(value)), at }));
}
