// What we take from the operator's repository, read as plain files: where its objects are and what its refs say. git itself
// is never run in there, so its configuration, hooks and attributes have no say.

import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { UsageError } from "../base/errors.ts";

export interface OperatorRepository {
  /** Holds HEAD. */
  readonly gitDir: string;
  /** Holds refs and objects; the same as `gitDir` but for a linked work tree. */
  readonly commonDir: string;
  readonly objectDir: string;
}

/** `dir` is the top of a work tree, a linked work tree, or a bare repository. Throws UsageError. */
export function locateRepository(dir: string): OperatorRepository {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) throw new UsageError(`${dir}: no such folder`);
  const dotGit = join(dir, ".git");
  const kind = statSync(dotGit, { throwIfNoEntry: false });
  let gitDir = dir;
  if (kind?.isDirectory() === true) gitDir = dotGit;
  else if (kind?.isFile() === true) {
    // gitrepository-layout(5): "gitdir: <path>", relative to the file's folder.
    const line = readSmall(dotGit)?.match(/^gitdir: (.+)\n?$/);
    if (line?.[1] === undefined) throw new UsageError(`${dotGit}: not a gitdir file`);
    gitDir = resolve(dir, line[1]);
  }
  const commonLine = readSmall(join(gitDir, "commondir"))?.trimEnd();
  const commonDir =
    commonLine === undefined ? gitDir : isAbsolute(commonLine) ? commonLine : resolve(gitDir, commonLine);
  const objectDir = join(commonDir, "objects");
  const whole =
    statSync(objectDir, { throwIfNoEntry: false })?.isDirectory() === true &&
    readSmall(join(gitDir, "HEAD")) !== undefined;
  if (!whole) throw new UsageError(`${dir}: not a git repository`);
  if (statSync(join(commonDir, "reftable"), { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new UsageError(`${dir}: its refs are in the reftable format, which is not supported`);
  }
  return { gitDir, commonDir, objectDir: realpathSync(objectDir) };
}

const OBJECT_NAME = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const MAX_REF_FILE_BYTES = 256 * 1024 * 1024;

/** All refs below refs/ by full name, and HEAD where it points at a commit. Entries that are not well formed are left out. */
export function readRefs(repository: OperatorRepository): ReadonlyMap<string, string> {
  const refs = new Map<string, string>();
  const symbolic = new Map<string, string>();
  for (const line of (readSmall(join(repository.commonDir, "packed-refs"), MAX_REF_FILE_BYTES) ?? "").split("\n")) {
    const space = line.indexOf(" ");
    note(refs, symbolic, line.slice(space + 1), line.slice(0, space));
  }
  // A loose ref outranks a packed one of the same name (gitrepository-layout(5)).
  const walk = (folder: string, name: string): void => {
    for (const entry of listFolder(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path, `${name}/${entry.name}`);
      else if (entry.isFile()) note(refs, symbolic, `${name}/${entry.name}`, readSmall(path)?.trimEnd() ?? "");
    }
  };
  walk(join(repository.commonDir, "refs"), "refs");
  note(refs, symbolic, "HEAD", readSmall(join(repository.gitDir, "HEAD"))?.trimEnd() ?? "");
  for (const [name, target] of symbolic) {
    const value = refs.get(symbolic.get(target) ?? target);
    if (value !== undefined) refs.set(name, value);
  }
  return refs;
}

/** The commits at which the history of a shallow clone ends. */
export function readShallow(repository: OperatorRepository): string | undefined {
  return readSmall(join(repository.commonDir, "shallow"), MAX_REF_FILE_BYTES);
}

function note(refs: Map<string, string>, symbolic: Map<string, string>, name: string, value: string): void {
  if (name !== "HEAD" && !isRefName(name)) return;
  if (OBJECT_NAME.test(value)) refs.set(name, value);
  else if (value.startsWith("ref: ") && isRefName(value.slice(5))) symbolic.set(name, value.slice(5));
}

/** git-check-ref-format(1), as far as a bad name could mislead the reader of our packed-refs. */
function isRefName(name: string): boolean {
  return (
    /^refs\/[^\x00-\x20\x7f~^:?*[\\]+$/.test(name) &&
    !/\.\.|\/\/|@\{|\/\.|\.lock(?:\/|$)|\/$|\.$/.test(name) &&
    !name.startsWith("refs/replace/")
  );
}

function listFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function readSmall(path: string, maxBytes = 1024 * 1024): string | undefined {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind?.isFile() !== true || kind.size > maxBytes) return undefined;
  return readFileSync(path, "utf8");
}
