import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDiff } from "../../src/patch/diff.ts";
import type { FileDiff } from "../../src/patch/file-diff.ts";
import { changedIdentifiers } from "../../src/patch/identifiers.ts";

/** One edit of one header, as a patch against the source of the build. */
export interface Edit {
  /** "01-tcp-slow-start" */
  readonly name: string;
  readonly file: string;
  readonly digest: string;
  readonly header: string;
  readonly diff: readonly FileDiff[];
  /** Names that its hunks show to be changed. */
  readonly defined: ReadonlySet<string>;
}

export function readEdits(folder: string): Edit[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".patch"))
    .sort()
    .map((name) => {
      const file = join(folder, name);
      const text = readFileSync(file, "utf8");
      const diff = parseDiff(text);
      return {
        name: name.replace(/\.patch$/, ""),
        file,
        digest: createHash("sha256").update(text).digest("hex").slice(0, 16),
        header: diff[0]?.path ?? "",
        diff,
        defined: new Set(diff.flatMap((each) => [...changedIdentifiers(each).defined])),
      };
    });
}
