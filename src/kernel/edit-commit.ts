// A commit that nobody asked for: one file with other content on top of a state of the series, to try something out. No ref names it.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { COMMITTER } from "./git.ts";
import type { Slot } from "./slot.ts";
import { TouchedIndex } from "./touched-index.ts";

/** undefined where `path` is no regular file of `parent`. The same edit of the same state gives the same commit. */
export async function commitEdit(
  slot: Slot,
  parent: string,
  path: string,
  content: Uint8Array,
): Promise<string | undefined> {
  const { git } = slot.tree;
  const scratch = join(slot.folder, "edit");
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { mode: 0o700 });
  try {
    const objects = join(git.place.gitDir, "objects");
    const index = await TouchedIndex.open(git, parent, [path], join(scratch, "index"), objects);
    // git-ls-files(1), -s: "<mode> <object> <stage>\t<path>"
    const mode = /^(\d{6}) [0-9a-f]+ 0\t/.exec((await index?.git.runOk(["ls-files", "-s"]))?.stdout ?? "")?.[1];
    if (index === undefined || mode === undefined) return undefined;
    const blob = (await git.runOk(["hash-object", "-w", "--stdin"], { input: content })).stdout.trim();
    await index.git.runOk(["update-index", "-z", "--index-info"], { input: `${mode} ${blob}\t${path}\0` });
    const tree = await index.writeTree();
    if (tree === undefined) return undefined;
    const date = (await git.runOk(["show", "-s", "--format=%ct +0000", parent])).stdout.trim();
    const env = {
      GIT_AUTHOR_NAME: COMMITTER.name,
      GIT_AUTHOR_EMAIL: COMMITTER.email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
    };
    return (await git.runOk(["commit-tree", tree, "-p", parent, "-F", "-"], { input: "an edit\n", env })).stdout.trim();
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
