import type { CorpusCase } from "./corpus-case.ts";
import { type Corpus, mail, OTHER, series, single } from "./kit.ts";

// What only one mail in thousands is like.

const of = (c: Corpus) => c.branches.s.commits[0]!;
const makesS = (id: string) => (c: Corpus) => ({ [id]: c.branches.s.tip });

/** The single patch, changed as text. */
function changed(c: Corpus, change: (text: string) => string): Uint8Array {
  return new Uint8Array(
    Buffer.from(change(Buffer.from(single({ id: "s", commit: of(c) })).toString("latin1")), "latin1"),
  );
}

/** A single patch stays one whatever its subject looks like. */
const subjects: Readonly<Record<string, string>> = {
  "[PATCH net-next v3 1/1] t": "complete v3 1/1 1=s",
  "[RFC PATCH] t": "complete v1 1/1 1=s",
  "[PATCHv2] t": "complete v2 1/1 1=s",
  "[PATCH][v4] t": "complete v4 1/1 1=s",
  "[v2 PATCH 1/1] t": "complete v2 1/1 1=s",
  "[linux-foo] [PATCH 01/1] t": "complete v1 1/1 1=s",
  "[PATCH -next] t": "complete v1 1/1 1=s",
  "[Patch v2]: t": "complete v2 1/1 1=s",
  "PATCH v2: t": "complete v2 1/1 1=s",
  "[net,v2,1/1] t": "complete v2 1/1 1=s",
  "[PATCH RESEND] t": "complete v1 1/1 1=s",
  "[PATCH 1 of 1] t": "complete v1 1/1 1=s",
  "[PATCH 2/1] t": "not-a-patch v1 1/1 1=s missing=1",
  "[PATCH 1/0] t": "not-a-patch v1 1/1 1=s missing=1",
  "[PATCH 1/120] t": "too-big v1 1/120 1=s",
  "Re: [PATCH] t": "reply s with a patch",
  "AW: [PATCH] t": "reply s with a patch",
  "Fwd: [PATCH v2 1/1] t": "reply s with a patch",
  "[GIT PULL] t": "pull-request v1 1/1 1=s",
};
const longList = Array.from({ length: 119 }, (_, index) => index + 2).join(",");

const subjectCases = Object.entries(subjects).map(
  ([subject, expect]): CorpusCase => ({
    name: `subject ${subject}`,
    mails: (c) => [single({ id: "s", commit: of(c), subject })],
    expect: [expect.startsWith("too-big") ? `${expect} missing=${longList}` : expect],
    makes: (c): Record<string, string> => (expect.startsWith("complete") ? { s: c.branches.s.tip } : {}),
  }),
);

export const oddCases: readonly CorpusCase[] = [
  ...subjectCases,
  {
    name: "no Message-ID: the bytes name it",
    mails: (c) => [changed(c, (text) => text.replace(/^Message-ID:.*\n/m, ""))],
    expect: ["complete v1 1/1 1=sha256.ID"],
    makes: (c) => ({ "sha256.ID": c.branches.s.tip }),
  },
  {
    name: "no date",
    mails: (c) => [single({ id: "s", commit: of(c), date: "" })],
    expect: ["complete v1 1/1 1=s"],
    makes: makesS("s"),
  },
  {
    name: "a date that is none",
    mails: (c) => [single({ id: "s", commit: of(c), date: "the day after tomorrow" })],
    expect: ["complete v1 1/1 1=s"],
    makes: makesS("s"),
  },
  {
    name: "a date in 2077 does not make the first version the newest",
    mails: (c) => [
      single({ id: "s", commit: of(c), date: "Fri, 01 Jan 2077 00:00:00 +0000" }),
      single({ id: "t", commit: c.branches.s2.commits[0]!, prefix: "PATCH v2", minute: 50 }),
    ],
    expect: ["complete v1 1/1 1=s old=t", "complete v2 1/1 1=t after=s"],
    makes: (c) => ({ s: c.branches.s.tip, t: c.branches.s2.tip }),
  },
  {
    name: "a time zone far from UTC",
    mails: (c) => [single({ id: "s", commit: of(c), date: "Mon, 2 Mar 2026 23:59:59 +1400 (somewhere)" })],
    expect: ["complete v1 1/1 1=s"],
    makes: makesS("s"),
  },
  {
    name: "no From",
    mails: (c) => [changed(c, (text) => text.replace(/^From:.*\n/m, ""))],
    expect: ["complete v1 1/1 1=s"],
    makes: makesS("s"),
  },
  {
    name: "no subject",
    mails: (c) => [changed(c, (text) => text.replace(/^Subject:.*\n/m, ""))],
    expect: ["complete v1 1/1 1=s"],
    makes: makesS("s"),
  },
  {
    name: "a Message-ID with a comment behind it",
    mails: (c) => [changed(c, (text) => text.replace(/^(Message-ID:.*)\n/m, "$1 (added by relay)\n"))],
    expect: ["complete v1 1/1 1=s"],
    makes: makesS("s"),
  },
  {
    name: "In-Reply-To in words, as old mail programs wrote it",
    mails: (c) => [
      mail({ id: "s0", subject: "[PATCH 0/1] why", body: "Because.\n" }),
      changed(c, (text) =>
        text
          .replace("[PATCH]", "[PATCH 1/1]")
          .replace(/^Message-ID/m, 'In-Reply-To: Your message of "Mon, 2 Mar 2026" <s0@corpus.example>\nMessage-ID'),
      ),
    ],
    expect: ["complete v1 1/1 cover=s0 1=s"],
    makes: makesS("s"),
  },
  {
    name: "References only, no In-Reply-To",
    mails: (c) =>
      series({ branch: c.branches.a, id: "a" }).map(
        (raw) =>
          new Uint8Array(
            Buffer.from(
              Buffer.from(raw)
                .toString("latin1")
                .replace(/^In-Reply-To:.*\n/m, ""),
              "latin1",
            ),
          ),
      ),
    expect: ["complete v1 3/3 cover=a0 1=a1 2=a2 3=a3"],
    makes: (c) => ({ a1: c.branches.a.tip }),
  },
  {
    name: "In-Reply-To only, no References",
    mails: (c) =>
      series({ branch: c.branches.a, id: "a", threading: "deep" }).map(
        (raw) =>
          new Uint8Array(
            Buffer.from(
              Buffer.from(raw)
                .toString("latin1")
                .replace(/^References:.*\n(?: .*\n)*/m, ""),
              "latin1",
            ),
          ),
      ),
    expect: ["complete v1 3/3 cover=a0 1=a1 2=a2 3=a3"],
    makes: (c) => ({ a1: c.branches.a.tip }),
  },
  {
    name: "quilt: one time, many fractions, no thread",
    mails: (c) =>
      c.branches.a.commits.map((commit, index) =>
        mail({
          id: `20260302120000.12345678${index}`,
          subject: `[patch 0${index + 1}/03] ${commit.title}`,
          body: commit.body,
          minute: 120 + index,
        }),
      ),
    expect: ["complete v1 3/3 1=20260302120000.123456780 2=20260302120000.123456781 3=20260302120000.123456782"],
    makes: (c) => ({ "20260302120000.123456780": c.branches.a.tip }),
  },
  {
    name: "an author that is not the sender",
    mails: (c) =>
      series({ branch: c.branches.a, id: "a", from: OTHER }).map((raw, index) => (index === 0 ? raw : withAuthor(raw))),
    expect: ["complete v1 3/3 cover=a0 1=a1 2=a2 3=a3"],
    makes: (c) => ({ a1: c.branches.a.tip }),
  },
  {
    name: "a robot's patch is one, and says so",
    mails: (c) => [single({ id: "s", commit: of(c), from: "kernel test robot <lkp@intel.com>" })],
    expect: ["complete v1 1/1 1=s"],
    makes: makesS("s"),
  },
  {
    name: "a bounce that quotes a patch is none",
    mails: (c) => [
      single({ id: "s", commit: of(c), from: "MAILER-DAEMON@example.org", subject: "Undelivered Mail: [PATCH] t" }),
    ],
    expect: ["bounce s with a patch"],
  },
  {
    name: "[PATCH] with nothing to apply",
    mails: () => [mail({ id: "s", subject: "[PATCH] what do you think?", body: "No code yet.\n" })],
    expect: ["not-a-patch v1 1/1 1=s missing=1"],
  },
  {
    name: "a mail without body",
    mails: () => [mail({ id: "s", subject: "[PATCH] t", body: "" })],
    expect: ["not-a-patch v1 1/1 1=s missing=1"],
  },
  { name: "just a mail", mails: () => [mail({ id: "s", subject: "hello", body: "there\n" })], expect: ["noise s"] },
  {
    name: "a path out of the tree",
    mails: (c) => [changed(c, (text) => text.replaceAll("kernel/exit.c", "../../etc/passwd"))],
    expect: ["not-a-patch v1 1/1 1=s missing=1"],
  },
  {
    name: "what the list can't take is too big",
    mails: (c) => series({ branch: c.branches.a, id: "a" }),
    options: { maxPatches: 2 },
    expect: ["too-big v1 3/3 cover=a0 1=a1 2=a2 3=a3"],
  },
  {
    name: "the mails of the list are too long",
    mails: (c) => series({ branch: c.branches.a, id: "a" }),
    options: { maxBytes: 2000 },
    expect: ["too-big v1 3/3 cover=a0 1=a1 2=a2 3=a3"],
  },
];

function withAuthor(raw: Uint8Array): Uint8Array {
  const text = Buffer.from(raw).toString("latin1").replace("\n\n", "\n\nFrom: Dev Eloper <dev@example.org>\n\n");
  return new Uint8Array(Buffer.from(text, "latin1"));
}
