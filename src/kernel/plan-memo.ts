import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DirectoryPlan, MakeEnvironment } from "./build-plan.ts";
import { isBuildPlanFile } from "./plan-inputs.ts";
import type { PreparedFolder } from "./prepare.ts";
import { digestListing, memoByListing, type SourceListing } from "./source-listing.ts";
import { ensureFolder } from "./state-folder.ts";

// Evaluating the top Makefile costs as much as compiling a file. Its answer, and those of the directories, are the same as long as the
// recipes, the configuration and the tools are, so those of trusted sources are kept.

export interface PlanMemo {
  readonly environment: MakeEnvironment | undefined;
  readonly plans: ReadonlyMap<string, DirectoryPlan>;
  keep(environment: MakeEnvironment, plans: ReadonlyMap<string, DirectoryPlan>): void;
}

const digestRecipes = memoByListing((listing) =>
  digestListing(listing, (path) => (isBuildPlanFile(path) ? "content" : undefined)),
);

/** Marks a Map in the JSON file: directory plans hold some. */
const MAP_KEY = "$map";

/** The memo of one prepared folder and the source listing that it is used with. A damaged file counts as empty. */
export function openPlanMemo(cacheDir: string, prepared: PreparedFolder, listing: SourceListing): PlanMemo {
  const recipes = digestRecipes(listing);
  const key = createHash("sha256")
    .update(`${prepared.key}\0${prepared.toolchain.id}\0${recipes}`)
    .digest("hex")
    .slice(0, 32);
  const file = join(ensureFolder(cacheDir, "plans"), `${key}.json`);
  const kept = existsSync(file) ? readMemo(file) : undefined;
  return {
    environment: kept?.environment,
    plans: kept?.plans ?? new Map(),
    keep(environment, plans) {
      const text = JSON.stringify({ environment, plans }, (_, value) =>
        value instanceof Map ? { [MAP_KEY]: [...value] } : value,
      );
      const temporary = `${file}.${process.pid}`;
      writeFileSync(temporary, text);
      renameSync(temporary, file);
    },
  };
}

function readMemo(
  file: string,
): { environment: MakeEnvironment; plans: ReadonlyMap<string, DirectoryPlan> } | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"), (_, value) =>
      typeof value === "object" && value !== null && MAP_KEY in value ? new Map(value[MAP_KEY]) : value,
    );
  } catch {
    return undefined;
  }
}
