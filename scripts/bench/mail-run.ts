import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mailConfigSchema } from "../../src/mail/config.ts";
import { readMail } from "../../src/mail/facts.ts";
import { linkKeys } from "../../src/mail/keys.ts";
import { Planner } from "../../src/mail/planner.ts";
import { openSqliteStores } from "../../src/store/sqlite.ts";
import { type TrafficMail, traffic } from "./mail-traffic.ts";

// One process of the bench: node --expose-gc mail-run.ts COUNT. Delivers, reads, files and plans so many mails as the service does, a hundred at a time, over the embedded
// store in a folder of its own. Prints JSON.

export interface MailRun {
  readonly mails: number;
  readonly megabytes: number;
  readonly series: number;
  readonly ordered: number;
  /** Seconds by the clock. */
  readonly seconds: Readonly<Record<"deliver" | "file" | "plan", number>>;
  /** Of the reading alone, measured beside on every tenth mail: milliseconds for one. */
  readonly readMillis: number;
  readonly keysMillis: number;
  readonly peakBytes: number;
  /** What JavaScript objects are left after a collection, at the most: taken every thousand mails. */
  readonly liveBytes: number;
}

const BATCH = 100;
const count = Number(process.argv[2] ?? "1000");
const folder = mkdtempSync(join(tmpdir(), "objreview-mail-bench-"));
let time = Date.UTC(2026, 2, 2, 10);
const now = (): number => time;
const { store, mailroom: room } = await openSqliteStores(join(folder, "store"), { now });
const config = mailConfigSchema.parse({
  address: "objreview@bot.example.org",
  sources: [{ kind: "mbox", name: "memory", at: "/nonexistent" }],
  trees: [{ name: "linux", at: "/nonexistent" }],
  lists: [{ address: "linux-test@lists.example.org", trees: ["linux"] }],
});
const planner = new Planner({ room, store, config, log: () => {}, now });
const seconds = { deliver: 0, file: 0, plan: 0 };
async function timed(phase: keyof typeof seconds, work: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  await work();
  seconds[phase] += (performance.now() - began) / 1000;
}

let peakBytes = 0;
let liveBytes = 0;
let bytes = 0;
let done = 0;
const sampled = { count: 0, read: 0, keys: 0 };
const stream = traffic();
try {
  while (done < count) {
    const mails: TrafficMail[] = [];
    while (mails.length < BATCH && done + mails.length < count) mails.push(stream.next().value as TrafficMail);
    done += mails.length;
    for (const { raw } of mails) bytes += raw.length;
    // Mails do not come in the order of their dates.
    mails.sort((left, right) => (left.messageId < right.messageId ? -1 : 1));
    time += mails.length * 20_000;
    await timed("deliver", () => room.deliver("bench", mails, String(done)));
    await timed("file", async () => {
      while (await planner.fileMails()) await Promise.resolve();
    });
    await timed("plan", async () => {
      while (await planner.plan()) await Promise.resolve();
    });
    for (const { messageId, raw } of mails.filter((_, index) => index % 10 === 0)) {
      const began = performance.now();
      const facts = await readMail(messageId, raw);
      const read = performance.now();
      linkKeys(facts);
      sampled.count++;
      sampled.read += read - began;
      sampled.keys += performance.now() - read;
    }
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    if (done % 1000 === 0) {
      globalThis.gc?.();
      const { heapUsed, external } = process.memoryUsage();
      liveBytes = Math.max(liveBytes, heapUsed + external);
    }
  }
  const states = new Map<string, number>();
  for (const { state } of await room.seriesSince(0, 100_000)) states.set(state, (states.get(state) ?? 0) + 1);
  const run: MailRun = {
    mails: done,
    megabytes: bytes / 1e6,
    series: [...states.values()].reduce((sum, each) => sum + each, 0),
    ordered: states.get("ordered") ?? 0,
    seconds,
    readMillis: sampled.read / sampled.count,
    keysMillis: sampled.keys / sampled.count,
    peakBytes,
    liveBytes,
  };
  process.stdout.write(`${JSON.stringify(run)}\n`);
} finally {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}
