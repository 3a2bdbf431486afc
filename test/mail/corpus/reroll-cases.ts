import type { CorpusCase } from "./corpus-case.ts";
import { type Corpus, reply, series, single } from "./kit.ts";

// New versions of some patches of a series alone, the others stay as they were.

export const rerollCases: readonly CorpusCase[] = [
  {
    name: "one patch of a series in a new version (b4: partial reroll)",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({
        branch: c.branches.a2,
        id: "b",
        prefix: "PATCH v2",
        cover: false,
        sent: [3],
        inReplyTo: "a3",
        minute: 500,
      }),
    ],
    expect: ["complete v1 3/3 cover=a0 1=a1 2=a2 3=a3 old=b3", "complete v2 3/3 cover=a0 1=a1 2=a2 3=b3 after=a1"],
    makes: (c) => ({ a1: c.branches.a.tip, b3: partial(c, [false, false, true]) }),
  },
  {
    name: "one patch of a series in a new version, in answer to the review of the old",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      reply("r", "a1", "[PATCH 1/3] exit: close the window"),
      ...series({
        branch: c.branches.a2,
        id: "b",
        prefix: "PATCH v2",
        cover: false,
        sent: [1],
        inReplyTo: "r",
        minute: 500,
      }),
    ],
    expect: [
      "complete v1 3/3 cover=a0 1=a1 2=a2 3=a3 old=b1",
      "complete v2 3/3 cover=a0 1=b1 2=a2 3=a3 after=a1",
      "reply r about=a1",
    ],
    makes: (c) => ({ a1: c.branches.a.tip, b1: partial(c, [true, false, false]) }),
  },
  {
    name: "one patch after the other in new versions",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      ...series({
        branch: c.branches.a2,
        id: "b",
        prefix: "PATCH v2",
        cover: false,
        sent: [3],
        inReplyTo: "a3",
        minute: 500,
      }),
      ...series({
        branch: c.branches.a2,
        id: "c",
        prefix: "PATCH v3",
        cover: false,
        sent: [1],
        inReplyTo: "a1",
        minute: 900,
      }),
    ],
    expect: [
      "complete v1 3/3 cover=a0 1=a1 2=a2 3=a3 old=c1",
      "complete v2 3/3 cover=a0 1=a1 2=a2 3=b3 after=a1 old=c1",
      "complete v3 3/3 cover=a0 1=c1 2=a2 3=b3 after=b3",
    ],
    makes: (c) => ({ a1: c.branches.a.tip, b3: partial(c, [false, false, true]), c1: partial(c, [true, false, true]) }),
  },
  {
    name: "a new version of one patch, without its number",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a" }),
      single({
        id: "b",
        commit: c.branches.a2.commits[2]!,
        prefix: "PATCH v2",
        inReplyTo: "a3",
        references: ["a0", "a3"],
        minute: 500,
      }),
    ],
    expect: ["complete v1 3/3 cover=a0 1=a1 2=a2 3=a3 old=b", "complete v2 3/3 cover=a0 1=a1 2=a2 3=b after=a1"],
    makes: (c) => ({ a1: c.branches.a.tip, b: partial(c, [false, false, true]) }),
  },
  {
    name: "v2.1 of one patch",
    mails: (c) => [
      ...series({ branch: c.branches.a, id: "a", prefix: "PATCH v2" }),
      ...series({
        branch: c.branches.a2,
        id: "b",
        prefix: "PATCH v2.1",
        cover: false,
        sent: [1],
        inReplyTo: "a1",
        minute: 500,
      }),
    ],
    expect: ["complete v2 3/3 cover=a0 1=a1 2=a2 3=a3 old=b1", "complete v2 3/3 cover=a0 1=b1 2=a2 3=a3 after=a1"],
    makes: (c) => ({ a1: c.branches.a.tip, b1: partial(c, [true, false, false]) }),
  },
];

/** What the series makes with some of its patches taken from the second version: made by git from the intended files. */
function partial(c: Corpus, second: readonly boolean[]): string {
  const { repo } = c;
  repo.git("checkout", "-q", "-f", "--detach", c.base);
  second.forEach((isSecond, index) => {
    repo.git("cherry-pick", (isSecond ? c.branches.a2 : c.branches.a).commits[index]?.commit ?? "");
  });
  return repo.git("rev-parse", "HEAD").trim();
}
