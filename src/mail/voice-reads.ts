// What the voice has said or decided so far, out of the store.

import type { Mailroom } from "../store/mailroom.ts";
import type { Post } from "../store/store.ts";
import { replyIdentity } from "./reply-post.ts";
import { SILENT, type Silence, silenceKey, silenceSchema } from "./voice-notes.ts";

/** Why nothing was said of a review; undefined where something was, or nobody has decided. */
export async function silenceOf(
  room: Pick<Mailroom, "notes">,
  identity: string,
  review: string,
): Promise<Silence | undefined> {
  const key = silenceKey(identity, review);
  const note = (await room.notes(SILENT, key)).find((each) => each.key === key);
  return note === undefined ? undefined : silenceSchema.parse(JSON.parse(note.value));
}

/** It is the mail about that version of a series, and people have it, or may have it. */
export function wentOut({ identity, state }: Pick<Post, "identity" | "state">, series: string): boolean {
  return identity === replyIdentity(series) && (state === "sent" || state === "unknown");
}
