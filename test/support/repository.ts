import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that package.json is in. */
export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Files of this repository that git knows or would take, sorted; none that .gitignore names. */
export function repositoryFiles(): string[] {
  const listing = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: repositoryRoot,
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  const names = new Set(listing.split("\0").filter((name) => name !== ""));
  return [...names].filter((name) => existsSync(join(repositoryRoot, name))).sort();
}

export function readRepositoryFile(name: string): string {
  return readFileSync(join(repositoryRoot, name), "utf8");
}

export interface Import {
  readonly from: string;
  /** As written: `./x.ts`, `node:fs`, `zod`. */
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** What a TypeScript file imports or re-exports, `import()` included. Comments and strings are not told apart: write no import in one. */
export function importsOf(name: string, source: string): Import[] {
  const found: Import[] = [];
  const statement = /^\s*(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s*)?"([^"]+)"/gm;
  for (const match of source.matchAll(statement)) {
    found.push({ from: name, specifier: match[2]!, typeOnly: match[1] !== undefined });
  }
  for (const match of source.matchAll(/\bimport\(\s*"([^"]+)"/g)) {
    found.push({ from: name, specifier: match[1]!, typeOnly: false });
  }
  return found;
}
