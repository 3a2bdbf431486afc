// Patches that a series says it needs, among the mails that are here.

import { z } from "zod";
import type { Prerequisite } from "../patch/message.ts";
import type { Mailroom, Note } from "../store/mailroom.ts";
import type { MailFacts } from "./facts.ts";
import { changeKey } from "./keys.ts";

const detailsSchema = z.object({
  version: z.int(),
  changeId: z.string().optional(),
  mails: z.array(z.string()),
  patches: z.array(z.object({ number: z.int(), messageId: z.string() })),
});

/** Message-IDs of the patches of the series that is meant, in order; undefined: they are not here. A patch-id names one patch. */
export async function findPrerequisite(
  room: Pick<Mailroom, "mail" | "series" | "clusterOfKey" | "notes">,
  { kind, value }: Prerequisite,
): Promise<readonly string[] | undefined> {
  if (kind === "message-id") {
    const cluster = (await room.mail(value))?.cluster;
    if (cluster === undefined || cluster === 0) return undefined;
    const found = (await detailsOf(room, cluster)).find(({ mails }) => mails.includes(value));
    return found?.patches.map(({ messageId }) => messageId);
  }
  if (kind === "change-id") {
    const { id, version } = /^(?<id>.+?)(?::v(?<version>\d{1,4}))?$/.exec(value)?.groups ?? {};
    const cluster = id === undefined ? undefined : await room.clusterOfKey(changeKey(id));
    if (cluster === undefined) return undefined;
    const versions = (await detailsOf(room, cluster)).filter(({ changeId }) => changeId === id);
    const found =
      version === undefined
        ? versions.sort((a, b) => b.version - a.version)[0]
        : versions.find((each) => each.version === Number(version));
    return found?.patches.map(({ messageId }) => messageId);
  }
  if (kind === "patch-id") {
    const note = (await room.notes(PATCH_ID, value)).find(({ key }) => key === value);
    return note === undefined ? undefined : [note.value];
  }
  return undefined;
}

/** Key patch-id, value the Message-ID of the first patch that had it. */
const PATCH_ID = "patch-id";

/** To be kept with what reading a patch gave. */
export function patchNote({ messageId, diff, subject }: MailFacts, at: number): Note | undefined {
  if (diff?.patchId === undefined || !subject.isPatch || subject.isReply) return undefined;
  return { kind: PATCH_ID, key: diff.patchId, value: messageId, at };
}

async function detailsOf(room: Pick<Mailroom, "series">, cluster: number) {
  const series = await room.series(cluster);
  return series.map(({ details }) => detailsSchema.parse(JSON.parse(details)));
}
