// A mail service with everything of its own but the review, the way out and the clock: what is sent is collected.

import { randomUUID } from "node:crypto";
import { type MailConfig, mailConfigSchema } from "../../src/mail/config.ts";
import type { MailBody } from "../../src/mail/mail-body.ts";
import { MailService } from "../../src/mail/service.ts";
import type { ReviewResult } from "../../src/report/result.ts";
import type { Mailroom } from "../../src/store/mailroom.ts";
import { openSqliteStores } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { exampleResult } from "../report/fixtures.ts";
import { temporaryFolder } from "../support/mail/daemon.ts";
import { dkimKey, dkimSigned, keyResolver } from "../support/mail/signed.ts";

export const LIST = "linux-test@example.net";
export const BOT = "bot@objreview.example.net";
export const AUTHOR = "dev@example.org";
export const MAINTAINER = "boss@kernel.example";
export const STRANGER = "eve@elsewhere.example";
export const START = Date.parse("2026-11-02T12:00:00Z");

const keys = [
  dkimKey("example.org"),
  dkimKey("kernel.example"),
  dkimKey("elsewhere.example"),
  dkimKey("robot.example"),
];

export interface Scene {
  readonly store: Store;
  readonly room: Mailroom;
  /** Everything that was sent, in order. */
  readonly sent: MailBody[];
  /** What was logged. */
  readonly logged: string[];
  now: number;
  /** What the review says; what was ordered. */
  result: ReviewResult;
  reviews: number;
  resolver: ReturnType<typeof keyResolver>;
  deliver(raw: string | Uint8Array): Promise<string>;
  /** Does what is to be done. */
  run(): Promise<void>;
  close(): Promise<void>;
}

export async function openScene(changes: Record<string, unknown> = {}): Promise<Scene> {
  const folder = temporaryFolder("commands");
  const config: MailConfig = mailConfigSchema.parse({
    address: BOT,
    domain: "objreview.example.net",
    sources: [{ kind: "stdin" }],
    trees: [{ name: "linux", at: "/nowhere", profiles: ["x86_64-gcc"] }],
    lists: [{ address: LIST, trees: ["linux"], reply: "author" }],
    commands: { maintainers: [MAINTAINER] },
    "settle-seconds": 0,
    ...changes,
  });
  const logged: string[] = [];
  const sent: MailBody[] = [];
  const clock = { now: START };
  const now = () => clock.now;
  const { store, mailroom: room } = await openSqliteStores(folder.path, { now });
  const open = () =>
    new MailService({
      config,
      store,
      room,
      sources: [],
      settings: {} as never,
      scratch: folder.path,
      log: (level, message, fields) => logged.push(JSON.stringify({ level, message, ...fields })),
      now,
      resolver: (name, type) => scene.resolver(name, type),
      outlet: {
        send: async (mail) => {
          sent.push(mail);
          return { end: "sent", remote: "250 ok" };
        },
      },
      prepare: async () => ({
        kind: "ready",
        tree: config.trees[0]!,
        base: "0".repeat(40),
        baseName: "v6.12",
        baseCommit: "0".repeat(40),
        chosenBy: "test",
        notes: [],
        prerequisites: [],
        series: { mbox: "/nowhere" },
      }),
      review: async () => {
        scene.reviews++;
        return scene.result;
      },
    });
  const scene: Scene = {
    store,
    room,
    sent,
    logged,
    get now() {
      return clock.now;
    },
    set now(value) {
      clock.now = value;
    },
    result: exampleResult(),
    reviews: 0,
    resolver: keyResolver(...keys),
    async deliver(raw) {
      const bytes = typeof raw === "string" ? Buffer.from(raw) : raw;
      const messageId = /^message-id: *<([^>]+)>/im.exec(Buffer.from(bytes).toString("latin1"))?.[1] ?? randomUUID();
      await room.deliver("test", [{ messageId, raw: bytes }]);
      return messageId;
    },
    // Each time a new one: what it must remember is in the store.
    run: async () => {
      await open().once(new AbortController().signal, false);
    },
    async close() {
      await store.close();
      folder.remove();
    },
  };
  return scene;
}

const DIFF = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-int a;\n+int b;\n";

export interface SeriesText {
  readonly name?: string;
  readonly from?: string;
  readonly version?: number;
}

/** Message-ID of a patch of it, without brackets. */
export function patchId(number: number, { name = "exit", version = 1 }: SeriesText = {}): string {
  return `20261102-${name}-v${version}-${number}@example.org`;
}

/** A cover letter and two patches. */
export function seriesMails(scene: Scene, text: SeriesText = {}): string[] {
  const { from = `A Developer <${AUTHOR}>`, version = 1, name = "exit" } = text;
  return [0, 1, 2].map((number) => {
    const lines = [
      `From: ${from}`,
      `To: ${LIST}`,
      `Subject: [PATCH${version === 1 ? "" : ` v${version}`} ${number}/2] ${name}: part ${number}`,
      `Date: ${new Date(scene.now).toUTCString()}`,
      `Message-ID: <${patchId(number, text)}>`,
      ...(number === 0 ? [] : [`In-Reply-To: <${patchId(0, text)}>`, `References: <${patchId(0, text)}>`]),
    ];
    const body =
      number === 0
        ? "What it is about.\n\n a.c | 2 +-\n"
        : `Part ${number}.\n---\n${DIFF.replaceAll("a.c", `${name}${number}.c`)}-- \n2.47.0\n`;
    return `${lines.join("\n")}\n\n${body}`;
  });
}

export interface ReplyText {
  readonly from?: string;
  /** What is answered. */
  readonly to?: string;
  readonly references?: readonly string[];
  readonly body?: string;
  readonly subject?: string;
  readonly id?: string;
  /** Further header lines; they are signed where their names usually are. */
  readonly more?: readonly string[];
}

let counter = 0;

export function replyText(scene: Scene, text: ReplyText = {}): string {
  const { from = AUTHOR, to = patchId(1), body = "#objreview recheck\n", more = [] } = text;
  const {
    references = [patchId(0), to],
    subject = "Re: [PATCH 1/2] exit: part 1",
    id = `reply-${++counter}@example.org`,
  } = text;
  return [
    `From: ${from}`,
    `To: ${LIST}, ${BOT}`,
    `Subject: ${subject}`,
    `Date: ${new Date(scene.now).toUTCString()}`,
    `Message-ID: <${id}>`,
    `In-Reply-To: <${to}>`,
    `References: ${references.map((each) => `<${each}>`).join(" ")}`,
    ...more,
    "",
    body,
  ]
    .join("\n")
    .replaceAll("\n", "\r\n");
}

/** Signed by the domain of its From. */
export async function signedReply(scene: Scene, text: ReplyText = {}): Promise<Buffer> {
  const domain = /@([^@>\s]+)>?$/.exec(text.from ?? AUTHOR)?.[1];
  const key = keys.find((each) => each.domain === domain);
  if (key === undefined) throw new Error(`no key of ${domain}`);
  return dkimSigned(replyText(scene, text), key, { signTime: new Date(scene.now) });
}
