// A patch in a reply ("try this instead") is a reply, until somebody who may asks for its review: then it is a series of its own.

import type { Mailroom } from "../store/mailroom.ts";
import { readDetails } from "./addressed.ts";
import { parseFacts } from "./facts.ts";

/** Key Message-ID of the reply, value who asked. It is never forgotten: without it there would be no series. */
const INLINE = "inline-patch";

type Room = Pick<Mailroom, "mail" | "series" | "file" | "note">;

/** The first of the mails that is a reply with a readable diff in it, and in no series. */
export async function findInline(room: Room, ids: readonly (string | undefined)[]): Promise<string | undefined> {
  for (const id of ids) {
    const mail = id === undefined ? undefined : await room.mail(id);
    const facts = parseFacts(mail?.facts ?? "");
    if (mail === undefined || facts?.diff === undefined || facts.automatic !== undefined) continue;
    const series = await room.series(mail.cluster);
    if (!series.some((row) => readDetails(row).mails.includes(mail.messageId))) return mail.messageId;
  }
  return undefined;
}

/** From now on it is one; its cluster is planned anew. */
export async function askForInline(room: Room, messageId: string, by: string, at: number): Promise<void> {
  await room.note({ kind: INLINE, key: messageId, value: by, at });
  const mail = await room.mail(messageId);
  // Filed again it changes nothing but the cluster's stamp.
  if (mail !== undefined) await room.file(mail.sequence, mail.facts, []);
}

export async function readInline(room: Pick<Mailroom, "notes">): Promise<ReadonlySet<string>> {
  return new Set((await room.notes(INLINE)).map(({ key }) => key));
}
