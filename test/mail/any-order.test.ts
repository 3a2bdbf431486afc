import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { seededRandom } from "../support/random.ts";
import { type MailStage, setMailStage } from "./running.ts";
import { TRAFFIC } from "./traffic.ts";

// The pipeline from arrival to reply, in any order, with duplicates, and with a process that dies anywhere: what is known, reviewed and said in the end is
// the same.

/** What must not depend on the way it came about. */
async function outcome(stage: MailStage) {
  const rows = await stage.room.seriesSince(0, 1000);
  const series: string[] = [];
  for (const { identity, state, reason } of rows) {
    const reviews = await stage.store.reviews(`mail:${identity}`);
    const verdicts: string[] = [];
    for (const each of reviews.filter(({ state }) => state === "finished")) {
      const { verdict, findings } = JSON.parse((await stage.store.result(each.id))!);
      verdicts.push(`${verdict} ${findings.map((one: { function: string }) => one.function).join(" ")}`);
    }
    // An older version may have been reviewed before the newer one came; whether it was is a matter of time and not of what is there.
    series.push(either(`${identity} ${state}: ${reason}${state === "ordered" ? ` -> ${verdicts.at(-1)}` : ""}`));
  }
  return series.sort();
}

/** Two mails with one patch: the one that was there first is answered. */
function either(text: string): string {
  return text.replace(/eps-[ab]@/g, "eps@");
}

/** Of versions that are not superseded: which mails were answered. */
function answered(stage: MailStage): string[] {
  return stage.sent
    .map(({ inReplyTo }) => either(inReplyTo))
    .filter((id) => !/^(alpha-v1|delta-v[12])-/.test(id))
    .sort();
}

function checkReplies(stage: MailStage): void {
  const versions = stage.sent.map(({ inReplyTo }) => inReplyTo.replace(/-\d+@/, "@"));
  assert.deepEqual([...new Set(versions)].sort(), versions.sort(), "more than one reply to a version");
  assert.equal(new Set(stage.sent.map(({ messageId }) => messageId)).size, stage.sent.length);
}

const EXPECTED = [
  "alpha-v1-1@example.org superseded: a newer version is there: alpha-v2-1@example.org",
  "alpha-v2-1@example.org ordered: 3 of 3 patches -> findings alpha_two",
  "beta-v1-1@example.org ordered: 1 of 1 patch -> clean ",
  "delta-v1-1@example.org superseded: a newer version is there: delta-v3-1@example.org",
  "delta-v2-1@example.org superseded: a newer version is there: delta-v3-1@example.org",
  "delta-v3-1@example.org ordered: 2 of 2 patches -> findings delta_3",
];

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  return values
    .map((value) => [random(), value] as const)
    .sort((a, b) => a[0] - b[0])
    .map(([, value]) => value);
}

test("all at once", async (t) => {
  const stage = await setMailStage(t);
  stage.arrive(...TRAFFIC);
  await stage.settle();
  const seen = await outcome(stage);
  for (const line of EXPECTED) assert.ok(seen.includes(line), `${line}\nnot in\n${seen.join("\n")}`);
  assert.match(
    seen.find((line) => line.startsWith("gamma"))!,
    /incomplete: 2 of 3 patches, missing \d; waited 30 minutes/,
  );
  assert.match(seen.find((line) => line.startsWith("other"))!, /not-for-us: to none of the lists/);
  assert.match(seen.find((line) => line.startsWith("robot"))!, /not-for-us: written by a program/);
  assert.deepEqual(answered(stage), ["alpha-v2-3@example.org", "delta-v3-1@example.org", "eps@example.org"]);
  // No older version was reviewed: all were there when the first was looked at.
  assert.equal(stage.reviews(), 4);
  checkReplies(stage);
});

/** Mails come in small groups, some twice; between them the process runs once, and may die, and time passes. How often it died. */
async function live(stage: MailStage, seed: number, deaths: boolean): Promise<number> {
  const random = seededRandom(seed);
  const mails = shuffled([...TRAFFIC, ...TRAFFIC.filter(() => random() % 4 === 0)], random);
  let died = 0;
  for (let at = 0; at < mails.length; ) {
    const many = 1 + (random() % 8);
    stage.arrive(...mails.slice(at, at + many));
    at += many;
    const isMortal = deaths && random() % 4 !== 0;
    const isAlive = await stage.once(isMortal ? { dieAt: 1 + (random() % 120), after: random() % 2 === 0 } : {});
    if (!isAlive) died++;
    // Nothing, a settled series, a window that has ended, the end of a dead worker's lease.
    stage.pass([0, 5, 70, 200, 2000][random() % 5]!);
  }
  stage.pass(120);
  await stage.settle();
  return died;
}

async function wholeDay(t: TestContext) {
  const stage = await setMailStage(t);
  stage.arrive(...TRAFFIC);
  await stage.settle();
  return { series: await outcome(stage), answered: answered(stage) };
}

test("any order, group by group, with duplicates", async (t) => {
  const expected = await wholeDay(t);
  for (let seed = 1; seed <= 20; seed++) {
    await t.test(`seed ${seed}`, async (sub) => {
      const stage = await setMailStage(sub);
      await live(stage, seed, false);
      checkReplies(stage);
      assert.deepEqual({ series: await outcome(stage), answered: answered(stage) }, expected);
      const reviewed = (await stage.store.reviews("mail:eps-a@example.org")).length;
      assert.equal(reviewed + (await stage.store.reviews("mail:eps-b@example.org")).length, 1, "the same patch once");
    });
  }
});

test("any order, with a process that dies anywhere", async (t) => {
  const expected = await wholeDay(t);
  let deaths = 0;
  let unknown = 0;
  for (let seed = 101; seed <= 130; seed++) {
    await t.test(`seed ${seed}`, async (sub) => {
      const stage = await setMailStage(sub);
      deaths += await live(stage, seed, true);
      checkReplies(stage);
      assert.deepEqual(await outcome(stage), expected.series);
      // A mail that a dying process was sending is not sent again: of such a one nobody knows whether it went. All others went.
      const lost = await lostMails(stage);
      unknown += lost.length;
      assert.deepEqual([...new Set([...answered(stage), ...lost])].sort(), expected.answered);
    });
  }
  t.diagnostic(`${deaths} deaths, ${unknown} mails of which nobody knows`);
  assert.ok(deaths > 60, `only ${deaths} deaths`);
});

/** Mails that the current versions would have been answered with. */
async function lostMails(stage: MailStage): Promise<string[]> {
  const rows = (await stage.room.seriesSince(0, 1000)).filter(({ state }) => state === "ordered");
  const posts = await Promise.all(rows.map(({ identity }) => stage.store.posts(`mail:${identity}`)));
  return posts
    .flat()
    .filter(({ state }) => state === "unknown")
    .map(({ body }) => either(/\r\nIn-Reply-To: <(.*?)>/.exec(JSON.parse(body).raw)![1]!));
}

test("a process that dies at each call of its first run, before and behind its effect", async (t) => {
  const expected = await wholeDay(t);
  const counted = await setMailStage(t);
  counted.arrive(...TRAFFIC);
  await counted.once();
  counted.pass(70);
  let n = 1;
  for (const after of [false, true]) {
    for (n = 1; ; n += 7) {
      const stage = await setMailStage(t);
      stage.arrive(...TRAFFIC);
      await stage.once();
      stage.pass(70);
      const isAlive = await stage.once({ dieAt: n, after });
      stage.pass(120);
      await stage.settle();
      checkReplies(stage);
      assert.deepEqual(await outcome(stage), expected.series, `death at ${n}`);
      const lost = await lostMails(stage);
      assert.ok(lost.length <= 1, "one process sends one mail at a time");
      assert.deepEqual([...new Set([...answered(stage), ...lost])].sort(), expected.answered, `death at ${n}`);
      await stage.end();
      if (isAlive) break;
    }
    assert.ok(n > 50, `only ${n} calls`);
  }
});
