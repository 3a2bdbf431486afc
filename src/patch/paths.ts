import { FormatError } from "../base/errors.ts";
import type { FileDiff } from "./file-diff.ts";

// Names that a patch may not use. git apply refuses most of them too; ours is the check that runs before any tool sees the patch.

/** Linux PATH_MAX (include/uapi/linux/limits.h). */
const MAX_PATH_BYTES = 4096;
/** Code points that HFS+ ignores in names, so that ".g\u200cit" is ".git" there (git's utf8.c has the same list, CVE-2014-9390). */
const hfsIgnored = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;
const encoder = new TextEncoder();

/** True for a path component that some file system takes for ".git": any case, trailing blanks and dots, 8.3 name, stream suffix. */
function isDotGit(component: string): boolean {
  const plain = component
    .replace(hfsIgnored, "")
    .replace(/:.*$/s, "")
    .replace(/[. ]+$/, "")
    .toLowerCase();
  return plain === ".git" || plain === "git~1";
}

/** Why `path` is no path inside a tree that a patch may write; undefined where it is one. */
export function badPathReason(path: string): string | undefined {
  if (path === "") return "empty path";
  if (encoder.encode(path).length > MAX_PATH_BYTES) return `path longer than ${MAX_PATH_BYTES} bytes`;
  if (/[\u0000-\u001f\u007f]/.test(path)) return "control character in the path";
  // A backslash separates components on some systems.
  const components = path.split(/[/\\]/);
  if (components[0] === "" || /^[A-Za-z]:/.test(path)) return "absolute path";
  if (components.some((component) => component === "..")) return '".." in the path';
  if (components.some((component) => component === "" || component === ".")) return "empty path component";
  if (components.some(isDotGit)) return '".git" in the path';
  return undefined;
}

/**
 * Why a symlink at `path` with this target is refused: absolute, leading out of the tree, or into ".git". ".." may only stand at the front,
 * since behind a name it leaves from wherever that name, perhaps another symlink, leads.
 */
function badTargetReason(path: string, target: string): string | undefined {
  if (target === "") return "symlink without a target";
  if (/[\u0000-\u001f\u007f]/.test(target)) return "control character in the symlink's target";
  const components = target.split(/[/\\]/);
  if (components[0] === "" || /^[A-Za-z]:/.test(target)) return "symlink with an absolute target";
  const steps = components.filter((component) => component !== "" && component !== ".");
  const firstName = steps.findIndex((component) => component !== "..");
  const up = firstName < 0 ? steps.length : firstName;
  if (up > path.split("/").length - 1) return "symlink that points out of the tree";
  if (steps.slice(up).includes("..")) return 'symlink with ".." behind a name in its target';
  if (steps.some(isDotGit)) return 'symlink into ".git"';
  return undefined;
}

function badLinkReason(file: FileDiff): string | undefined {
  if (file.newPath === undefined || file.newMode !== "120000") return undefined;
  if (file.isBinary) return "symlink with a binary target";
  if (file.hunks.length === 0) {
    // A rename or copy without content moves a relative target to another folder, and the diff does not show it.
    return file.status === "renamed" || file.status === "copied" || file.status === "added"
      ? "symlink whose target the diff does not show"
      : undefined;
  }
  const target = file.hunks.flatMap((hunk) => hunk.lines.filter((line) => line.kind !== "-").map((line) => line.text));
  return badTargetReason(file.newPath, target.join("\n"));
}

/**
 * Refuses a patch that writes where it may not: absolute paths, "..", ".git" in any disguise, symlinks that lead out of the tree, submodules, names over
 * 4096 bytes. Throws FormatError{format: "patch"} that names the patch ("2/4", a file) and the path. A renamed symlink without mode
 * and content in the diff cannot be seen here.
 */
export function checkPaths(files: readonly FileDiff[], patchName: string): void {
  for (const file of files) {
    const paths = [file.oldPath, file.newPath].filter((path) => path !== undefined);
    const submodule = file.isSubmodule ? "submodule change" : undefined;
    const why = paths.map(badPathReason).find((reason) => reason !== undefined) ?? submodule ?? badLinkReason(file);
    if (why === undefined) continue;
    const shown = JSON.stringify(file.path.slice(0, 120));
    const place = { format: "patch", section: `${patchName} line ${file.textLine}`, value: file.path.slice(0, 120) };
    throw new FormatError("unsupported", `${shown}: ${why}`, place);
  }
}
