import { readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SYSTEM_PATH } from "./process.ts";
import { ensureFolder } from "./state-folder.ts";
import type { Toolchain } from "./toolchain.ts";

// Asking a compiler for its version inside the sandbox costs a tenth of compiling a file. The answer is kept as long as the files of all
// tools are the same by path, size and time, the same that the answer itself is made of.

const memoSchema = z.record(
  z.string(),
  z.strictObject({
    files: z.record(z.string(), z.string()),
    toolchain: z.strictObject({ id: z.string(), compiler: z.string() }),
  }),
);

/** Reviews do without a compile cache. */
const OPTIONAL = "ccache";

/** The kept answer for a set of tools, where none of their files has changed since. */
export function recallToolchain(cacheDir: string, tools: readonly string[]): Toolchain | undefined {
  const entry = readMemo(cacheDir)[tools.join(" ")];
  if (entry === undefined) return undefined;
  for (const tool of tools) {
    const file = findTool(tool);
    // One that can be gone without: the others are asked for again, and the answer says what is missing.
    if (file === undefined ? tool !== OPTIONAL : !(file in entry.files)) return undefined;
  }
  const isSame = Object.entries(entry.files).every(([file, identity]) => identify(file) === identity);
  return isSame ? entry.toolchain : undefined;
}

/** Keeps an answer. `files` are absolute paths of everything that it depends on. */
export function keepToolchain(
  cacheDir: string,
  tools: readonly string[],
  files: readonly string[],
  toolchain: Toolchain,
): void {
  const all = { ...readMemo(cacheDir) };
  const identities = Object.fromEntries(files.map((file) => [file, identify(file)] as const));
  if (Object.values(identities).includes("")) return;
  all[tools.join(" ")] = { files: identities, toolchain: { id: toolchain.id, compiler: toolchain.compiler } };
  const file = memoFile(cacheDir);
  writeFileSync(`${file}.${process.pid}`, JSON.stringify(all));
  renameSync(`${file}.${process.pid}`, file);
}

function memoFile(cacheDir: string): string {
  return join(ensureFolder(cacheDir), "toolchains.json");
}

function readMemo(cacheDir: string): z.infer<typeof memoSchema> {
  try {
    const parsed = memoSchema.safeParse(JSON.parse(readFileSync(memoFile(cacheDir), "utf8")));
    return parsed.success ? parsed.data : {};
  } catch {
    return {};
  }
}

function findTool(name: string): string | undefined {
  for (const folder of SYSTEM_PATH.split(":")) {
    try {
      return realpathSync(join(folder, name));
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

function identify(file: string): string {
  try {
    const stat = statSync(file);
    return `${stat.size} ${stat.mtimeMs} ${stat.ino}`;
  } catch {
    return "";
  }
}
