import type { CorpusCase } from "./corpus-case.ts";
import { type Corpus, mail, OTHER, REVIEWER, reply, series, single } from "./kit.ts";

// Versions, resends, and what is none.

const both = (c: Corpus): Record<string, string> => ({ a1: c.branches.a.tip, b1: c.branches.a2.tip });
const OLD = "complete v1 3/3 cover=a0 1=a1 2=a2 3=a3 old=b1";
const NEW = "complete v2 3/3 cover=b0 1=b1 2=b2 3=b3 after=a1";
const WEEK = 7 * 1440;
const LINK = "https://lore.kernel.org/r/a0@corpus.example";

export const versionCases: readonly CorpusCase[] = [
  {
    name: "v2 in a thread of its own, by its title",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({ branch: c.branches.a2, id: "b", prefix: "PATCH v2", minute: WEEK }),
    ],
    expect: [OLD, NEW],
    makes: both,
  },
  {
    name: "v2 in reply to the cover letter of v1",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({
        branch: c.branches.a2,
        id: "b",
        prefix: "PATCH v2",
        minute: WEEK,
        inReplyTo: "a0",
        cover: "another name",
      }),
    ],
    expect: [OLD, NEW],
    makes: both,
  },
  {
    name: "v2 in reply to a patch of v1, deep",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", threading: "deep" }),
      ...series({
        branch: c.branches.a2,
        id: "b",
        prefix: "PATCH v2",
        minute: WEEK,
        inReplyTo: "a3",
        threading: "deep",
      }),
    ],
    expect: [OLD, NEW],
    makes: both,
  },
  {
    name: "v2 that does not say so, in reply to v1",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({ branch: c.branches.a2, id: "b", minute: WEEK, inReplyTo: "a0" }),
    ],
    expect: [OLD, NEW.replace("v2", "v1")],
    makes: both,
  },
  {
    name: "v2 that does not say so, in reply to v1, no cover letters",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", cover: false }),
      ...series({ branch: c.branches.a2, id: "b", minute: WEEK, inReplyTo: "a1", cover: false }),
    ],
    expect: ["complete v1 3/3 1=a1 2=a2 3=a3 old=b1", "complete v1 3/3 1=b1 2=b2 3=b3 after=a1"],
    makes: both,
  },
  {
    name: "v2 that does not say so, later, in no thread with v1",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({ branch: c.branches.a2, id: "b", minute: WEEK }),
    ],
    expect: [OLD, NEW.replace("v2", "v1")],
    makes: both,
  },
  {
    name: "v2 with another title and sender, joined by change-id",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", trailer: "change-id: 20260302-window-5f3c1e2d\n" }),
      ...series({
        branch: c.branches.a2,
        id: "b",
        prefix: "PATCH v2",
        minute: WEEK,
        cover: "a wholly other name",
        from: "Dev Eloper <dev@home.example>",
        trailer: "change-id: 20260302-window-5f3c1e2d\n",
      }),
    ],
    expect: [OLD, NEW],
    makes: both,
  },
  ...["Link to v1:", "- Link to v1:", "v1:", "Changes since v1 at"].map(
    (words): CorpusCase => ({
      name: `v2 with another title, a link in its cover letter: "${words}"`,
      mails: (c) => [
        ...series({ branch: c.branches.a, id: "a" }),
        ...series({
          branch: c.branches.d,
          id: "b",
          prefix: "PATCH v2",
          minute: WEEK,
          cover: "another name",
          coverBody: `Changes.\n\n${words} ${LINK}`,
        }),
      ],
      expect: [OLD, NEW],
      makes: (c) => ({ a1: c.branches.a.tip, b1: c.branches.d.tip }),
    }),
  ),
  {
    name: "v2 with another title, a footnote in its cover letter",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({
        branch: c.branches.d,
        id: "b",
        prefix: "PATCH v2",
        minute: WEEK,
        cover: "another name",
        coverBody: "Changes since v1 [1]:\n - all\n\n[1] https://lore.kernel.org/linux-test/a0%40corpus.example/\n",
      }),
    ],
    expect: [OLD, NEW],
    makes: (c) => ({ a1: c.branches.a.tip, b1: c.branches.d.tip }),
  },
  {
    name: "a link to a bug report joins nothing",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({
        branch: c.branches.d,
        id: "d",
        minute: WEEK,
        cover: "net: counters",
        coverBody: `Reported at\nCloses: ${LINK}`,
      }),
    ],
    expect: ["complete v1 3/3 cover=a0 1=a1 2=a2 3=a3", "complete v1 3/3 cover=d0 1=d1 2=d2 3=d3"],
    makes: (c) => ({ a1: c.branches.a.tip, d1: c.branches.d.tip }),
  },
  {
    name: "a link under the three dashes of a single v2",
    mails: (c) => [
      single({ id: "s", commit: c.branches.s.commits[0]!, prefix: "PATCH" }),
      single({
        id: "t",
        prefix: "PATCH v2",
        commit: c.branches.s2.commits[0]!,
        subject: "[PATCH v2] exit: better said",
        body: (c.branches.s2.commits[0]?.body ?? "").replace(
          "---\n",
          "---\nLink to v1: https://patch.msgid.link/s@corpus.example\n\n",
        ),
        minute: WEEK,
      }),
    ],
    expect: ["complete v1 1/1 1=s old=t", "complete v2 1/1 1=t after=s"],
    makes: (c) => ({ s: c.branches.s.tip, t: c.branches.s2.tip }),
  },
  {
    name: "a single v2 in reply to the single v1",
    mails: (c) => [
      single({ id: "s", commit: c.branches.s.commits[0]! }),
      single({
        id: "t",
        commit: c.branches.s2.commits[0]!,
        prefix: "PATCH v2",
        inReplyTo: "s",
        references: ["s"],
        minute: 500,
      }),
    ],
    expect: ["complete v1 1/1 1=s old=t", "complete v2 1/1 1=t after=s"],
    makes: (c) => ({ s: c.branches.s.tip, t: c.branches.s2.tip }),
  },
  {
    name: "a single second version that does not say so",
    mails: (c) => [
      single({ id: "s", commit: c.branches.s.commits[0]! }),
      single({ id: "t", commit: c.branches.s2.commits[0]!, minute: 500 }),
    ],
    expect: ["complete v1 1/1 1=s old=t", "complete v1 1/1 1=t after=s"],
    makes: (c) => ({ s: c.branches.s.tip, t: c.branches.s2.tip }),
  },
  {
    name: "one mail of v2 alone, v1 never seen",
    mails: (c) => series({ branch: c.branches.a2, id: "b", prefix: "PATCH v2", came: [2], threading: "deep" }),
    expect: ["incomplete v2 1/3 2=b2 missing=1,3"],
  },
  {
    name: "halves of two versions are no whole",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", came: [0, 1] }),
      ...series({ branch: c.branches.a2, id: "b", prefix: "PATCH v2", came: [2, 3], minute: WEEK }),
    ],
    expect: ["incomplete v1 1/3 cover=a0 1=a1 missing=2,3", "incomplete v2 2/3 2=b2 3=b3 missing=1"],
  },
  {
    name: "sent again as it was: nothing new",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({ branch: c.branches.a, id: "b", prefix: "PATCH RESEND", minute: WEEK }),
    ],
    expect: ["complete v1 3/3 cover=a0 1=a1 2=a2 3=a3"],
    makes: (c) => ({ a1: c.branches.a.tip }),
  },
  {
    name: "sent again as it was, in reply to the first sending",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", cover: false }),
      ...series({ branch: c.branches.a, id: "b", prefix: "RESEND PATCH", minute: 500, cover: false, inReplyTo: "a1" }),
    ],
    expect: ["complete v1 3/3 1=a1 2=a2 3=a3"],
    makes: (c) => ({ a1: c.branches.a.tip }),
  },
  {
    name: "sent again because one was lost",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", came: [0, 1, 3] }),
      ...series({ branch: c.branches.a, id: "b", prefix: "PATCH RESEND", minute: 600 }),
    ],
    expect: ["complete v1 3/3 cover=b0 1=b1 2=b2 3=b3"],
    makes: (c) => ({ b1: c.branches.a.tip }),
  },
  {
    name: "the lost one alone is sent again",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", came: [0, 1, 3] }),
      ...series({ branch: c.branches.a, id: "b", cover: false, sent: [2], inReplyTo: "a0", minute: 30 }),
    ],
    expect: ["complete v1 3/3 cover=a0 1=a1 2=b2 3=a3"],
    makes: (c) => ({ a1: c.branches.a.tip }),
  },
  {
    name: "an RFC and then a patch: the numbers begin again",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", prefix: "RFC PATCH v3" }),
      ...series({ branch: c.branches.a2, id: "b", prefix: "PATCH", minute: WEEK }),
    ],
    expect: ["complete v3 3/3 cover=a0 1=a1 2=a2 3=a3 old=b1", "complete v1 3/3 cover=b0 1=b1 2=b2 3=b3 after=a1"],
    makes: both,
  },
  {
    name: "the same fix for two stable trees is no new version",
    mails: (c) => [
      single({ id: "s", commit: c.branches.s.commits[0]!, prefix: "PATCH 6.6.y" }),
      single({ id: "t", commit: c.branches.s.commits[0]!, prefix: "PATCH 6.1.y", minute: 1 }),
    ],
    expect: ["complete v1 1/1 1=s", "complete v1 1/1 1=t"],
    makes: (c) => ({ s: c.branches.s.tip, t: c.branches.s.tip }),
  },
  {
    name: "from net to net-next in v2",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", prefix: "PATCH net" }),
      ...series({ branch: c.branches.a2, id: "b", prefix: "PATCH net-next v2", minute: WEEK }),
    ],
    expect: [OLD, NEW],
    makes: both,
  },
  {
    name: "the same title by another person is no new version",
    mails: (c) => [
      single({ id: "s", commit: c.branches.s.commits[0]! }),
      single({ id: "t", commit: c.branches.s2.commits[0]!, from: OTHER, minute: 9, prefix: "PATCH v2" }),
    ],
    expect: ["complete v1 1/1 1=s", "complete v2 1/1 1=t"],
    makes: (c) => ({ s: c.branches.s.tip, t: c.branches.s2.tip }),
  },
  {
    name: "three versions, the second never came whole",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({ branch: c.branches.a2, id: "b", prefix: "PATCHv2", minute: WEEK, came: [0, 2] }),
      ...series({ branch: c.branches.a2, id: "c", prefix: "v3 PATCH", minute: 2 * WEEK }),
    ],
    expect: [
      "complete v1 3/3 cover=a0 1=a1 2=a2 3=a3 old=c1",
      "incomplete v2 1/3 cover=b0 2=b2 missing=1,3 after=a1 old=c1",
      "complete v3 3/3 cover=c0 1=c1 2=c2 3=c3 after=b2",
    ],
    makes: (c) => ({ a1: c.branches.a.tip, c1: c.branches.a2.tip }),
  },
  {
    name: "a pull request, its second version, and an answer",
    mails: () => [
      mail({ id: "p", subject: "[GIT PULL] x86/urgent for v7.0", body: "The following changes since commit\n" }),
      reply("r", "p", "[GIT PULL] x86/urgent for v7.0", { from: REVIEWER }),
      mail({
        id: "q",
        subject: "[GIT PULL v2] x86/urgent for v7.0",
        inReplyTo: "p",
        body: "The following changes since commit\n",
        minute: 200,
      }),
    ],
    expect: ["pull-request v1 1/1 1=p old=q", "pull-request v2 1/1 1=q after=p", "reply r about=p"],
  },
];
