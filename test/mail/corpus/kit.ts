import { splitMbox } from "../../../src/patch/mbox.ts";
import { GitRepo, numberedLines } from "../../patch/git-repo.ts";
import { concat, splitMail } from "../../patch/mail-forms.ts";

// A small repository whose commits are sent in every way that a case needs, and mails as values, so that a case says only what is odd about it.

/** What a case changes of a mail that git wrote. */
export interface MailPlan {
  readonly id: string;
  readonly subject: string;
  readonly from?: string;
  /** Minutes after the corpus' beginning. */
  readonly minute?: number;
  /** Instead of `minute`: the Date header as it stands there; "" for none. */
  readonly date?: string;
  readonly inReplyTo?: string;
  readonly references?: readonly string[];
  readonly headers?: readonly string[];
  readonly body: string | Uint8Array;
}

/** Where time begins in the corpus: 2026-03-02 10:00 UTC. */
export const CORPUS_START = Date.UTC(2026, 2, 2, 10, 0, 0);
export const DEV = "Dev Eloper <dev@example.org>";
export const REVIEWER = "Rev Iewer <rev@example.com>";
export const OTHER = "Oth Er <other@example.net>";

const at = (id: string): string => `<${id}@corpus.example>`;

export function mail(plan: MailPlan): Uint8Array {
  const date = plan.date ?? new Date(CORPUS_START + (plan.minute ?? 0) * 60_000).toUTCString().replace("GMT", "+0000");
  const lines = [
    `From: ${plan.from ?? DEV}`,
    "To: maintainer@example.org",
    "Cc: linux-test@lists.example.org, linux-kernel@vger.kernel.org",
    ...(date === "" ? [] : [`Date: ${date}`]),
    `Subject: ${plan.subject}`,
    ...(plan.id === "" ? [] : [`Message-ID: ${at(plan.id)}`]),
    ...(plan.inReplyTo === undefined ? [] : [`In-Reply-To: ${at(plan.inReplyTo)}`]),
    ...(plan.references === undefined || plan.references.length === 0
      ? []
      : [`References: ${plan.references.map(at).join("\n ")}`]),
    ...(plan.headers ?? [
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=UTF-8",
      "Content-Transfer-Encoding: 8bit",
    ]),
  ];
  return concat(`${lines.join("\n")}\n\n`, plan.body);
}

export interface Commit {
  readonly title: string;
  readonly commit: string;
  /** What stands in the mail of `git format-patch` behind the header. */
  readonly body: string;
}

export interface Branch {
  readonly commits: readonly Commit[];
  readonly tip: string;
}

/**
 * The repository: `base`, and on top of it branches of two or three commits: a (a series), a2 (its second version: first and third changed), d (another series),
 * s and s2 (a single patch and its second version), u (text that is not ASCII), z (a binary, a rename, a mode).
 */
export class Corpus {
  readonly repo = new GitRepo();
  readonly base: string;
  readonly branches: Readonly<Record<"a" | "a2" | "d" | "s" | "s2" | "u" | "z" | "same" | "same2", Branch>>;

  constructor() {
    const { repo } = this;
    repo.write("kernel/exit.c", `int a(void)\n{\n${numberedLines(40, "\tstep();  /*")}}\n`);
    repo.write("mm/slab.c", `int b(void)\n{\n${numberedLines(40, "\tslab();  /*")}}\n`);
    repo.write("net/core.c", `int c(void)\n{\n${numberedLines(40, "\tnet();  /*")}}\n`);
    repo.write("docs/text.rst", `${numberedLines(12)}\u00fcber alles\n${numberedLines(6)}`);
    repo.write("tools/run.sh", "#!/bin/sh\nexit 0\n");
    repo.write("tools/old.c", numberedLines(30));
    this.base = repo.commit("base");
    const edit = (path: string, line: number, to: string) => (): void =>
      repo.write(path, repo.read(path).replace(new RegExp(`^.*/\\* ${line}$`, "m"), to));
    this.branches = {
      a: this.#branch([
        ["exit: close the window", edit("kernel/exit.c", 7, "\tstep(7);")],
        ["mm: free what was taken", edit("mm/slab.c", 9, "\tslab_free(9);")],
        ["exit: say why", edit("kernel/exit.c", 30, "\tstep(30);\n\twhy();")],
      ]),
      a2: this.#branch([
        ["exit: close the window", edit("kernel/exit.c", 7, "\tstep(77);")],
        ["mm: free what was taken", edit("mm/slab.c", 9, "\tslab_free(9);")],
        ["exit: say why", edit("kernel/exit.c", 30, "\tstep(31);\n\twhy_not();")],
      ]),
      d: this.#branch([
        ["net: count the packets", edit("net/core.c", 5, "\tnet(5);")],
        ["net: count the drops", edit("net/core.c", 25, "\tnet(25);")],
        ["mm: a smaller slab", edit("mm/slab.c", 33, "\tslab(33);")],
      ]),
      s: this.#branch([["exit: one line less", edit("kernel/exit.c", 20, "")]]),
      s2: this.#branch([["exit: one line less", edit("kernel/exit.c", 20, "\t;")]]),
      u: this.#branch([
        [
          "docs: gr\u00fc\u00dfe an alle",
          () =>
            repo.write(
              "docs/text.rst",
              repo.read("docs/text.rst").replace("\u00fcber alles\n", "\u00fcber allem \u2013 fast\n"),
            ),
        ],
      ]),
      z: this.#branch([
        [
          "tools: a table",
          () =>
            repo.write(
              "tools/table.bin",
              Uint8Array.from({ length: 300 }, (_, n) => (n * 7) & 255),
            ),
        ],
        ["tools: a better name", () => void repo.git("mv", "tools/old.c", "tools/new.c")],
        ["tools: may run", () => repo.chmod("tools/run.sh", 0o755)],
      ]),
      same: this.#branch([["staging: fix coding style", edit("kernel/exit.c", 12, "\tstep(12);")]]),
      same2: this.#branch([["staging: fix coding style", edit("net/core.c", 12, "\tnet(12);")]]),
    };
  }

  #branch(steps: readonly (readonly [string, () => void])[]): Branch {
    const { repo } = this;
    repo.git("checkout", "-q", "-f", "--detach", this.base);
    const commits: Commit[] = [];
    for (const [title, change] of steps) {
      change();
      const commit = repo.commit(`${title}\n\nWhy it is done, in a sentence or two.\n`);
      const written = repo.gitBytes("format-patch", "--stdout", "--binary", "-M", "-1", commit);
      const body = Buffer.from(splitMail((splitMbox(written)[0] as { bytes: Uint8Array }).bytes).body).toString("utf8");
      commits.push({ title, commit, body });
    }
    return { commits, tip: (commits[commits.length - 1] as Commit).commit };
  }

  /** Mails of `git format-patch` for a branch as git writes them, with whatever threading is asked for. */
  formatPatch(branch: Branch, ...options: string[]): Uint8Array[] {
    const range = `${this.base}..${branch.tip}`;
    const written = this.repo.gitBytes("format-patch", "--stdout", "--binary", "-M", ...options, range);
    return splitMbox(written).map((message) => message.bytes);
  }

  /** Blob ids by path of a commit. */
  blobs(commit: string): string {
    return this.repo.git("ls-tree", "-r", commit);
  }

  /** Blob ids by path after `git am` of a mailbox on the base. */
  applied(mbox: Uint8Array): string {
    const { repo } = this;
    repo.git("checkout", "-q", "-f", "--detach", this.base);
    const { status, stderr } = repo.try(mbox, "am", "-q", "--keep-cr", "--patch-format=mboxrd", "--keep-non-patch");
    if (status !== 0) {
      repo.try("", "am", "--abort");
      throw new Error(`git am: ${stderr}`);
    }
    return repo.git("ls-tree", "-r", "HEAD");
  }
}

export type Threading = "shallow" | "deep" | "none";

export interface SeriesPlan {
  readonly branch: Branch;
  /** Ids are "<id>0", "<id>1" ... */
  readonly id: string;
  /** "PATCH v2": what stands in the bracket, before the number. */
  readonly prefix?: string;
  readonly minute?: number;
  readonly from?: string;
  readonly cover?: string | false;
  readonly coverBody?: string;
  readonly threading?: Threading;
  /** The first mail answers this one. */
  readonly inReplyTo?: string;
  /** Numbers that were sent; the others never existed. */
  readonly sent?: readonly number[];
  /** Numbers that came; the others were sent, too. */
  readonly came?: readonly number[];
  readonly trailer?: string;
}

/** A whole series, in order, the cover letter first. */
export function series(plan: SeriesPlan): Uint8Array[] {
  const { branch, id, prefix = "PATCH", minute = 0, cover = "two subsystems, one bug", threading = "shallow" } = plan;
  const total = branch.commits.length;
  const first = cover === false ? 1 : 0;
  const before = plan.inReplyTo === undefined ? [] : [plan.inReplyTo];
  const mails: Uint8Array[] = [];
  for (let number = first; number <= total; number++) {
    if ((plan.came ?? plan.sent)?.includes(number) === false) continue;
    const commit = branch.commits[number - 1];
    const width = String(total).length;
    const chain = Array.from({ length: number - first }, (_, index) => first + index)
      .filter((each) => plan.sent === undefined || plan.sent.includes(each))
      .map((each) => `${id}${each}`);
    const ancestors =
      threading === "none" ? [] : threading === "deep" ? [...before, ...chain] : [...before, ...chain.slice(0, 1)];
    const parent = ancestors[ancestors.length - 1];
    mails.push(
      mail({
        id: `${id}${number}`,
        subject: `[${prefix} ${String(number).padStart(width, "0")}/${total}] ${commit?.title ?? (cover as string)}`,
        minute: minute + number,
        ...(plan.from !== undefined && { from: plan.from }),
        ...(parent !== undefined && { inReplyTo: parent, references: ancestors }),
        body:
          commit === undefined
            ? `${plan.coverBody ?? "What the series is for."}\n\n${plan.trailer ?? ""}-- \n2.40\n`
            : commit.body,
      }),
    );
  }
  return mails;
}

/** One patch without a number. */
export function single(plan: Partial<MailPlan> & { id: string; commit: Commit; prefix?: string }): Uint8Array {
  return mail({ subject: `[${plan.prefix ?? "PATCH"}] ${plan.commit.title}`, body: plan.commit.body, ...plan });
}

export function reply(id: string, to: string, subject: string, more: Partial<MailPlan> = {}): Uint8Array {
  return mail({
    id,
    subject: `Re: ${subject}`,
    from: REVIEWER,
    minute: 60,
    inReplyTo: to,
    references: [to],
    body: "> a line\n\nLooks good to me.\n\nReviewed-by: Rev Iewer <rev@example.com>\n",
    ...more,
  });
}
