import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, SYSTEM_PATH } from "./process.ts";
import type { SourceListing } from "./source-listing.ts";

// Who includes whom, from the text of the sources: what there is before a base build has left kbuild's own dependency files.
// Conditional includes count as taken, and a name that no include path of ours resolves matches every header that ends in it:
// the answer is too large rather than too small, and says that it is a scan.

export interface IncludeTable {
  /** File -> names as written, with their first character telling the form: `"x.h` or `<x.h`. */
  readonly includes: ReadonlyMap<string, readonly string[]>;
}

interface CachedTable {
  readonly version: 1;
  /** File -> [blob id, names]. */
  readonly files: Record<string, [string, string[]]>;
}

const MAX_SCAN_BYTES = 512 * 1024 * 1024;
/** Files to name on one command line. */
const BATCH = 2000;
/** Beyond this many changed files the folders are scanned instead of single files. */
const FOLDER_SCAN_FROM = 4000;

/**
 * The include table of a source tree. Kept in `cacheFile`; files whose blob id it has are not read again.
 * Only what can reach an object of `sourceArch` is read: other architectures, tools and documentation are left out.
 */
export async function scanIncludes(options: {
  readonly sourceDir: string;
  readonly listing: SourceListing;
  readonly sourceArch: string;
  readonly cacheFile: string;
  readonly signal?: AbortSignal | undefined;
}): Promise<IncludeTable> {
  const { sourceDir, listing, sourceArch, cacheFile } = options;
  const cached = readTable(cacheFile);
  const files: CachedTable["files"] = {};
  const missing: string[] = [];
  for (const [path, id] of listing.files) {
    if (!isScanned(path, sourceArch)) continue;
    const known = cached?.files[path];
    if (known?.[0] === id) files[path] = known;
    else {
      files[path] = [id, []];
      missing.push(path);
    }
  }
  if (missing.length > 0) {
    const wholes = missing.length > FOLDER_SCAN_FROM ? scannedFolders(listing, sourceArch) : undefined;
    const batches = wholes === undefined ? chunk(missing, BATCH) : [wholes];
    for (const batch of batches) {
      const text = await grepIncludes(sourceDir, batch, wholes !== undefined, options.signal);
      for (const line of text.split("\n")) addLine(files, line);
    }
    mkdirSync(join(cacheFile, ".."), { recursive: true });
    const temporary = `${cacheFile}.${process.pid}.new`;
    writeFileSync(temporary, JSON.stringify({ version: 1, files } satisfies CachedTable));
    renameSync(temporary, cacheFile);
  }
  return { includes: new Map(Object.entries(files).map(([path, [, names]]) => [path, names])) };
}

function readTable(file: string): CachedTable | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const table = JSON.parse(readFileSync(file, "utf8")) as CachedTable;
    return table.version === 1 ? table : undefined;
  } catch {
    // Cut off by a crash: made again.
    return undefined;
  }
}

async function grepIncludes(
  cwd: string,
  what: readonly string[],
  recursive: boolean,
  signal?: AbortSignal,
): Promise<string> {
  const command = ["grep", "-HIZE", ...(recursive ? ["-r", "--include=*.c", "--include=*.h", "--include=*.S"] : [])];
  const result = await run([...command, "-e", '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]', "--", ...what], {
    cwd,
    env: { PATH: SYSTEM_PATH, LC_ALL: "C" },
    maxOutputBytes: MAX_SCAN_BYTES,
    ...(signal === undefined ? {} : { signal }),
  });
  return result.stdout;
}

/** `PATH\0#include "x.h"`, as grep -Z prints it. */
function addLine(files: CachedTable["files"], line: string): void {
  const nul = line.indexOf("\0");
  const name = /include\s*([<"][^>"]+)[>"]/.exec(line.slice(nul + 1))?.[1];
  if (name !== undefined) files[line.slice(0, nul)]?.[1].push(name);
}

/** Headers that any source of the architecture can include, and those that lie beside sources of these directories or above them. */
export function includableHeaders(
  listing: Pick<SourceListing, "files">,
  sourceArch: string,
  directories: ReadonlySet<string>,
): string[] {
  const roots = ["include/", `arch/${sourceArch}/include/`];
  const near = new Set<string>();
  for (let dir of directories) {
    for (; dir !== "" && !near.has(dir); dir = dir.slice(0, Math.max(0, dir.lastIndexOf("/")))) near.add(dir);
  }
  return [...listing.files.keys()].filter(
    (path) =>
      path.endsWith(".h") &&
      (roots.some((root) => path.startsWith(root)) || near.has(path.slice(0, path.lastIndexOf("/")))),
  );
}

function isScanned(path: string, sourceArch: string): boolean {
  if (!/\.[chS]$/.test(path)) return false;
  const [top, second] = path.split("/", 2);
  if (top === "arch") return second === sourceArch;
  return top !== "tools" && top !== "Documentation" && top !== "scripts";
}

function scannedFolders(listing: SourceListing, sourceArch: string): string[] {
  const tops = new Set<string>();
  for (const path of listing.files.keys()) {
    const slash = path.indexOf("/");
    if (slash > 0 && isScanned(path, sourceArch)) tops.add(path.slice(0, slash));
  }
  tops.delete("arch");
  return [...tops, `arch/${sourceArch}`].sort();
}

/** Headers that kbuild gives every compile with -include (Makefile: USERINCLUDE; scripts/Makefile.lib: c_flags). */
const IN_EVERY_FILE = ["include/linux/compiler-version.h", "include/linux/kconfig.h"];
const IN_EVERY_C_FILE = ["include/linux/compiler_types.h"];

export interface Dependent {
  /** A .c or .S file. */
  readonly source: string;
  /** Includes between it and the touched file; 1: it includes it itself. */
  readonly depth: number;
  /** The touched file. */
  readonly through: string;
}

/** The C and assembly files that include one of `touched`, directly or through others; nearest first, then by path. */
export function findDependents(table: IncludeTable, touched: readonly string[], sourceArch: string): Dependent[] {
  const includers = reverseIncludes(table, sourceArch);
  const found = new Map<string, { depth: number; through: string }>();
  let front = touched.map((path) => ({ path, through: path }));
  const all = [...table.includes.keys()].filter((path) => !path.endsWith(".h"));
  const seen = new Set(touched);
  for (let depth = 1; front.length > 0; depth++) {
    const next: typeof front = [];
    for (const { path, through } of front) {
      const direct = includers.get(path) ?? [];
      const implied = IN_EVERY_FILE.includes(path)
        ? all
        : IN_EVERY_C_FILE.includes(path)
          ? all.filter((file) => file.endsWith(".c"))
          : [];
      for (const file of [...direct, ...implied]) {
        if (seen.has(file)) continue;
        seen.add(file);
        next.push({ path: file, through });
        if (!file.endsWith(".h")) found.set(file, { depth, through });
      }
    }
    front = next;
  }
  return [...found]
    .map(([source, { depth, through }]) => ({ source, depth, through }))
    .sort((left, right) => left.depth - right.depth || (left.source < right.source ? -1 : 1));
}

function reverseIncludes(table: IncludeTable, sourceArch: string): Map<string, string[]> {
  const known = table.includes;
  const byName = new Map<string, string[]>();
  for (const path of known.keys()) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const list = byName.get(name);
    if (list === undefined) byName.set(name, [path]);
    else list.push(path);
  }
  // The order of LINUXINCLUDE and USERINCLUDE in the top Makefile.
  const roots = [`arch/${sourceArch}/include`, "include", `arch/${sourceArch}/include/uapi`, "include/uapi"];
  const angled = new Map<string, string[]>();
  const resolveAngled = (name: string): string[] => {
    let result = angled.get(name);
    if (result === undefined) {
      const root = roots.find((dir) => known.has(`${dir}/${name}`));
      if (root !== undefined) result = [`${root}/${name}`];
      // <asm/x.h> without an architecture's own is a generated wrapper of asm-generic/x.h.
      else if (name.startsWith("asm/"))
        result = [`include/asm-generic/${name.slice(4)}`, `include/uapi/asm-generic/${name.slice(4)}`];
      else {
        const plain = name.replace(/^(\.\.?\/)+/, "");
        const last = plain.slice(plain.lastIndexOf("/") + 1);
        result = (byName.get(last) ?? []).filter((path) => path === plain || path.endsWith(`/${plain}`));
      }
      angled.set(name, result);
    }
    return result;
  };
  const reverse = new Map<string, string[]>();
  for (const [file, names] of known) {
    const dir = file.slice(0, file.lastIndexOf("/"));
    for (const written of names) {
      const name = written.slice(1);
      const beside = written.startsWith('"') ? join(dir, name) : "";
      for (const target of known.has(beside) ? [beside] : resolveAngled(name)) {
        const list = reverse.get(target);
        if (list === undefined) reverse.set(target, [file]);
        else list.push(file);
      }
    }
  }
  return reverse;
}

function chunk<T>(list: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < list.length; at += size) parts.push(list.slice(at, at + size));
  return parts;
}
