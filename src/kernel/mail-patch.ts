// One patch of a mail as git sees it, and the commit that it becomes: what `git am` does in parts, without an index or a work tree of its own.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../base/errors.ts";
import type { Git } from "./git.ts";

/** One patch after git-mailinfo(1). */
export interface MailPatch {
  readonly author: string;
  readonly email: string;
  readonly date: string;
  /** Subject, empty line, body, in the form that git am gives a commit. */
  readonly message: Promise<string>;
  readonly diff: Uint8Array;
}

/** Without the mbox line, so that a line "From ..." in the text cannot split it, and without CR at line ends, as git am reads. */
export function bareMail(mail: Uint8Array): Uint8Array {
  let text = Buffer.from(mail).toString("latin1");
  if (text.startsWith("From ")) text = text.slice(text.indexOf("\n") + 1);
  return Buffer.from(text.replaceAll("\r\n", "\n"), "latin1");
}

/** Takes the mail apart; undefined where git finds no patch in it. `scratch`: a folder for two small files. */
export async function readMail(git: Git, scratch: string, mail: Uint8Array): Promise<MailPatch | undefined> {
  const [bodyFile, diffFile] = [join(scratch, "message"), join(scratch, "diff")];
  const parsed = await git.run(["mailinfo", "--encoding=UTF-8", bodyFile, diffFile], { input: mail });
  if (parsed.exitCode !== 0) return undefined;
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(parsed.stdout)?.[1] ?? "";
  const diff = readFileSync(diffFile);
  if (diff.length === 0) return undefined;
  const body = readFileSync(bodyFile, "utf8");
  const message = git.runOk(["stripspace"], { input: `${field("Subject")}\n\n${body}` }).then(({ stdout }) => stdout);
  // Looked at when the commit is made.
  message.catch(() => undefined);
  return { author: field("Author"), email: field("Email"), date: field("Date"), message, diff };
}

/** The author and both dates are the mail's, the committer is fixed: the same commit everywhere. Throws UsageError. */
export async function commitTree(
  git: Git,
  tree: string,
  parent: string,
  baseCommit: string,
  patch: MailPatch,
): Promise<string> {
  const message = await patch.message;
  const commit = (who: { name: string; email: string; date: string }) =>
    git.run(["commit-tree", tree, "-p", parent, "-F", "-"], {
      input: message,
      env: {
        GIT_AUTHOR_NAME: who.name,
        GIT_AUTHOR_EMAIL: who.email,
        GIT_AUTHOR_DATE: who.date,
        GIT_COMMITTER_DATE: who.date,
      },
    });
  let made = await commit({ name: patch.author, email: patch.email, date: patch.date });
  if (made.exitCode !== 0) {
    // A mail without a usable name or date is reviewed all the same; what stands in must not depend on the clock.
    const date = (await git.runOk(["show", "-s", "--format=%ct +0000", baseCommit])).stdout.trim();
    made = await commit({ name: patch.author.trim() || "unknown", email: patch.email.trim() || "unknown", date });
  }
  if (made.exitCode !== 0) throw new UsageError(`git cannot make a commit of the mail: ${lastLine(made.stderr)}`);
  return made.stdout.trim();
}

/** Paths that the patch names, as git reads it. */
export async function touchedPaths(git: Git, patch: MailPatch): Promise<string[]> {
  const listed = await git.run(["apply", "--numstat", "-z", "-"], { input: patch.diff });
  // "<added>\t<removed>\t<path>"
  return listed.stdout.split("\0").flatMap((line) => (line === "" ? [] : [line.split("\t").slice(2).join("\t")]));
}

/** What a program said last. */
export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
