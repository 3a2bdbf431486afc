// Repositories in a job's workspace: which of them hold the head of the pull request, and which give git a token.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openGit } from "../kernel/git.ts";
import { locateRepository } from "../kernel/operator-repository.ts";

/** actions/checkout puts a second repository into a folder of the workspace, seldom deeper. */
const DEPTH = 3;
const MAX_FOLDERS = 5000;

/** Folders at most three below `workspace` that are repositories or work trees. */
function findRepositories(workspace: string): string[] {
  const found: string[] = [];
  let seen = 0;
  const walk = (folder: string, depth: number): void => {
    if (seen++ > MAX_FOLDERS) return;
    if (existsSync(join(folder, ".git"))) found.push(folder);
    if (depth === DEPTH) return;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory() && entry.name !== ".git" && entry.name !== "node_modules")
        walk(join(folder, entry.name), depth + 1);
    }
  };
  if (existsSync(workspace)) walk(workspace, 0);
  return found;
}

/**
 * Repositories below `workspace` whose checked-out commit is the head, is merged from it (refs/pull/N/merge), or whose objects have
 * it. What cannot be read counts as one that holds it.
 */
export async function findHeadCheckouts(workspace: string, headSha: string): Promise<string[]> {
  const holding: string[] = [];
  for (const folder of findRepositories(workspace)) {
    if (await holdsCommit(folder, headSha).catch(() => true)) holding.push(folder);
  }
  return holding;
}

async function holdsCommit(folder: string, headSha: string): Promise<boolean> {
  const { gitDir } = locateRepository(folder);
  const git = openGit({ gitDir, home: gitDir });
  if ((await git.run(["cat-file", "-e", `${headSha}^{commit}`])).exitCode === 0) return true;
  // A shallow checkout of the merge has the head's name in it and not its object.
  const commit = await git.run(["cat-file", "commit", "HEAD"]);
  const header = commit.stdout.slice(0, Math.max(0, commit.stdout.indexOf("\n\n")));
  return header.split("\n").includes(`parent ${headSha}`);
}

/** Names of the settings by which git of that repository would send a token or ask a program for one. */
export async function findGitCredentials(folder: string): Promise<string[]> {
  const { gitDir } = locateRepository(folder);
  const git = openGit({ gitDir, home: gitDir });
  // An exit status of 1 says that there is none.
  const listed = await git.run([
    ...["config", "--local", "--includes", "--name-only", "--get-regexp"],
    "(^http\\..*extraheader$|^http\\.extraheader$|^credential\\.|^url\\..*@.*)",
  ]);
  const names = new Set(listed.stdout.split("\n").filter((line) => line !== ""));
  // "https://x-access-token:...@host" as a remote's address.
  const remotes = await git.run(["config", "--local", "--includes", "--get-regexp", "^remote\\..*\\.(push)?url$"]);
  for (const line of remotes.stdout.split("\n")) {
    const [name, url] = line.split(" ");
    if (name !== undefined && /^https?:\/\/[^/]*@/.test(url ?? "")) names.add(name);
  }
  return [...names];
}
