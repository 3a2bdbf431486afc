import type { FileDiff } from "./file-diff.ts";

export type FileKind = "c" | "asm" | "header" | "kconfig" | "kbuild" | "script" | "dts" | "doc" | "other";

/** "transient": in neither the base nor the tip, made and removed within the series. */
export type TouchedStatus = "added" | "deleted" | "modified" | "renamed" | "copied" | "mode" | "transient";

export interface TouchedFile {
  /** Path at the tip; at the last patch that had it for a deleted or transient file. */
  readonly path: string;
  /** Path at the base; undefined for added, copied and transient files. */
  readonly basePath: string | undefined;
  /** Of the whole series: what the tip is to the base. */
  readonly status: TouchedStatus;
  readonly kind: FileKind;
  readonly isBinary: boolean;
  /** Indices into the series of the patches that touch it, ascending. */
  readonly patches: readonly number[];
}

const kbuildName = /^(Makefile|Kbuild)([.-].*)?$|\.mk$/;
const scriptName = /\.(sh|py|pl|awk|sed|cocci|bash)$/;
const docName = /^(MAINTAINERS|CREDITS|COPYING|README.*)$|\.rst$/;

/** What a path of a kernel tree is to a build, from its name alone. Linker scripts (.lds.S) make no object and are "other". */
export function fileKind(path: string): FileKind {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (kbuildName.test(name)) return "kbuild";
  if (/^Kconfig([.-].*)?$/.test(name) || /(^|\/)arch\/[^/]+\/configs\//.test(path) || /^kernel\/configs\//.test(path))
    return "kconfig";
  if (/\.lds(\.[Sh])?$/.test(name)) return "other";
  if (name.endsWith(".c")) return "c";
  if (/\.[Ss]$/.test(name)) return "asm";
  if (name.endsWith(".h")) return "header";
  if (/\.(dts|dtsi|dtso)$/.test(name)) return "dts";
  if (scriptName.test(name)) return "script";
  if (path.startsWith("Documentation/") || path.startsWith("LICENSES/") || docName.test(name)) return "doc";
  return "other";
}

interface Entry {
  path: string;
  basePath: string | undefined;
  /** The path holds a file after the patches so far. */
  exists: boolean;
  isCopy: boolean;
  onlyMode: boolean;
  isBinary: boolean;
  patches: number[];
}

/** The union of the files that the patches of a series touch, one entry per file followed through renames, sorted by path. */
export function touchedFiles(patches: readonly (readonly FileDiff[])[]): TouchedFile[] {
  const byPath = new Map<string, Entry>();
  const done: Entry[] = [];
  patches.forEach((files, index) => {
    // Sources are looked up before anything of this patch is written: git shows a swap of two files as two renames.
    const before = new Map(byPath);
    for (const file of files) if (file.status === "renamed") byPath.delete(file.oldPath as string);
    for (const file of files) {
      const known = before.get(file.status === "copied" ? "" : (file.oldPath ?? file.path));
      const entry = known ?? newEntry(file);
      if (entry.patches.at(-1) !== index) entry.patches.push(index);
      entry.onlyMode &&= file.status === "mode";
      entry.isBinary ||= file.isBinary;
      entry.exists = file.status !== "deleted";
      entry.path = file.path;
      const displaced = byPath.get(file.path);
      if (displaced !== undefined && displaced !== entry) done.push(displaced);
      byPath.set(file.path, entry);
    }
  });
  const entries = [...new Set([...byPath.values(), ...done])];
  return entries.map(finishEntry).sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0));
}

function newEntry(file: FileDiff): Entry {
  const isCopy = file.status === "copied";
  const basePath = isCopy ? undefined : file.oldPath;
  return { path: file.path, basePath, exists: true, isCopy, onlyMode: true, isBinary: false, patches: [] };
}

function finishEntry(entry: Entry): TouchedFile {
  const { path, basePath, isBinary, patches } = entry;
  return { path, basePath, status: statusOf(entry), kind: fileKind(path), isBinary, patches };
}

function statusOf(entry: Entry): TouchedStatus {
  if (!entry.exists) return entry.basePath === undefined ? "transient" : "deleted";
  if (entry.isCopy) return "copied";
  if (entry.basePath === undefined) return "added";
  if (entry.basePath !== entry.path) return "renamed";
  return entry.onlyMode ? "mode" : "modified";
}
