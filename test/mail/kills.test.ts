import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openSqliteStores } from "../../src/store/sqlite.ts";
import { makeRepository, numbered, scratchFolder } from "../kernel-tools/make-repository.ts";
import { startSmtp } from "../support/mail/smtp.ts";
import { seededRandom } from "../support/random.ts";

// kill -9 of the real process, again and again, while mails come: a Maildir in, a real tree, a real mail server out.

const LIST = "linux-test@example.org";
const PROCESS = fileURLToPath(new URL("mail-process.ts", import.meta.url));
const SERIES = 8;

/** Series of two patches each, the second with a defect, and a second version of the last of them. */
async function makeMails(dir: string): Promise<string[]> {
  const repository = await makeRepository(dir);
  await repository.commit(
    "base",
    Object.fromEntries(Array.from({ length: SERIES }, (_, i) => [`lib/${i}.c`, numbered(20)])),
  );
  const mails: string[] = [];
  const send = async (i: number, version: number) => {
    await repository.git("checkout", "--quiet", "--detach", "main");
    await repository.commit(`lib: ${i}: first part`, { [`lib/${i}.c`]: numbered(20, { 3: `int v${version};` }) });
    await repository.commit(`lib: ${i}: second part`, {
      [`lib/${i}.c`]: numbered(20, { 3: `int v${version};`, 12: `DEFECT fn_${i}_${version}` }),
    });
    for (const [n, mail] of (await repository.mails("main..HEAD")).entries()) {
      const text = Buffer.from(mail).toString("latin1");
      const prefix = version === 1 ? "PATCH" : `PATCH v${version}`;
      const date = new Date(Date.now() - 60_000 + n * 1000).toUTCString().replace("GMT", "+0000");
      const head = `Message-ID: <s${i}-v${version}-${n + 1}@example.org>\nTo: ${LIST}\n`;
      const thread = n === 0 ? "" : `In-Reply-To: <s${i}-v${version}-1@example.org>\n`;
      mails.push(
        text
          .replace(/^From .*\n/, head + thread)
          .replace(/^From: .*$/m, `From: Dev ${i} <dev${i}@example.org>`)
          .replace(/^Date: .*$/m, `Date: ${date}`)
          .replace(/^Subject: \[PATCH/m, `Subject: [${prefix}`),
      );
    }
  };
  for (let i = 0; i < SERIES; i++) await send(i, 1);
  await send(SERIES - 1, 2);
  await repository.git("checkout", "--quiet", "main");
  return mails;
}

async function setUp(t: TestContext) {
  const folder = scratchFolder(t, "objreview-kills-");
  const mails = await makeMails(join(folder, "tree"));
  const smtp = await startSmtp();
  t.after(() => smtp.end());
  const maildir = join(folder, "Maildir");
  for (const part of ["tmp", "new", "cur"]) mkdirSync(join(maildir, part), { recursive: true });
  const config = join(folder, "mail.yml");
  writeFileSync(
    config,
    `address: objreview@bot.example.org
sources:
  - {kind: maildir, name: box, at: ${maildir}, poll-minutes: 0.01}
trees:
  - {name: linux, at: ${join(folder, "tree")}, branches: [main]}
lists:
  - {address: ${LIST}, trees: [linux], reply: list, limits: {per-day: 1000}}
smtp: {host: ${smtp.host}, port: ${smtp.port}, tls: "off"}
settle-seconds: 0.2
`,
  );
  let dropped = 0;
  return {
    mails,
    smtp,
    drop(mail: string) {
      const name = `${Math.floor(Date.now() / 1000)}.M${dropped++}.example`;
      writeFileSync(join(maildir, "tmp", name), mail);
      renameSync(join(maildir, "tmp", name), join(maildir, "new", name));
    },
    scratch(): string[] {
      const scratch = join(folder, "state", "mail", "scratch");
      return existsSync(scratch) ? readdirSync(scratch) : [];
    },
    store: () => openSqliteStores(join(folder, "state", "mail")),
    start(ahead: number, log: string[]): ChildProcess {
      const env = {
        PATH: process.env.PATH,
        HOME: folder,
        OBJREVIEW_STATE: join(folder, "state"),
        OBJREVIEW_CACHE: join(folder, "cache"),
        TEST_CONFIG: config,
        TEST_AHEAD_SECONDS: String(ahead),
      };
      const child = spawn(process.execPath, [PROCESS], { env, stdio: ["ignore", "ignore", "pipe"] });
      child.stderr.on("data", (chunk) => log.push(String(chunk)));
      t.after(() => child.kill("SIGKILL"));
      return child;
    },
  };
}

const wait = (millis: number) => new Promise((done) => setTimeout(done, millis));
/** A process that says nothing for so long hangs, on a machine that is as busy as may be. */
const PATIENCE_MILLIS = 120_000;

/** Until that is said; while something else is said it goes on. */
async function logged(log: readonly string[], what: RegExp, from = 0): Promise<void> {
  let seen = log.length;
  let end = Date.now() + PATIENCE_MILLIS;
  while (!what.test(log.slice(from).join(""))) {
    if (log.length > seen) {
      seen = log.length;
      end = Date.now() + PATIENCE_MILLIS;
    }
    if (Date.now() > end) assert.fail(`${what} is not in\n${log.slice(from).slice(-20).join("")}`);
    await wait(50);
  }
}

const gone = (child: ChildProcess) =>
  new Promise<number | string>((done) => child.once("exit", (code, signal) => done(code ?? signal ?? "")));

test("a process killed again and again loses nothing and says nothing twice", async (t) => {
  const stage = await setUp(t);
  const random = seededRandom(Date.now() & 0xffff);
  const waiting = stage.mails.map((mail) => [random(), mail] as const).sort((a, b) => a[0] - b[0]);
  const log: string[] = [];
  let ahead = 0;
  let kills = 0;
  while (waiting.length > 0 || kills < 14) {
    for (const [, mail] of waiting.splice(0, 1 + (random() % 3))) stage.drop(mail);
    const child = stage.start(ahead, log);
    const ended = gone(child);
    // Some die while they start; the others at work, however long a busy machine takes to start them.
    const began = log.length;
    if (random() % 4 === 0) await wait(random() % 700);
    else {
      await logged(log, /"started"/, began);
      await wait(random() % 1800);
    }
    child.kill("SIGKILL");
    assert.equal(await ended, "SIGKILL", log.slice(-5).join(""));
    kills++;
    // Leases of what the dead one held.
    ahead += 150;
  }
  const before = log.length;
  const last = stage.start(ahead, log);
  const ended = gone(last);
  const { store, mailroom: room } = await stage.store();
  t.after(() => store.close());
  const target = (i: number, version = 1) => `mail:s${i}-v${version}-1@example.org`;
  const current = Array.from({ length: SERIES }, (_, i) => target(i, i === SERIES - 1 ? 2 : 1));
  const isSettled = async () => {
    for (const each of current) {
      if ((await store.reviews(each)).at(-1)?.state !== "finished") return false;
      const posts = await store.posts(each);
      if (posts.length === 0 || posts.some(({ state }) => state === "waiting" || state === "sending")) return false;
    }
    return (await store.open(1)).length === 0;
  };
  // Where nothing is left to do it is settled before it has begun to listen to signals.
  await logged(log, /"started"/, before);
  let seen = log.length;
  let end = Date.now() + PATIENCE_MILLIS;
  while (!(await isSettled())) {
    if (log.length > seen) {
      seen = log.length;
      end = Date.now() + PATIENCE_MILLIS;
    }
    if (Date.now() > end) assert.fail(`it does not settle\n${log.slice(-20).join("")}`);
    await wait(100);
  }
  last.kill("SIGTERM");
  assert.equal(await ended, 0);

  const rows = await room.seriesSince(0, 100);
  const states = rows.map(({ identity, state }) => `${identity} ${state}`).sort();
  const expected = Array.from(
    { length: SERIES },
    (_, i) => `s${i}-v1-1@example.org ${i === SERIES - 1 ? "superseded" : "ordered"}`,
  );
  assert.deepEqual(states, [...expected, `s${SERIES - 1}-v2-1@example.org ordered`].sort());
  assert.deepEqual(stage.scratch(), [], "mailboxes of reviews that were killed are left");
  const told = stage.smtp.mails.map(({ raw }) => /^In-Reply-To: <(.*)>\r$/m.exec(raw.toString())![1]!);
  assert.deepEqual([...new Set(told)].sort(), [...told].sort(), "said twice");
  const unknown: string[] = [];
  for (const each of current) {
    const posts = await store.posts(each);
    assert.equal(posts.length, 1);
    if (posts[0]!.state === "unknown") unknown.push(each);
    const id = each.slice("mail:".length).replace(/-1@/, "-2@");
    assert.ok(told.includes(id) || posts[0]!.state === "unknown", `${each} was not answered: ${posts[0]!.state}`);
  }
  t.diagnostic(`${kills} kills, ${told.length} mails, ${unknown.length} of which nobody knows`);
});

test("one process works in a state folder, and a killed one holds nothing", async (t) => {
  const stage = await setUp(t);
  const log: string[] = [];
  const first = stage.start(0, log);
  await logged(log, /"started"/);
  const second = stage.start(0, log);
  assert.notEqual(await gone(second), 0);
  await logged(log, /another objreview mail works in/);
  const dead = gone(first);
  first.kill("SIGKILL");
  await dead;
  log.length = 0;
  const third = stage.start(0, log);
  await logged(log, /"started"/);
  const ended = gone(third);
  third.kill("SIGTERM");
  assert.equal(await ended, 0);
  assert.match(log.join(""), /"stopped"/);
});
