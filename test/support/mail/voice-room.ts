import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assemble } from "../../../src/mail/assemble.ts";
import type { AssembledSeries } from "../../../src/mail/assembled.ts";
import type { MailConfig } from "../../../src/mail/config.ts";
import { mailConfigSchema } from "../../../src/mail/config.ts";
import { parseFacts, readMail } from "../../../src/mail/facts.ts";
import { linkKeys } from "../../../src/mail/keys.ts";
import type { VoiceParts } from "../../../src/mail/voice.ts";
import { splitMbox } from "../../../src/patch/mbox.ts";
import type { ReviewResult } from "../../../src/report/result.ts";
import { storedFindings } from "../../../src/service/results.ts";
import type { Mailroom } from "../../../src/store/mailroom.ts";
import { openSqliteStores } from "../../../src/store/sqlite.ts";
import type { Store } from "../../../src/store/store.ts";
import { repositoryRoot } from "../repository.ts";

// A store with mails in it that were read, put together and reviewed, for tests of what is said of them.

export const LIST = "linux-test@example.org";

/** A configuration whose one list is answered, with `changes` at its top and of its list. */
export function voiceConfig(changes: Record<string, unknown> = {}, ofList: Record<string, unknown> = {}): MailConfig {
  return mailConfigSchema.parse({
    address: "objreview@bot.example",
    sources: [{ kind: "public-inbox", name: "test", at: "https://lore.example.org/linux-test/" }],
    trees: [{ name: "linux", at: "/srv/linux" }],
    lists: [{ address: LIST, trees: ["linux"], reply: "list", ...ofList }],
    ...changes,
  });
}

export interface VoiceRoom {
  readonly store: Store;
  readonly room: Mailroom;
  readonly clock: { now: number };
  readonly log: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[];
  parts(config: MailConfig, outlet?: VoiceParts["outlet"]): VoiceParts;
}

export async function openVoiceRoom(folder: string, now: number): Promise<VoiceRoom> {
  const clock = { now };
  const { store, mailroom } = await openSqliteStores(folder, { now: () => clock.now });
  const log: VoiceRoom["log"] = [];
  return {
    store,
    room: mailroom,
    clock,
    log,
    parts: (config, outlet) => ({
      store,
      room: mailroom,
      config,
      outlet,
      name: "speaker",
      log: (_level, message, fields = {}) => void log.push({ message, fields }),
      now: () => clock.now,
    }),
  };
}

/** The mails of a mailbox of the repository's examples as they came to the list. */
export function listMails(name: "series.mbox" | "clean.mbox" = "series.mbox"): Uint8Array[] {
  const bytes = readFileSync(join(repositoryRoot, "example", name));
  return splitMbox(bytes).map((mail) => {
    const text = new TextDecoder().decode(mail.bytes).replace(/^To: .*\n/m, "");
    return new TextEncoder().encode(text.replace(/^Subject: /m, `To: ${LIST}\nSubject: `));
  });
}

/** Delivers, reads, files and puts together, as the service does; all series of the cluster. */
export async function takeMails({ room }: VoiceRoom, mails: readonly Uint8Array[]): Promise<AssembledSeries[]> {
  const incoming = mails.map((raw) => {
    const id = /^message-id:\s*<([^>]+)>/im.exec(new TextDecoder().decode(raw))?.[1];
    if (id === undefined) throw new Error("a mail without Message-ID");
    return { messageId: id, raw };
  });
  await room.deliver("public-inbox:test", incoming);
  let cluster = 0;
  for (const { sequence, messageId } of await room.unfiled(1000)) {
    const facts = await readMail(messageId, (await room.raw(messageId))!);
    cluster = await room.file(sequence, JSON.stringify(facts), linkKeys(facts));
  }
  const stored = await room.cluster(cluster, 1000);
  const { series } = assemble(stored.map(({ facts, receivedAt }) => ({ facts: parseFacts(facts)!, receivedAt })));
  const orders = series.map((each) => ({
    identity: each.identity,
    state: each.state,
    reason: each.reason,
    details: JSON.stringify(each),
  }));
  await room.putSeries(cluster, orders);
  return [...series];
}

/** Orders and ends the review of a series; its id. `result`: undefined where it was given up for good. */
export async function reviewSeries(
  { store }: VoiceRoom,
  identity: string,
  result: ReviewResult | undefined,
  again = false,
): Promise<string> {
  const head = identity;
  const order = { kind: "review", target: `mail:${identity}`, head, base: "", request: "{}", again } as const;
  const id = `${identity} ${Math.random()}`;
  const { reviews } = await store.receive({ source: "test", id }, [order]);
  for (;;) {
    const claim = await store.claimReview("worker");
    if (claim === undefined) throw new Error("there is nothing to review");
    if (result === undefined) {
      if ((await store.giveUp(claim, "it broke")) !== "again") return reviews[0]!;
    } else {
      await store.finish(claim, JSON.stringify(result), storedFindings(result));
      return reviews[0]!;
    }
  }
}
