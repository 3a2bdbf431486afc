import assert from "node:assert/strict";
import { after, test } from "node:test";
import { assemble } from "../../../src/mail/assemble.ts";
import type { AssembledSeries, ClusterMail } from "../../../src/mail/assembled.ts";
import { type MailFacts, parseFacts } from "../../../src/mail/facts.ts";
import { linkKeys } from "../../../src/mail/keys.ts";
import { renderGitMail } from "../../../src/patch/git-mail.ts";
import { joinMboxrd } from "../../../src/patch/mbox.ts";
import { parseMessage } from "../../../src/patch/message.ts";
import { clusterOf, readAll, receivedAt } from "../../support/mail/clusters.ts";
import { CORPUS_START, Corpus, DEV, mail, OTHER, series, single } from "../corpus/kit.ts";

// What is known of a series besides its patches, and what joins mails into a cluster.

const corpus = new Corpus();
after(() => corpus.repo.destroy());
const { a, a2, s } = corpus.branches;
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const LATER = CORPUS_START + 30 * DAY;

async function one(mails: readonly Uint8Array[], identity: string, time = LATER): Promise<AssembledSeries> {
  const found = assemble(receivedAt(await readAll(mails), time)).series;
  const series = found.find((each) => each.identity === `${identity}@corpus.example`);
  assert.ok(series, `${identity} among ${found.map((each) => each.identity).join(", ")}`);
  return series;
}

test("people, lists, prefixes, change-id and base of a series", async () => {
  const mails = series({
    branch: a,
    id: "a",
    prefix: "RFC PATCH net-next v2",
    trailer: `base-commit: ${corpus.base}\nchange-id: 20260302-window-5f3c1e2d\n`,
  });
  mails[2] = Buffer.concat([
    Buffer.from("List-Id: Test <linux-test.lists.example.org>\nCc: Extra Person <EXTRA@example.org>\n"),
    Buffer.from(
      Buffer.from(mails[2]!)
        .toString("latin1")
        .replace(/^Cc:.*\n/m, ""),
      "latin1",
    ),
  ]);
  const found = await one(mails, "a1");
  assert.equal(found.title, "two subsystems, one bug");
  assert.equal(found.reason, "3 of 3 patches");
  assert.deepEqual(found.author, { name: "Dev Eloper", address: "dev@example.org" });
  assert.deepEqual(found.prefixes, ["RFC", "net-next"]);
  assert.deepEqual(
    found.to.map((each) => each.address),
    ["maintainer@example.org"],
  );
  assert.deepEqual(
    found.cc.map((each) => each.address),
    ["extra@example.org", "linux-kernel@vger.kernel.org", "linux-test@lists.example.org"],
  );
  assert.deepEqual(found.lists, ["linux-test.lists.example.org"]);
  assert.equal(found.changeId, "20260302-window-5f3c1e2d");
  assert.equal(found.baseCommit, corpus.base);
  assert.equal(found.date, CORPUS_START);
  assert.equal(found.mails.length, 4);
});

test("no mail is younger than its arrival", async () => {
  const future = single({ id: "s", commit: s.commits[0]!, date: "Fri, 01 Jan 2077 00:00:00 +0000" });
  assert.equal((await one([future], "s")).date, LATER);
  const undated = single({ id: "s", commit: s.commits[0]!, date: "" });
  assert.equal((await one([undated], "s")).date, LATER);
});

test("reasons name what is missing and what is broken", async () => {
  const missing = await one(series({ branch: a, id: "a", came: [0, 1] }), "a1");
  assert.equal(missing.reason, "1 of 3 patches, missing 2, 3");
  const broken = series({ branch: a, id: "a" }).map((raw, index) =>
    index === 2
      ? Buffer.from(
          Buffer.from(raw)
            .toString("utf8")
            .replace(/^(@@ -\d+),\d+/m, "$1,99"),
        )
      : raw,
  );
  assert.match((await one(broken, "a1")).reason, /^2 of 3 patches, missing 2; 2\/3: patch line \d+: /);
  const reroll = series({
    branch: a2,
    id: "b",
    prefix: "PATCH v2",
    cover: false,
    sent: [3],
    inReplyTo: "a3",
    minute: 500,
  });
  const made = await one([...series({ branch: a, id: "a" }), ...reroll], "b3");
  assert.equal(made.reason, "3 of 3 patches, 3/3 replaced in v1");
  assert.equal(made.joinedBy, "it replaces patches of it");
  assert.equal(made.title, "two subsystems, one bug");
  assert.equal(made.date, CORPUS_START + 503 * MINUTE);
});

test("a copy of the first patch under another Message-ID is an alias, and the identity is the same in any order", async () => {
  const mails = series({ branch: a, id: "a" });
  const copy = Buffer.from(Buffer.from(mails[1]!).toString("latin1").replace("<a1@", "<z1@"), "latin1");
  for (const order of [
    [...mails, copy],
    [copy, ...mails],
  ]) {
    const found = await one(order, "a1");
    assert.deepEqual(found.aliases, ["z1@corpus.example"]);
    assert.equal(found.mails.length, 5);
  }
});

test("the waiting window counts from the last mail that came", async () => {
  const facts = await readAll(series({ branch: a, id: "a" }));
  const mails: ClusterMail[] = facts.map((each, index) => ({
    facts: each,
    receivedAt: LATER + ((index * 7) % 4) * MINUTE,
  }));
  assert.equal(assemble(mails).series[0]?.lastReceivedAt, LATER + 3 * MINUTE);
});

test("a patch in a reply begins below the scissors: its title, author and message", async () => {
  for (const scissors of ["-- >8 --", "--- 8< ---", "- - >8 - - cut here - - >8 - -"]) {
    const raw = mail({
      id: "r",
      subject: "Re: [PATCH 1/3] exit: close the window",
      from: OTHER,
      inReplyTo: "a1",
      body: `> quoted\n---\nHow about this?\n\n${scissors}\nFrom: Auth Or <author@example.org>\nSubject: [PATCH] exit: another way\n\n${s.commits[0]!.body}`,
    });
    const message = await parseMessage({ number: 1, offset: 0, bytes: raw });
    assert.equal(message.title, "exit: another way", scissors);
    assert.deepEqual(message.author, { name: "Auth Or", address: "author@example.org" });
    assert.equal(message.commitMessage, "Why it is done, in a sentence or two.");
    assert.equal(corpus.applied(joinMboxrd([renderGitMail(message)])), corpus.blobs(s.tip));
    const facts = (await readAll([raw])) as [MailFacts];
    assert.equal(facts[0].title, "exit: another way");
    assert.ok(facts[0].diff !== undefined && facts[0].scissors);
  }
});

test("facts of another version are none", () => {
  assert.equal(parseFacts(""), undefined);
  assert.equal(parseFacts('{"facts":0}'), undefined);
});

test("a robot's series says so, a person's does not", async () => {
  const robot = single({ id: "s", commit: s.commits[0]!, from: "kernel test robot <lkp@intel.com>" });
  assert.match((await one([robot], "s")).automatic ?? "", /lkp@intel\.com/);
  assert.equal((await one([single({ id: "s", commit: s.commits[0]! })], "s")).automatic, undefined);
});

test("a series a day by one author makes no cluster of all of them", async () => {
  const mails: Uint8Array[] = [];
  for (let day = 0; day < 20; day++) {
    for (let number = 1; number <= 3; number++) {
      // Also close to midnight, where a series may lie on both sides of it.
      const minute = day * 1440 + 14 * 60 - 5 + number;
      mails.push(
        mail({
          id: `d${day}.${number}`,
          subject: `[PATCH ${number}/3] day ${day}, step ${number}`,
          minute,
          body: a.commits[0]!.body,
        }),
      );
    }
  }
  const facts = await readAll(mails);
  const clusters = clusterOf(receivedAt(facts, LATER));
  assert.equal(clusters.length, 20);
  for (const cluster of clusters) assert.equal(assemble(cluster).series[0]?.state, "complete");
});

test("mails of different people, threads and titles share no key", async () => {
  const keys = async (raw: Uint8Array): Promise<string[]> => linkKeys((await readAll([raw]))[0] as MailFacts);
  const ours = await keys(single({ id: "s", commit: s.commits[0]!, from: DEV }));
  const theirs = new Set(await keys(single({ id: "t", commit: s.commits[0]!, from: OTHER })));
  assert.ok(ours.length >= 2);
  assert.deepEqual(
    ours.filter((key) => theirs.has(key)),
    [],
  );
});
