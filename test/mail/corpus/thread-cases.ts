import type { CorpusCase } from "./corpus-case.ts";
import { type Corpus, DEV, mail, OTHER, REVIEWER, reply, series, single } from "./kit.ts";

// How the mails of a series hang together, come late, twice, or not at all.

const makesA = (identity: string) => (corpus: Corpus) => ({ [identity]: corpus.branches.a.tip });
const WHOLE = "complete v1 3/3 cover=a0 1=a1 2=a2 3=a3";
const BARE = "complete v1 3/3 1=a1 2=a2 3=a3";

export const threadCases: readonly CorpusCase[] = [
  {
    name: "cover letter, shallow",
    mails: (c) => series({ branch: c.branches.a, id: "a" }),
    expect: [WHOLE],
    makes: makesA("a1"),
  },
  {
    name: "cover letter, deep",
    mails: (c) => series({ branch: c.branches.a, id: "a", threading: "deep" }),
    expect: [WHOLE],
    makes: makesA("a1"),
  },
  {
    name: "cover letter, no thread",
    mails: (c) => series({ branch: c.branches.a, id: "a", threading: "none" }),
    expect: [WHOLE],
    makes: makesA("a1"),
  },
  {
    name: "no cover letter, shallow",
    mails: (c) => series({ branch: c.branches.a, id: "a", cover: false }),
    expect: [BARE],
    makes: makesA("a1"),
  },
  {
    name: "no cover letter, deep",
    mails: (c) => series({ branch: c.branches.a, id: "a", cover: false, threading: "deep" }),
    expect: [BARE],
    makes: makesA("a1"),
  },
  {
    name: "no cover letter, no thread",
    mails: (c) => series({ branch: c.branches.a, id: "a", cover: false, threading: "none" }),
    expect: [BARE],
    makes: makesA("a1"),
  },
  {
    name: "no thread, over midnight",
    mails: (c) => series({ branch: c.branches.a, id: "a", threading: "none", minute: 14 * 60 - 2 }),
    expect: [WHOLE],
    makes: makesA("a1"),
  },
  {
    name: "the cover letter never came",
    mails: (c) => series({ branch: c.branches.a, id: "a", came: [1, 2, 3] }),
    expect: [BARE],
    makes: makesA("a1"),
  },
  {
    name: "the second never came, shallow",
    mails: (c) => series({ branch: c.branches.a, id: "a", came: [0, 1, 3] }),
    expect: ["incomplete v1 2/3 cover=a0 1=a1 3=a3 missing=2"],
  },
  {
    name: "the second never came, deep",
    mails: (c) => series({ branch: c.branches.a, id: "a", came: [0, 1, 3], threading: "deep" }),
    expect: ["incomplete v1 2/3 cover=a0 1=a1 3=a3 missing=2"],
  },
  {
    name: "the first never came, deep, no cover letter",
    mails: (c) => series({ branch: c.branches.a, id: "a", came: [2, 3], threading: "deep", cover: false }),
    expect: ["incomplete v1 2/3 2=a2 3=a3 missing=1"],
  },
  {
    name: "the cover letter alone",
    mails: (c) => series({ branch: c.branches.a, id: "a", came: [0] }),
    expect: ["incomplete v1 0/3 cover=a0 missing=1,2,3"],
  },
  {
    name: "replies and bots between",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      reply("r1", "a2", "[PATCH 2/3] mm: free what was taken"),
      reply("r2", "r1", "[PATCH 2/3] mm: free what was taken", {
        from: DEV,
        references: ["a0", "a2", "r1"],
        body: "Thanks.\n",
      }),
      reply("r3", "a0", "[PATCH 0/3] two subsystems, one bug", {
        from: "kernel test robot <lkp@intel.com>",
        body: "Hi Dev,\n",
      }),
      reply("r4", "a1", "[PATCH 1/3] exit: close the window", {
        from: "Mail Delivery System <mailer-daemon@example.com>",
        body: "not delivered\n",
      }),
      mail({ id: "n", subject: "[ANNOUNCE] a conference", body: "Come.\n", minute: 5, from: OTHER, inReplyTo: "a0" }),
    ],
    expect: [
      WHOLE,
      "reply r1 about=a1",
      "reply r2 about=a1",
      "bot r3 about=a1",
      "bounce r4 about=a1",
      "reply n about=a1",
    ],
    makes: makesA("a1"),
  },
  {
    name: "an answer without Re:",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      mail({
        id: "r",
        subject: "[PATCH 2/3] mm: free what was taken",
        from: REVIEWER,
        inReplyTo: "a2",
        body: "Acked.\n",
        minute: 90,
      }),
    ],
    expect: [WHOLE, "reply r about=a1"],
    makes: makesA("a1"),
  },
  {
    name: "a reply with a patch in it",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      reply("try", "a1", "[PATCH 1/3] exit: close the window", {
        body: `How about this instead?\n\n-- >8 --\nSubject: [PATCH] exit: another way\n\n${c.branches.a2.commits[0]?.body}`,
      }),
    ],
    expect: [WHOLE, "reply try about=a1 with a patch"],
    makes: makesA("a1"),
  },
  {
    name: "a reply with a patch in it that somebody asked to look at",
    mails: (c) => [
      ...series({ branch: c.branches.s, id: "x", cover: false }),
      reply("try", "x1", "[PATCH 1/1] exit: one line less", {
        body: `How about this instead?\n\n--- 8< ---\nFrom: Rev Iewer <rev@example.com>\nSubject: exit: another way\n\n${c.branches.s2.commits[0]?.body}`,
      }),
    ],
    options: { inline: new Set(["try@corpus.example"]) },
    expect: ["complete v1 1/1 1=x1", "complete v1 1/1 1=try"],
    makes: (c) => ({ x1: c.branches.s.tip, try: c.branches.s2.tip }),
  },
  {
    name: "two series by one author on one day with the same numbers, threaded",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({ branch: c.branches.d, id: "d", cover: "net: counters", minute: 3 }),
    ],
    expect: [WHOLE, "complete v1 3/3 cover=d0 1=d1 2=d2 3=d3"],
    makes: (c) => ({ a1: c.branches.a.tip, d1: c.branches.d.tip }),
  },
  {
    name: "two series by one author on one day with the same numbers, no thread",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", threading: "none", cover: false }),
      ...series({ branch: c.branches.d, id: "d", threading: "none", cover: false, minute: 120 }),
    ],
    expect: [BARE, "complete v1 3/3 1=d1 2=d2 3=d3"],
    makes: (c) => ({ a1: c.branches.a.tip, d1: c.branches.d.tip }),
  },
  {
    name: "one run of git send-email with two series, no thread, in one minute",
    mails: (c) => {
      const run = (number: number, sequence: number, which: "a" | "d"): Uint8Array =>
        mail({
          id: `20260302100000.4711-${sequence}-dev`,
          subject: `[PATCH ${number}/3] ${c.branches[which].commits[number - 1]?.title}`,
          body: c.branches[which].commits[number - 1]?.body ?? "",
        });
      // The second of the first series was lost: the first of the other must not take its place.
      return [run(1, 1, "a"), run(3, 3, "a"), run(1, 4, "d"), run(2, 5, "d"), run(3, 6, "d")];
    },
    expect: [
      "incomplete v1 2/3 1=20260302100000.4711-1-dev 3=20260302100000.4711-3-dev missing=2",
      "complete v1 3/3 1=20260302100000.4711-4-dev 2=20260302100000.4711-5-dev 3=20260302100000.4711-6-dev",
    ],
    makes: (c) => ({ "20260302100000.4711-4-dev": c.branches.d.tip }),
  },
  {
    name: "two halves of two threads do not make a whole",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", cover: false, came: [1] }),
      ...series({ branch: c.branches.d, id: "d", cover: false, came: [2, 3] }),
    ],
    expect: ["incomplete v1 1/3 1=a1 missing=2,3", "incomplete v1 2/3 2=d2 3=d3 missing=1"],
  },
  {
    name: "different trees are different series, no thread",
    mails: (c) => [
      ...series({
        branch: c.branches.a,
        id: "a",
        cover: false,
        threading: "none",
        prefix: "PATCH net-next",
        came: [1],
      }),
      ...series({ branch: c.branches.a, id: "b", cover: false, threading: "none", came: [2, 3] }),
    ],
    expect: ["incomplete v1 1/3 1=a1 missing=2,3", "incomplete v1 2/3 2=b2 3=b3 missing=1"],
  },
  {
    name: "another person's series on the same day with the same numbers, no thread",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", threading: "none", cover: false, came: [1, 2] }),
      ...series({ branch: c.branches.d, id: "d", threading: "none", cover: false, came: [3], from: OTHER }),
    ],
    expect: ["incomplete v1 2/3 1=a1 2=a2 missing=3", "incomplete v1 1/3 3=d3 missing=1,2"],
  },
  {
    name: "nested: a series in reply to a mail of another",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({ branch: c.branches.d, id: "d", cover: "net: counters", inReplyTo: "a2", from: OTHER, minute: 30 }),
    ],
    expect: [WHOLE, "complete v1 3/3 cover=d0 1=d1 2=d2 3=d3"],
    makes: (c) => ({ a1: c.branches.a.tip, d1: c.branches.d.tip }),
  },
  {
    name: "nested: follow-ups by the same author in reply to the series, no versions of it",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({ branch: c.branches.d, id: "d", cover: "net: counters", inReplyTo: "a0", minute: 30 }),
    ],
    expect: [WHOLE, "complete v1 3/3 cover=d0 1=d1 2=d2 3=d3"],
    makes: (c) => ({ a1: c.branches.a.tip, d1: c.branches.d.tip }),
  },
  {
    name: "a series in reply to a bug report that is no cover letter",
    mails: (c) => [
      mail({ id: "bug", subject: "[BUG] it crashes", from: REVIEWER, body: "An oops.\n" }),
      ...series({ branch: c.branches.a, id: "a", cover: false, inReplyTo: "bug", minute: 5 }),
    ],
    expect: [BARE, "noise bug"],
    makes: makesA("a1"),
  },
  {
    name: "two series in reply to one report, both without cover letter",
    mails: (c) => [
      mail({ id: "bug", subject: "it crashes", from: REVIEWER, body: "An oops.\n" }),
      ...series({ branch: c.branches.a, id: "a", cover: false, inReplyTo: "bug", minute: 5 }),
      ...series({ branch: c.branches.d, id: "d", cover: false, inReplyTo: "bug", minute: 9 }),
    ],
    expect: [BARE, "complete v1 3/3 1=d1 2=d2 3=d3", "noise bug"],
    makes: (c) => ({ a1: c.branches.a.tip, d1: c.branches.d.tip }),
  },
  {
    name: "the cover letter says v3, the patches nothing",
    mails: (c) => {
      const [cover, ...patches] = series({ branch: c.branches.a, id: "a" }) as [Uint8Array, ...Uint8Array[]];
      void cover;
      return [
        mail({ id: "a0", subject: "[PATCH net-next v3 0/3] two subsystems, one bug", body: "Third try.\n" }),
        ...patches,
      ];
    },
    expect: ["complete v3 3/3 cover=a0 1=a1 2=a2 3=a3"],
    makes: makesA("a1"),
  },
  {
    name: "the cover letter has another count",
    mails: (c) => [
      mail({ id: "a0", subject: "[PATCH 0/4] two subsystems, one bug", body: "Four.\n" }),
      ...series({ branch: c.branches.a, id: "a" }).slice(1),
    ],
    expect: [WHOLE],
    makes: makesA("a1"),
  },
  {
    name: "the cover letter has no number",
    mails: (c) => [
      mail({ id: "a0", subject: "[PATCH] two subsystems, one bug", body: "See the answers.\n" }),
      ...series({ branch: c.branches.a, id: "a" }).slice(1),
    ],
    expect: [WHOLE],
    makes: makesA("a1"),
  },
  {
    name: "the list gave the cover letter a new Message-ID",
    mails: (c) => [
      mail({ id: "renamed", subject: "[PATCH 0/3] two subsystems, one bug", body: "What it is for.\n" }),
      ...series({ branch: c.branches.a, id: "a" }).slice(1),
    ],
    expect: ["complete v1 3/3 cover=renamed 1=a1 2=a2 3=a3"],
    makes: makesA("a1"),
  },
  {
    name: "a patch that came through two lists under two Message-IDs",
    mails: (c) => {
      const mails = series({ branch: c.branches.a, id: "a" });
      const copy = Buffer.from(mails[2] as Uint8Array)
        .toString("latin1")
        .replace("<a2@", "<z2@");
      return [...mails, new Uint8Array(Buffer.from(copy, "latin1"))];
    },
    expect: [WHOLE],
    makes: makesA("a1"),
  },
  {
    name: "one mail of the series has its sender replaced by the list",
    mails: (c) => {
      const mails = series({ branch: c.branches.a, id: "a" });
      const munged = Buffer.from(mails[2] as Uint8Array)
        .toString("latin1")
        .replace(`From: ${DEV}`, "From: Dev Eloper via linux-test <linux-test@lists.example.org>");
      return [
        mails[0] as Uint8Array,
        mails[1] as Uint8Array,
        new Uint8Array(Buffer.from(munged, "latin1")),
        mails[3] as Uint8Array,
      ];
    },
    expect: [WHOLE],
    makes: makesA("a1"),
  },
  {
    name: "one patch more than the series has",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      single({
        id: "more",
        commit: c.branches.d.commits[0]!,
        subject: "[PATCH 4/3] net: count the packets",
        inReplyTo: "a0",
        minute: 9,
      }),
    ],
    expect: [WHOLE, "not-a-patch v1 1/1 1=more missing=1"],
    makes: makesA("a1"),
  },
  {
    name: "0/1 and 1/1",
    mails: (c) => series({ branch: c.branches.s, id: "s" }),
    expect: ["complete v1 1/1 cover=s0 1=s1"],
    makes: (c) => ({ s1: c.branches.s.tip }),
  },
  {
    name: "1/1",
    mails: (c) => series({ branch: c.branches.s, id: "s", cover: false }),
    expect: ["complete v1 1/1 1=s1"],
    makes: (c) => ({ s1: c.branches.s.tip }),
  },
  {
    name: "a single patch",
    mails: (c) => [single({ id: "s", commit: c.branches.s.commits[0]! })],
    expect: ["complete v1 1/1 1=s"],
    makes: (c) => ({ s: c.branches.s.tip }),
  },
  {
    name: "single patches with one title for different files are different",
    mails: (c) => [
      single({ id: "s", commit: c.branches.same.commits[0]! }),
      single({ id: "t", commit: c.branches.same2.commits[0]!, minute: 2 }),
    ],
    expect: ["complete v1 1/1 1=s", "complete v1 1/1 1=t"],
    makes: (c) => ({ s: c.branches.same.tip, t: c.branches.same2.tip }),
  },
  {
    name: "a diff without any bracket, as a mail of its own",
    mails: (c) => [single({ id: "s", commit: c.branches.s.commits[0]!, subject: "exit: one line less" })],
    expect: ["complete v1 1/1 1=s"],
    makes: (c) => ({ s: c.branches.s.tip }),
  },
  {
    name: "a diff without any bracket, in answer to something",
    mails: (c) => [
      single({ id: "s", commit: c.branches.s.commits[0]!, subject: "exit: one line less", inReplyTo: "elsewhere" }),
    ],
    expect: ["reply s with a patch"],
  },
];
