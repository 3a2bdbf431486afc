import assert from "node:assert/strict";
import { test } from "node:test";
import { simpleParser } from "mailparser";
import type { ListPolicy } from "../../src/mail/config.ts";
import { readMailBody } from "../../src/mail/mail-body.ts";
import { joinPolicies, listsOf } from "../../src/mail/policy.ts";
import type { RepliedSeries } from "../../src/mail/replied.ts";
import { decideAnswer, decideReply, type ReplyInput } from "../../src/mail/reply.ts";
import { answerIdentity, replyIdentity } from "../../src/mail/reply-post.ts";
import { type Asked, optOutKey } from "../../src/mail/voice-notes.ts";
import type { ReviewResult } from "../../src/report/result.ts";
import { brokenResult, cleanResult, conflictResult, exampleResult, twoFindingsResult } from "../report/fixtures.ts";

const HOUR = 3_600_000;
const NOW = Date.parse("2026-11-02T12:00:00Z");
const LIST = "linux-test@example.org";

function list(changes: Partial<ListPolicy> = {}): ListPolicy {
  return {
    address: LIST,
    trees: ["linux"],
    reply: "list",
    cc: [],
    severity: "warning",
    "tell-broken": true,
    "embargo-hours": 0,
    "late-hours": 48,
    paths: { include: [], exclude: [] },
    limits: { "per-author": 5, "per-day": 50, patches: 60 },
    ...changes,
  };
}

const COVER = {
  messageId: "20261102-peek-v2-0@example.org",
  subject: "[PATCH v2 0/4] fs: tidy up the peek system call",
  references: ["20261001-peek-v1-0@example.org"],
};

function series(lists: readonly ListPolicy[], changes: Partial<RepliedSeries> = {}): RepliedSeries {
  return {
    identity: "20261102-peek-v2-1@example.org",
    version: 2,
    author: { name: "A Developer", address: "dev@example.org" },
    cover: COVER,
    patches: [1, 2, 3, 4].map((number) => ({
      number,
      mail: {
        messageId: `20261102-peek-v2-${number}@example.org`,
        subject: `[PATCH net-next v2 ${number}/4] peek: part ${number}`,
        references: [...COVER.references, COVER.messageId],
      },
    })),
    policy: joinPolicies(lists),
    receivedAt: NOW - 41_000,
    sentAt: NOW - 41_000,
    former: [],
    ...changes,
  };
}

function input(changes: Partial<ReplyInput> = {}): ReplyInput {
  return {
    series: series([list()]),
    review: { id: "run-1", state: "finished", error: "", changedAt: NOW },
    result: exampleResult(),
    former: undefined,
    waived: new Set(),
    optOuts: new Set(),
    sentToday: { author: 0, lists: new Map() },
    posts: [],
    sender: {
      name: "objreview",
      address: "objreview@bot.example",
      bouncesTo: "bounces@bot.example",
      domain: "bot.example",
    },
    now: NOW,
    ...changes,
  };
}

function silence(changes: Partial<ReplyInput>): string {
  const decision = decideReply(input(changes));
  assert.ok("silent" in decision, "it says something");
  return decision.silent;
}

function said(changes: Partial<ReplyInput> = {}) {
  const decision = decideReply(input(changes));
  assert.ok("say" in decision, "silent" in decision ? decision.silent : "");
  return { ...readMailBody(decision.say.body), post: decision.say };
}

test("one finding: the mail answers its patch, to the author, with the list in copy", async () => {
  const { envelope, raw, messageId, post } = said();
  assert.deepEqual(envelope, { from: "bounces@bot.example", to: ["dev@example.org", LIST] });
  assert.equal(post.identity, replyIdentity("20261102-peek-v2-1@example.org"));
  assert.deepEqual([post.target, post.kind, post.manner], ["mail:20261102-peek-v2-1@example.org", "mail", "once"]);
  const mail = await simpleParser(raw);
  assert.equal(mail.subject, "Re: [PATCH net-next v2 2/4] peek: part 2", "the subject as it was sent");
  assert.equal(mail.inReplyTo, "<20261102-peek-v2-2@example.org>");
  assert.deepEqual(mail.references, [
    "<20261001-peek-v1-0@example.org>",
    "<20261102-peek-v2-0@example.org>",
    "<20261102-peek-v2-2@example.org>",
  ]);
  assert.equal(mail.messageId, `<${messageId}>`);
  assert.equal(mail.headers.get("auto-submitted"), "auto-replied");
  assert.equal(mail.headers.get("x-objreview-run"), "run-1");
  assert.match(mail.text!, /^objreview: 1 new finding, from this patch; repaired in 4\/4\.$/m);
  assert.match(mail.text!, /^ {2}b4 am -o \. -n series 20261102-peek-v2-0@example\.org$/m);
  assert.match(mail.text!, /^---\n/m);
});

test("the same decision makes the same mail; another run of the review keeps its Message-ID and identity", () => {
  assert.deepEqual(said(), said());
  const other = said({ review: { id: "run-2", state: "finished", error: "", changedAt: NOW }, now: NOW + 1000 });
  assert.equal(other.messageId, said().messageId);
  assert.equal(other.post.identity, said().post.identity);
});

test("what is not mailed, each with its reason", () => {
  const verdict = (changes: Partial<ReviewResult>) => ({ result: { ...exampleResult(), findings: [], ...changes } });
  assert.match(silence({ result: cleanResult() }), /nothing new/);
  assert.match(silence({ result: conflictResult() }), /does not apply/);
  assert.match(silence(verdict({ verdict: "incomplete", reason: "2 of 4 patches" })), /incomplete: 2 of 4 patches/);
  assert.match(silence(verdict({ verdict: "inconclusive", reason: "the base does not build" })), /base does not build/);
  assert.match(silence(verdict({ verdict: "applied" })), /in the tree already/);
  assert.match(silence(verdict({ verdict: "failed" })), /failed/);
  assert.match(silence(verdict({ verdict: "building" })), /stands at "building"/);
  const review = { id: "run-1", error: "no disk", changedAt: NOW } as const;
  assert.match(silence({ review: { ...review, state: "failed" }, result: undefined }), /failed: no disk/);
  assert.match(silence({ review: { ...review, state: "superseded" }, result: undefined }), /superseded/);
  assert.match(silence({ review: { ...review, state: "cancelled" }, result: undefined }), /cancelled/);
  assert.match(silence({ series: series([list()], { supersededBy: "v3@example.org" }) }), /superseded/);
  assert.match(silence({ series: series([]) }), /no list/);
  assert.match(silence({ posts: [{ identity: replyIdentity("20261102-peek-v2-1@example.org") }] }), /answered already/);
  assert.match(silence({ series: series([list()], { author: { address: "a b@c" } }) }), /address/);
});

test("silence is the default, and of several lists the strictest decides", () => {
  const other = { address: "other@example.org" };
  assert.match(
    silence({ series: series([list(), list({ ...other, reply: "silent" })]) }),
    /^other@example.org is silent/,
  );
  const author = said({ series: series([list(), list({ ...other, reply: "author", cc: ["chief@example.org"] })]) });
  assert.deepEqual(author.envelope.to, ["dev@example.org", "chief@example.org"]);
  const both = said({
    series: series([list(), list({ ...other, cc: ["chief@example.org", "dev@example.org", LIST] })]),
  });
  assert.deepEqual(
    both.envelope.to,
    ["dev@example.org", LIST, "other@example.org", "chief@example.org"],
    "nobody twice",
  );
  const policy = joinPolicies([
    list({
      severity: "note",
      "embargo-hours": 2,
      "late-hours": 10,
      limits: { "per-author": 9, "per-day": 7, patches: 1 },
    }),
    list({ ...other, severity: "error", "embargo-hours": 24, "late-hours": 30, "tell-broken": false }),
  ])!;
  assert.equal(policy.severity, "error");
  assert.equal(policy.tellBroken, false);
  assert.deepEqual([policy.embargoHours, policy.lateHours, policy.perAuthor], [24, 10, 5]);
  assert.deepEqual(
    [...policy.perDay],
    [
      [LIST, 7],
      [other.address, 50],
    ],
  );
});

test("a list is known by its address and by its List-Id", () => {
  const config = { lists: [list(), list({ address: "b@example.org", "list-id": "b.lists.example.org" })] };
  const names = (...given: string[]) => listsOf(config, given).map(({ address }) => address);
  assert.deepEqual(names("Linux-Test@Example.org"), [LIST]);
  assert.deepEqual(names("<b.lists.example.org>"), ["b@example.org"]);
  assert.deepEqual(names("B.Lists.example.org", "b@example.org"), ["b@example.org"]);
  assert.deepEqual(names("c@example.org"), []);
});

test("below the list's severity nothing is said, and what is waived does not count", () => {
  const result = exampleResult();
  const warning = { ...result, findings: result.findings.map((each) => ({ ...each, severity: "warning" as const })) };
  assert.match(silence({ series: series([list({ severity: "error" })]), result: warning }), /severity "error"/);
  said({ series: series([list()]), result: warning });
  const two = twoFindingsResult();
  const speaking = two.findings.filter((each) => each.class === "new" || each.class === "worsened");
  assert.match(
    silence({ result: two, waived: new Set(speaking.map((each) => each.fingerprint)) }),
    /all that is new is waived/,
  );
  const { raw } = said({ result: two, waived: new Set([speaking[0]!.fingerprint]) });
  assert.match(raw, /objreview: 1 new finding/);
  assert.match(raw, /^Waived: +1 new finding, by a command\.\r$/m);
});

test("a broken build is told where the list wants it", () => {
  assert.match(said({ result: brokenResult() }).raw, /^objreview: this patch does not build\.\r$/m);
  const series_ = series([list({ "tell-broken": false })]);
  assert.match(silence({ series: series_, result: { ...brokenResult(), findings: [] } }), /broken build is not told/);
});

test("late answers are dropped, by what the mail says of its age", () => {
  const at = (millis: number) => series([list()], { sentAt: NOW - millis });
  assert.match(silence({ series: at(49 * HOUR) }), /too late: ready 49 hours/);
  said({ series: at(47 * HOUR) });
  const held = { id: "run-1", state: "finished" as const, error: "", changedAt: NOW - 20 * HOUR };
  said({ series: at(60 * HOUR), review: held });
});

test("embargo and quiet hours: not yet, and when", () => {
  const again = (changes: Partial<ReplyInput>) => {
    const decision = decideReply(input(changes));
    assert.ok("silent" in decision && decision.again !== undefined, JSON.stringify(decision).slice(0, 200));
    return [decision.silent, new Date(decision.again).toISOString()];
  };
  const embargo = series([list({ "embargo-hours": 24 })]);
  assert.deepEqual(again({ series: embargo }), ["held by the embargo", "2026-11-03T11:59:19.000Z"]);
  said({ series: embargo, now: Date.parse("2026-11-03T11:59:19Z"), review: input().review });
  const old = series([list({ "embargo-hours": 24 })], { sentAt: NOW - 40 * HOUR });
  assert.equal(again({ series: old })[0], "held by the embargo", "a Date in the past shortens no embargo");
  const quiet = list({ "quiet-hours": { from: "11:00", to: "14:00", zone: "UTC" } });
  assert.deepEqual(again({ series: series([quiet]) }), ["held in the quiet hours", "2026-11-02T14:00:00.000Z"]);
  const both = list({ "embargo-hours": 25, "quiet-hours": { from: "11:00", to: "14:00", zone: "UTC" } });
  assert.deepEqual(again({ series: series([both]) }), ["held by the embargo", "2026-11-03T14:00:00.000Z"]);
  const never = [
    list({ "quiet-hours": { from: "00:00", to: "12:00", zone: "UTC" } }),
    list({ address: "b@example.org", "quiet-hours": { from: "12:00", to: "00:00", zone: "UTC" } }),
  ];
  assert.match(silence({ series: series(never) }), /never end/);
});

test("limits for the author and for each list", () => {
  assert.match(silence({ sentToday: { author: 5, lists: new Map() } }), /its author has had 5 mails/);
  said({ sentToday: { author: 4, lists: new Map([[LIST, 49]]) } });
  assert.match(
    silence({ sentToday: { author: 0, lists: new Map([[LIST, 50]]) } }),
    /50 mails about linux-test@example.org/,
  );
  assert.match(
    silence({ series: series([list({ limits: { "per-author": 0, "per-day": 1, patches: 60 } })]) }),
    /at most 0/,
  );
});

test("who wants no mail gets none: authors, lists, series with all their later versions", () => {
  const optOut = (...key: Parameters<typeof optOutKey>) => new Set([optOutKey(...key)]);
  assert.match(silence({ optOuts: optOut("author", "Dev@Example.org") }), /author wants no mail/);
  assert.match(silence({ optOuts: optOut("list", LIST) }), /linux-test@example.org wants no mail/);
  assert.match(silence({ optOuts: optOut("series", "20261102-peek-v2-1@example.org") }), /about this series/);
  const third = series([list()], {
    former: [
      { identity: "v2@example.org", version: 2 },
      { identity: "v1@example.org", version: 1 },
    ],
  });
  assert.match(silence({ series: third, optOuts: optOut("series", "v1@example.org") }), /about this series/);
  const chief = series([list({ cc: ["chief@example.org"] })]);
  assert.deepEqual(said({ series: chief, optOuts: optOut("author", "chief@example.org") }).envelope.to, [
    "dev@example.org",
    LIST,
  ]);
});

test("against the former version: what stays is told short, what is new is answered to", async () => {
  const before = twoFindingsResult();
  const result = { ...twoFindingsResult(), series: { ...before.series, version: 2 } };
  const all = said({ result, former: { result: before, version: 1, isTold: true } }).raw;
  assert.match(all, /^objreview: 2 findings of v1 are still there, nothing else is new\.\r$/m);
  assert.match(all, /^Against v1: +fixed 0, still there 2, new 0\.\r$/m);
  assert.doesNotMatch(all, /^> @@/m, "told short");
  const untold = said({ result, former: { result: before, version: 1, isTold: false } }).raw;
  assert.match(untold, /^> @@/m, "in full where nobody was told");
  assert.match(untold, /^Against v1: /m);
  const speaking = result.findings.filter((each) => each.class === "new" || each.class === "worsened");
  const without = {
    ...before,
    findings: before.findings.filter((each) => each.fingerprint !== speaking[1]!.fingerprint),
  };
  const one = said({ result, former: { result: without, version: 1, isTold: true } });
  assert.match(one.raw, /; 1 of v1 is\s+still there\.\r$/m);
  const mail = await simpleParser(one.raw);
  assert.equal(mail.inReplyTo, `<20261102-peek-v2-${speaking[1]!.patch!.number}@example.org>`);
  assert.match(silence({ result: cleanResult(), former: { result: before, version: 1, isTold: true } }), /nothing new/);
});

const ASKED: Asked = {
  by: { name: "M Maintainer", address: "chief@example.org" },
  mail: {
    messageId: "ask-1@example.org",
    subject: "Re: [PATCH v2 2/4] peek: part 2",
    references: ["20261102-peek-v2-2@example.org"],
  },
  line: "#objreview recheck",
  at: NOW,
};

test("who asks is answered, clean or not, and nobody else", async () => {
  for (const [result, words] of [
    [cleanResult(), /^objreview: nothing new in v2 of this series\.$/m],
    [conflictResult(), /^objreview: 3\/4 does not apply/m],
    [exampleResult(), /^objreview: 1 new finding, from 2\/4/m],
    [undefined, /^objreview: not reviewed\.$/m],
  ] as const) {
    const review = {
      id: "run-1",
      state: result === undefined ? ("failed" as const) : ("finished" as const),
      error: "secret path",
      changedAt: NOW,
    };
    const post = decideAnswer(
      input({ result, review, now: NOW + 123_000, series: series([list({ reply: "silent" })]) }),
      ASKED,
    )!;
    const { envelope, raw } = readMailBody(post.body);
    assert.deepEqual(envelope.to, ["chief@example.org"]);
    const mail = await simpleParser(raw);
    assert.equal(mail.subject, "Re: [PATCH v2 2/4] peek: part 2");
    assert.equal(mail.inReplyTo, "<ask-1@example.org>");
    assert.deepEqual(mail.references, ["<20261102-peek-v2-2@example.org>", "<ask-1@example.org>"]);
    assert.match(mail.text!, /^> #objreview recheck\n\n/);
    assert.match(mail.text!, words);
    assert.doesNotMatch(mail.text!, /secret path/);
    assert.match(mail.text!, /2\s+min\s+3\s+s\s+from\s+your\s+mail/, "theirs, not the series'");
  }
  assert.equal(decideAnswer(input({ posts: [{ identity: answerIdentity(ASKED) }] }), ASKED), undefined, "once");
  const optOuts = new Set([optOutKey("author", "chief@example.org")]);
  assert.ok(decideAnswer(input({ optOuts }), ASKED), "who wants no mail and asks all the same is answered");
});

test("names, subjects and reasons of strangers make no header and no line of ours", async () => {
  const evil = series([list()], {
    author: { name: 'x"\r\nBcc: all@example.org', address: "dev@example.org" },
    patches: [1, 2, 3, 4].map((number) => ({
      number,
      mail: {
        messageId: `20261102-peek-v2-${number}@example.org`,
        subject: `Re: Re: [PATCH ${number}/4] x\r\nX-Evil: 1\r\n\r\nbody`,
        references: ["a@b>\r\nX-Evil: 2", "ok@example.org"],
      },
    })),
  });
  const { raw } = said({ series: evil });
  const head = raw.slice(0, raw.indexOf("\r\n\r\n"));
  assert.doesNotMatch(head, /^(bcc|x-evil)/im);
  const mail = await simpleParser(raw);
  assert.deepEqual(mail.references, ["<ok@example.org>", "<20261102-peek-v2-2@example.org>"]);
  const asked = { ...ASKED, line: "#objreview recheck\r\n\r\nReviewed-by: me\u202e" };
  const { raw: answer } = readMailBody(decideAnswer(input(), asked)!.body);
  assert.doesNotMatch(answer, /^Reviewed-by|\u202e/m);
});
