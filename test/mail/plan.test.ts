import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError, ToolError } from "../../src/base/errors.ts";
import type { MailServiceParts } from "../../src/mail/service.ts";
import { readStatus, renderStatus } from "../../src/mail/status.ts";
import { type MailStage, mailText, patchBody, prepareByWords, reviewByWords, setMailStage } from "./running.ts";
import { seriesMails } from "./traffic.ts";

// What becomes of a series, step by step: windows, versions, what is never reviewed, and what fails.

const three = (version = 1, minute = 0) =>
  seriesMails({
    key: "a",
    version,
    lines: ["int x;", `DEFECT v${version}`, "int y;"],
    minute,
    ...(version > 1 ? { replyTo: "a-v1-0@example.org" } : {}),
  });
const ID = "a-v1-1@example.org";

async function stateOf(stage: MailStage, identity = ID): Promise<string | undefined> {
  const series = await stage.room.seriesByIdentity(identity);
  return series === undefined ? undefined : `${series.state}: ${series.reason}`;
}

async function reviewsOf(stage: MailStage, identity = ID): Promise<string[]> {
  return (await stage.store.reviews(`mail:${identity}`)).map(({ state }) => state);
}

test("missing parts are waited for, and one that comes after the wait is still taken", async (t) => {
  const stage = await setMailStage(t);
  const [cover, first, second, third] = three();
  stage.arrive(cover!, first!);
  await stage.once();
  assert.match((await stateOf(stage))!, /^waiting: 1 of 3 patches, missing 2, 3$/);
  stage.pass(29 * 60);
  stage.arrive(third!);
  await stage.once();
  stage.pass(29 * 60);
  await stage.once();
  assert.match((await stateOf(stage))!, /^waiting: 2 of 3 patches, missing 2$/, "the wait begins anew with each part");
  stage.pass(61);
  await stage.once();
  assert.match((await stateOf(stage))!, /^incomplete: 2 of 3 patches, missing 2; waited 30 minutes$/);
  assert.deepEqual(await reviewsOf(stage), []);
  stage.pass(5 * 3600);
  stage.arrive(second!);
  await stage.once();
  assert.match((await stateOf(stage))!, /^settling: 3 of 3/);
  stage.pass(60);
  await stage.once();
  assert.match((await stateOf(stage))!, /^ordered: 3 of 3/);
  assert.deepEqual(
    stage.sent.map(({ inReplyTo }) => inReplyTo),
    ["a-v1-2@example.org"],
  );
});

test("a complete series settles before it is reviewed, and a version that comes meanwhile is taken instead", async (t) => {
  const stage = await setMailStage(t);
  stage.arrive(...three());
  await stage.once();
  stage.pass(59);
  await stage.once();
  assert.match((await stateOf(stage))!, /^settling/);
  stage.arrive(...three(2, 1));
  await stage.once();
  assert.match((await stateOf(stage))!, /^superseded: a newer version is there: a-v2-1@example\.org$/);
  await stage.settle();
  assert.deepEqual([await reviewsOf(stage), await reviewsOf(stage, "a-v2-1@example.org")], [[], ["finished"]]);
  assert.equal(stage.reviews(), 1);
});

test("an older version that comes late is never reviewed", async (t) => {
  const stage = await setMailStage(t);
  stage.arrive(...three(2, 1));
  await stage.settle();
  stage.pass(3600);
  stage.arrive(...three(1, 0));
  await stage.settle();
  assert.match((await stateOf(stage))!, /^superseded/);
  assert.deepEqual([stage.reviews(), stage.sent.length], [1, 1]);
});

test("the review of an older version ends when a newer one comes, and nothing is said of it", async (t) => {
  const made: { stage?: MailStage } = {};
  const begun: string[] = [];
  const stage = await setMailStage(t, {
    async review(_, review) {
      const result = reviewByWords(review);
      const name = result.findings[0]!.function;
      begun.push(name);
      if (name === "v1") {
        made.stage!.arrive(...three(2, 1));
        await made.stage!.once();
      }
      return result;
    },
  });
  made.stage = stage;
  stage.arrive(...three());
  await stage.once();
  stage.pass(60);
  await stage.once();
  assert.deepEqual(await reviewsOf(stage), ["cancelled"]);
  await stage.settle();
  assert.deepEqual(begun, ["v1", "v2"]);
  assert.deepEqual(
    stage.sent.map(({ inReplyTo }) => inReplyTo),
    ["a-v2-2@example.org"],
  );
  assert.ok(
    stage.log.some((line) => /review ended.*"stored":false/.test(line)),
    stage.log.join("\n"),
  );
});

test("a mail about an older version that waits to be sent is not sent any more", async (t) => {
  const stage = await setMailStage(t, { list: { "embargo-hours": 2 } });
  stage.arrive(...three());
  await stage.once();
  stage.pass(60);
  await stage.once();
  assert.deepEqual([await reviewsOf(stage), stage.sent], [["finished"], []]);
  stage.pass(3600);
  stage.arrive(...three(2, 70));
  await stage.settle();
  assert.deepEqual(
    stage.sent.map(({ inReplyTo }) => inReplyTo),
    ["a-v2-2@example.org"],
  );
});

test("what is never reviewed has its reason", async (t) => {
  const stage = await setMailStage(t, {
    list: { limits: { patches: 2 }, paths: { include: ["lib/"], exclude: ["lib/docs/"] }, "late-hours": 48 },
  });
  const single = (key: string, more: { file?: string; minute?: number; subject?: string; body?: string }) =>
    mailText({
      id: `${key}@example.org`,
      subject: more.subject ?? `[PATCH] ${key}: one thing`,
      minute: more.minute ?? 0,
      from: `${key} <${key}@example.org>`,
      body: more.body ?? patchBody("int x;", more.file ?? `lib/${key}.c`),
    });
  stage.arrive(
    ...three(),
    single("docs", { file: "lib/docs/a.txt" }),
    single("elsewhere", { file: "net/core/a.c" }),
    single("old", { minute: -3 * 24 * 60 }),
    single("empty", { body: "I forgot the patch.\n" }),
    single("good", {}),
  );
  await stage.settle();
  assert.match((await stateOf(stage))!, /^too-big: 3 patches, at most 2 are reviewed$/);
  assert.match((await stateOf(stage, "docs@example.org"))!, /^not-for-us: it touches no path/);
  assert.match((await stateOf(stage, "elsewhere@example.org"))!, /^not-for-us: it touches no path/);
  assert.match((await stateOf(stage, "old@example.org"))!, /^late: sent 2026-10-30 11:00 UTC; after 48 hours/);
  assert.match((await stateOf(stage, "empty@example.org"))!, /^not-a-patch: /);
  assert.match((await stateOf(stage, "good@example.org"))!, /^ordered: /);
  assert.equal(stage.reviews(), 1);
});

test("a pull request goes the same way", async (t) => {
  const seen: boolean[] = [];
  const stage = await setMailStage(t, {
    async prepare(parts, series) {
      seen.push(series.isPullRequest);
      return prepareByWords(parts, series);
    },
  });
  const body = `The following changes since commit ${"a".repeat(40)}:

  Linux 6.12 (2026-11-01 12:00:00 +0000)

are available in the Git repository at:

  https://git.example.org/linux tags/for-next

for you to fetch changes up to ${"b".repeat(40)}:

  lib: fix (2026-11-02 10:00:00 +0000)

----------------------------------------------------------------
+DEFECT pulled
`;
  stage.arrive(mailText({ id: "pull@example.org", subject: "[GIT PULL] lib updates", body }));
  await stage.settle();
  assert.deepEqual(seen, [true]);
  assert.match((await stateOf(stage, "pull@example.org"))!, /^ordered: a pull request/);
  assert.deepEqual(
    stage.sent.map(({ inReplyTo }) => inReplyTo),
    ["pull@example.org"],
  );
});

test("what the machine fails at is tried again, what the mails say wrong is not", async (t) => {
  let fails = 2;
  const prepare: NonNullable<MailServiceParts["prepare"]> = async (parts, series) => {
    const [patch] = series.patches;
    if (patch?.messageId === "b-v1-1@example.org") {
      throw new FormatError("bad-value", "a path leaves the tree", { format: "1/3" });
    }
    if (fails-- > 0) throw new ToolError("failed", "the disk is full", { command: ["git"] });
    return prepareByWords(parts, series);
  };
  const stage = await setMailStage(t, { prepare });
  stage.arrive(...three(), ...seriesMails({ key: "b", lines: ["int b;"], minute: 1, from: "B <b@example.org>" }));
  await stage.settle();
  const [review] = await stage.store.reviews(`mail:${ID}`);
  assert.deepEqual([review?.state, review?.attempts, stage.sent.length], ["finished", 3, 1]);
  const status = await readStatus({ room: stage.room, store: stage.store }, 0, 10);
  const other = status.series.find(({ identity }) => identity.startsWith("b-"))!;
  assert.deepEqual(
    [other.review?.verdict, other.review?.attempts, other.silent?.startsWith("no verdict: ")],
    ["inconclusive", 1, true],
  );
  assert.match(other.review!.why!, /a path leaves the tree/);
});

test("a review that breaks down each time has failed, and status says why", async (t) => {
  const stage = await setMailStage(t, {
    attempts: 3,
    prepare: async () => {
      throw new ToolError("failed", "no such device", { command: ["git"], stderrTail: "x\nfatal: \u001b[31mred" });
    },
  });
  stage.arrive(...three());
  await stage.settle();
  const [review] = await stage.store.reviews(`mail:${ID}`);
  assert.equal(review?.state, "failed");
  const status = await readStatus({ room: stage.room, store: stage.store }, 0, 10);
  const text = renderStatus(status, stage.now());
  assert.match(text, /review failed, attempt 3: ToolError: no such device/);
  assert.match(text, /no mail: the review failed/);
  assert.doesNotMatch(text, /\u001b/);
});

test("a conflict and an unknown base are results with the base's words", async (t) => {
  const kinds = ["conflict", "already-upstream", "inconclusive", "too-big"] as const;
  for (const kind of kinds) {
    const stage = await setMailStage(t, {
      async prepare(parts, series) {
        const ready = await prepareByWords(parts, series);
        if (!("baseName" in ready)) throw new Error("it is ready");
        const { tree, baseName, baseCommit } = ready;
        const place = {
          tree,
          baseName,
          baseCommit,
          chosenBy: "the first branch",
          notes: ["x is not in any tree here"],
        };
        if (kind === "conflict") {
          return {
            kind,
            reason: "patch 2 of 3 does not apply",
            patch: 2,
            files: ["lib/a.c"],
            prerequisites: ["p"],
            ...place,
          };
        }
        if (kind === "already-upstream") return { kind, reason: "v1.0 has it already", prerequisites: [], ...place };
        return { kind, reason: "nothing is known", notes: ["x is not in any tree here"] };
      },
    });
    stage.arrive(...three());
    await stage.settle();
    const [review] = await stage.store.reviews(`mail:${ID}`);
    const result = JSON.parse((await stage.store.result(review!.id))!);
    assert.deepEqual(result.series, {
      title: "a: make it better",
      version: 1,
      messageId: "a-v1-0@example.org",
      author: "A Developer",
    });
    if (kind === "conflict") {
      assert.deepEqual(
        [result.verdict, result.conflict.patch.number, result.conflict.files],
        ["conflict", 2, ["lib/a.c"]],
      );
      assert.equal(result.base.chosenBy, "the first branch; 1 patch it needs applied first; x is not in any tree here");
    } else if (kind === "already-upstream")
      assert.deepEqual([result.verdict, result.reason], ["applied", "v1.0 has it already"]);
    else
      assert.deepEqual(
        [result.verdict, result.reason],
        ["inconclusive", "nothing is known; x is not in any tree here"],
      );
    assert.deepEqual(stage.sent, []);
    await stage.end();
  }
});

test("a mail that a defect of ours cannot read stops nothing", async (t) => {
  const stage = await setMailStage(t);
  stage.arrive(
    mailText({
      id: "odd@example.org",
      subject: `=?utf-8?B?${"\u0000".repeat(4)}?=`,
      headers: ["Content-Type: multipart/mixed"],
    }),
    ...three(),
  );
  await stage.settle();
  assert.equal(stage.sent.length, 1);
  assert.equal((await stage.room.unfiled(9)).length, 0);
});
