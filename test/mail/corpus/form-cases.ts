import type { CorpusCase } from "./corpus-case.ts";
import { cruelForms, gentleForms, latinForms } from "./forms.ts";
import { type Corpus, series, single } from "./kit.ts";

// Every form a mail can come in, on a series and on a patch with letters that are not ASCII.

/** A form takes the whole series, the cover letter too. */
const gentle = Object.entries(gentleForms).flatMap(([name, form]): CorpusCase[] => [
  {
    name: `a series, ${name}`,
    mails: (c) => series({ branch: c.branches.a, id: "a" }).map(form),
    expect: ["complete v1 3/3 cover=a0 1=a1 2=a2 3=a3"],
    makes: (c) => ({ a1: c.branches.a.tip }),
  },
  {
    name: `a patch that is not ASCII, ${name}`,
    mails: (c) => [form(single({ id: "u", commit: c.branches.u.commits[0]! }))],
    expect: ["complete v1 1/1 1=u"],
    makes: (c) => ({ u: c.branches.u.tip }),
  },
]);

const latin = Object.entries(latinForms).map(
  ([name, form]): CorpusCase => ({
    name: `a series, ${name}`,
    mails: (c) => series({ branch: c.branches.a, id: "a" }).map(form),
    expect: ["complete v1 3/3 cover=a0 1=a1 2=a2 3=a3"],
    makes: (c) => ({ a1: c.branches.a.tip }),
  }),
);

const cruel = Object.entries(cruelForms).map(
  ([name, form]): CorpusCase => ({
    name: `a series with one mail destroyed, ${name}`,
    mails: (c) => series({ branch: c.branches.a, id: "a" }).map((mail, index) => (index === 2 ? form(mail) : mail)),
    expect: ["incomplete v1 3/3 cover=a0 1=a1 2=a2 3=a3 missing=2"],
  }),
);

const cruelSingles = Object.entries(cruelForms).map(
  ([name, form]): CorpusCase => ({
    name: `a patch destroyed, ${name}`,
    mails: (c) => [form(single({ id: "s", commit: c.branches.s.commits[0]! }))],
    expect: ["not-a-patch v1 1/1 1=s missing=1"],
  }),
);

/** What git itself writes for each threading, its own Message-IDs and all. */
const fromGit = ["--thread=shallow", "--thread=deep", "--no-thread"].flatMap((threading) =>
  [[], ["--cover-letter"], ["--attach"], ["--inline"], ["--rfc", "-v4"], ["--encode-email-headers", "-v2"]].map(
    (more): CorpusCase => ({
      name: `git format-patch ${[threading, ...more].join(" ")}`,
      mails: (c) => labelled(c, [threading, ...more]),
      expect: [
        `complete v${more.includes("-v4") ? 4 : more.includes("-v2") ? 2 : 1} 3/3${more.includes("--cover-letter") ? " cover=g0 1=g1 2=g2 3=g3" : " 1=g1 2=g2 3=g3"}`,
      ],
      makes: (c) => ({ g1: c.branches.z.tip }),
    }),
  ),
);

/** git's Message-IDs are of the second; the labels are the places of the mails, so that the case can name them. */
function labelled(c: Corpus, options: readonly string[]): Uint8Array[] {
  const first = options.includes("--cover-letter") ? 0 : 1;
  const mails = c.formatPatch(c.branches.z, ...options).map((mail) => Buffer.from(mail).toString("latin1"));
  const ids = mails.map((mail) => /^Message-Id: <(.*)>$/im.exec(mail)?.[1]);
  return mails.map((mail, index) => {
    let text = ids[index] === undefined ? `Message-ID: <g${first + index}@corpus.example>\n${mail}` : mail;
    ids.forEach((id, at) => {
      if (id !== undefined) text = text.replaceAll(`<${id}>`, `<g${first + at}@corpus.example>`);
    });
    return new Uint8Array(Buffer.from(text, "latin1"));
  });
}

export const formCases: readonly CorpusCase[] = [...gentle, ...latin, ...cruel, ...cruelSingles, ...fromGit];
