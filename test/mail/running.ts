// The mail service over a real store, with the mails that a test lets arrive, a clock that it moves, and a review that needs no kernel: every added line
// "DEFECT name" is a finding in name(). `dieAt` is as near to kill -9 as one process comes: from that call on nothing reaches the store and nothing is sent.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { hashText } from "../../src/base/hash.ts";
import { type MailConfig, mailConfigSchema } from "../../src/mail/config.ts";
import type { Outlet } from "../../src/mail/outlet.ts";
import type { PreparedSeries } from "../../src/mail/prepare-series.ts";
import { MailService, type MailServiceParts } from "../../src/mail/service.ts";
import type { MailSource } from "../../src/mail/source.ts";
import { messageIdOf } from "../../src/mail/sources/message-id.ts";
import type { ReviewFinding, ReviewResult } from "../../src/report/result.ts";
import type { ChildReview } from "../../src/service/child.ts";
import type { Log } from "../../src/service/log.ts";
import { resultWithout } from "../../src/service/results.ts";
import type { Mailroom } from "../../src/store/mailroom.ts";
import { openSqliteStores } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";

/** Each commit waits for the disk, and there are thousands; what is tried here is another thing. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export const LIST = "linux-test@example.org";

export interface Sent {
  readonly messageId: string;
  readonly inReplyTo: string;
  readonly to: readonly string[];
  readonly text: string;
}

export interface OnceOptions {
  /** The process is dead from its n-th call on; 1 is the first. */
  readonly dieAt?: number;
  /** That call has its effect, and its answer is lost. */
  readonly after?: boolean;
}

export interface MailStage {
  readonly folder: string;
  readonly store: Store;
  readonly room: Mailroom;
  readonly sent: readonly Sent[];
  readonly log: readonly string[];
  /** How many reviews were begun. */
  readonly reviews: () => number;
  now(): number;
  pass(seconds: number): void;
  /** They are in the source from now on. */
  arrive(...mails: readonly string[]): void;
  /** One run of a process of its own; false: it died. */
  once(options?: OnceOptions): Promise<boolean>;
  /** The store is closed and its folder removed; the test does so too. */
  end(): Promise<void>;
  /** Runs until nothing is to be done any more, and every window has passed. */
  settle(): Promise<void>;
}

export interface StageOptions {
  readonly config?: Record<string, unknown>;
  readonly list?: Record<string, unknown>;
  readonly review?: MailServiceParts["review"];
  readonly prepare?: MailServiceParts["prepare"];
  /** How often a review is tried; 50 when it is not given. */
  readonly attempts?: number;
}

export function testConfig(options: StageOptions = {}): MailConfig {
  return mailConfigSchema.parse({
    address: "objreview@bot.example.org",
    sources: [{ kind: "mbox", name: "memory", at: "/nonexistent" }],
    trees: [{ name: "linux", at: "/nonexistent" }],
    lists: [
      {
        address: LIST,
        trees: ["linux"],
        reply: "list",
        limits: { "per-author": 100, "per-day": 1000 },
        ...options.list,
      },
    ],
    ...options.config,
  });
}

export async function setMailStage(t: TestContext, options: StageOptions = {}): Promise<MailStage> {
  const folder = mkdtempSync(join(MEMORY, "objreview-mail-"));
  const config = testConfig(options);
  let time = Date.UTC(2026, 10, 2, 12);
  const now = () => time;
  const bounds = {
    now,
    reviewLeaseSeconds: 60,
    retrySeconds: 1,
    postLeaseSeconds: 60,
    attempts: options.attempts ?? 50,
  };
  const { store, mailroom: room } = await openSqliteStores(join(folder, "store"), bounds);
  const log: string[] = [];
  const sent: Sent[] = [];
  const arrived: string[] = [];
  let reviews = 0;
  const end = async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  };
  t.after(end);
  const write: Log = (level, message, fields = {}) => void log.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const outlet: Outlet = {
    async send({ messageId, envelope, raw }) {
      const inReplyTo = /^In-Reply-To: <(.*)>\r?$/m.exec(raw)?.[1] ?? "";
      sent.push({ messageId, inReplyTo, to: envelope.to, text: raw });
      return { end: "sent", remote: "250 taken" };
    },
  };
  const once = async ({ dieAt, after = false }: OnceOptions = {}): Promise<boolean> => {
    let calls = 0;
    let die = () => {};
    const died = new Promise<boolean>((done) => {
      die = () => done(false);
    });
    const never = new Promise<never>(() => {});
    /** Calls are counted over all that a process does to the world. */
    const mortal = <T extends object>(whole: T): T =>
      new Proxy(whole, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          return async (...args: unknown[]) => {
            calls++;
            if (dieAt !== undefined && calls >= dieAt) {
              if (after && calls === dieAt) await value.apply(target, args);
              die();
              return never;
            }
            return value.apply(target, args);
          };
        },
      });
    const stop = new AbortController();
    const parts: MailServiceParts = {
      config,
      store: mortal(store),
      room: mortal(room),
      sources: [memorySource(arrived)],
      settings: { reviewState: folder, reviewCache: folder, sandbox: "bwrap" },
      scratch: join(folder, "scratch"),
      log: write,
      outlet: mortal(outlet),
      now,
      prepare: options.prepare ?? prepareByWords,
      review:
        options.review ??
        (async (_, review) => {
          reviews++;
          return reviewByWords(review);
        }),
    };
    const run = new MailService(parts).once(stop.signal, false).then(({ isWhole }) => isWhole);
    const ended = await Promise.race([run, died]);
    if (!ended) stop.abort();
    return ended;
  };
  const stage: MailStage = {
    folder,
    store,
    room,
    sent,
    log,
    reviews: () => reviews,
    now,
    pass(seconds) {
      time += seconds * 1000;
    },
    arrive: (...mails) => void arrived.push(...mails),
    once,
    end,
    async settle() {
      for (let round = 0; round < 200; round++) {
        await once();
        const [due] = await room.dueSeries(Number.MAX_SAFE_INTEGER, 1);
        const isOpen = (await store.open(1)).length > 0 || (await store.untold(1)).length > 0;
        if (due === undefined && !isOpen) return;
        stage.pass(120);
      }
      throw new Error(["it does not come to an end", ...log.slice(-30)].join("\n"));
    },
  };
  return stage;
}

/** Mails in the order of their arrival, in small batches; some come twice. */
function memorySource(mails: readonly string[]): MailSource {
  return {
    name: "mbox:memory",
    async *read(cursor) {
      for (let at = Number(cursor ?? 0); at < mails.length; ) {
        const batch = mails.slice(at, at + 3).map((text) => new TextEncoder().encode(text));
        at += batch.length;
        yield { mails: batch.map((raw) => ({ messageId: messageIdOf(raw), raw })), cursor: String(at) };
      }
    },
    wait: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** No tree is looked at: the texts of the patches are handed on as they are. */
export const prepareByWords: NonNullable<MailServiceParts["prepare"]> = async (parts, series) => {
  const texts: { number: number; text: string }[] = [];
  for (const { number, messageId } of series.patches) {
    const raw = await parts.raw(messageId);
    if (raw === undefined) throw new Error(`no bytes of ${messageId}`);
    texts.push({ number, text: new TextDecoder().decode(raw) });
  }
  const mbox = join(parts.scratch, "series.mbox");
  writeFileSync(mbox, JSON.stringify(texts));
  const prepared: PreparedSeries = {
    kind: "ready",
    tree: parts.trees[0]!,
    base: "0".repeat(40),
    series: { mbox },
    baseName: "v1.0",
    baseCommit: "0".repeat(40),
    chosenBy: "your base-commit",
    notes: [],
    prerequisites: [],
  };
  return prepared;
};

export function reviewByWords({ series }: ChildReview): ReviewResult {
  if (!("mbox" in series)) throw new Error("the test reviews mailboxes");
  return resultOfTexts(JSON.parse(readFileSync(series.mbox, "utf8")));
}

/** Of patches as text. */
export function resultOfTexts(texts: readonly { readonly number: number; readonly text: string }[]): ReviewResult {
  const findings = texts.flatMap(({ number, text }) =>
    [...text.matchAll(/^\+DEFECT (\w+)/gm)].map((match) => findingIn(match[1] as string, number)),
  );
  return {
    ...resultWithout(findings.length === 0 ? "clean" : "findings", ""),
    patches: texts.map(({ number }) => ({
      number,
      subject: `patch ${number}`,
      author: "dev",
      state: "applied",
      files: [],
      newFindings: findings.filter(({ patch }) => patch?.number === number).length,
      repairedFindings: 0,
    })),
    findings: findings.map((finding, i) => ({ ...finding, id: `f${i + 1}` })),
  };
}

function findingIn(name: string, number: number): ReviewFinding {
  return {
    id: "",
    class: "new",
    rule: "uaccess-return-open",
    severity: "error",
    object: "lib/a.o",
    function: name,
    file: "lib/a.c",
    line: 3,
    onDiff: true,
    message: `${name}() returns with user access open`,
    consequence: "User memory stays open to the kernel.",
    path: [],
    evidence: [],
    related: [],
    fingerprint: hashText(name),
    patch: { number, subject: `patch ${number}` },
    profiles: ["x86_64-defconfig-gcc"],
  };
}

export interface MailText {
  readonly id: string;
  readonly subject: string;
  readonly from?: string;
  readonly to?: string;
  readonly replyTo?: string;
  /** Minutes after noon. */
  readonly minute?: number;
  readonly body?: string;
  readonly headers?: readonly string[];
}

export function mailText({ id, subject, from, to, replyTo, minute = 0, body = "", headers = [] }: MailText): string {
  const date = new Date(Date.UTC(2026, 10, 2, 11, 0) + minute * 60_000).toUTCString().replace("GMT", "+0000");
  const reply = replyTo === undefined ? [] : [`In-Reply-To: <${replyTo}>`, `References: <${replyTo}>`];
  return [
    `From: ${from ?? "A Developer <dev@example.org>"}`,
    `To: ${to ?? LIST}`,
    `Subject: ${subject}`,
    `Date: ${date}`,
    `Message-ID: <${id}>`,
    ...reply,
    ...headers,
    "",
    body,
  ].join("\n");
}

/** The body of a patch that adds a line to a file. */
export function patchBody(line: string, file = "lib/a.c", notes = ""): string {
  return `What it does.

Signed-off-by: A Developer <dev@example.org>
---
${notes}
diff --git a/${file} b/${file}
index 1111111..2222222 100644
--- a/${file}
+++ b/${file}
@@ -1,2 +1,3 @@
 int a;
+${line}
 int b;
--\x20
2.39.5
`;
}
