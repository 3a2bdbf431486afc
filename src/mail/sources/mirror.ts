// A public-inbox on this machine. git is never run in there: a repository of our own borrows its objects, and its refs are read as files, so its configuration
// and hooks have no say, and nothing in it is ever written.

import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ToolError, UsageError } from "../../base/errors.ts";
import { type Git, initBareStore, openGit } from "../../kernel/git.ts";
import { locateRepository, type OperatorRepository, readRefs, readShallow } from "../../kernel/operator-repository.ts";
import { ensureFolder } from "../../kernel/state-folder.ts";
import { type Archive, MAX_EPOCHS } from "./archive.ts";

/** `folder` is ours, for this source. Throws ToolError where there is no archive. */
export async function openMirror(at: string, folder: string, skipped: (what: string) => void): Promise<Archive> {
  const repositories = findRepositories(at, skipped);
  const epochs = [...repositories.epochs.keys()].sort((a, b) => a - b);
  const heads = new Map(
    epochs.map((number) => [number, headOf(repositories.epochs.get(number) as OperatorRepository)]),
  );
  const isSha256 = [...heads.values()].some((head) => head !== undefined && head.length > 40);
  const git = await borrow(folder, [...repositories.epochs.values()], isSha256 ? "sha256" : "sha1");
  return {
    version: repositories.version,
    numbers: epochs,
    open: async (number) => ({ number, git, head: heads.get(number) }),
  };
}

function findRepositories(
  at: string,
  skipped: (what: string) => void,
): { version: 1 | 2; epochs: Map<number, OperatorRepository> } {
  const epochs = new Map<number, OperatorRepository>();
  const top = join(at, "git");
  if (statSync(top, { throwIfNoEntry: false })?.isDirectory() !== true) {
    try {
      epochs.set(0, locateRepository(at));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new ToolError("not-found", `${at} holds neither git/0.git nor a git repository`, {
        command: ["read", at],
        cause: error,
      });
    }
    return { version: 1, epochs };
  }
  for (const name of readdirSync(top)) {
    const number = /^(\d{1,4})\.git$/.exec(name)?.[1];
    if (number === undefined || Number(number) >= MAX_EPOCHS) continue;
    try {
      epochs.set(Number(number), locateRepository(join(top, name)));
    } catch (error) {
      // Half cloned, perhaps; it is new to us when it is whole.
      skipped(`epoch ${number}: ${(error as Error).message}`);
    }
  }
  if (epochs.size === 0) {
    throw new ToolError("not-found", `${top} has no epoch (0.git, 1.git ...)`, { command: ["read", top] });
  }
  return { version: 2, epochs };
}

function headOf(repository: OperatorRepository): string | undefined {
  return readRefs(repository).get("HEAD");
}

/** gitrepository-layout(5): objects/info/alternates. */
async function borrow(
  folder: string,
  repositories: readonly OperatorRepository[],
  format: "sha1" | "sha256",
): Promise<Git> {
  const gitDir = join(ensureFolder(folder), `borrowed-${format}.git`);
  const home = ensureFolder(folder, "home");
  if (statSync(join(gitDir, "HEAD"), { throwIfNoEntry: false }) === undefined) {
    rmSync(gitDir, { recursive: true, force: true });
    await initBareStore(gitDir, home, format);
  }
  const objects = repositories.map((each) => realpathSync(each.objectDir)).filter((path) => !/[\n"]/.test(path));
  mkdirSync(join(gitDir, "objects", "info"), { recursive: true });
  writeIfChanged(join(gitDir, "objects", "info", "alternates"), `${objects.join("\n")}\n`);
  // The ends of what was cloned in part.
  const shallow = repositories.map((each) => readShallow(each) ?? "").join("");
  if (shallow === "") rmSync(join(gitDir, "shallow"), { force: true });
  else writeIfChanged(join(gitDir, "shallow"), shallow);
  return openGit({ gitDir, home });
}

function writeIfChanged(path: string, text: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined && readFileSync(path, "utf8") === text) return;
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
