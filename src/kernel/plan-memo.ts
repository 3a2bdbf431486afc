import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { DirectoryPlan, MakeEnvironment } from "./build-plan.ts";
import { keptByListing } from "./listing-shelf.ts";
import { isBuildPlanFile } from "./plan-inputs.ts";
import type { PreparedFolder } from "./prepare.ts";
import { digestListing, type SourceListing } from "./source-listing.ts";
import { ensureFolder } from "./state-folder.ts";

// Evaluating the top Makefile costs as much as compiling a file. Its answer, and those of the directories, are the same as long as the
// recipes, the configuration and the tools are, so those of trusted sources are kept.
//
//   <cache>/plans/<key>.plan
//
// The flags of a whole kernel are 9 MB and almost all the same, and a review asks for a handful of directories. The file is a line that names the format and
// the checksum of the next one; a line of JSON, {environment, dirs: [[directory, bytes of its plan], ...]}; then the plans, each compressed with a checksum.

export interface PlanMemo {
  readonly environment: MakeEnvironment | undefined;
  readonly plans: Pick<ReadonlyMap<string, DirectoryPlan>, "has" | "get">;
  /** Adds to what is kept. */
  keep(environment: MakeEnvironment, plans: ReadonlyMap<string, DirectoryPlan>): void;
}

const digestRecipes = keptByListing((listing) =>
  digestListing(listing, (path) => (isBuildPlanFile(path) ? "content" : undefined)),
);

const MAGIC = "objreview plans 1";
const MAX_PLAN_BYTES = 256 << 20;

/** The memo of one prepared folder and the source listing that it is used with. A damaged file counts as empty, a damaged plan as not there. */
export function openPlanMemo(cacheDir: string, prepared: PreparedFolder, listing: SourceListing): PlanMemo {
  const recipes = digestRecipes(listing);
  const key = createHash("sha256")
    .update(`${prepared.key}\0${prepared.toolchain.id}\0${recipes}`)
    .digest("hex")
    .slice(0, 32);
  return openPlanFile(join(ensureFolder(cacheDir, "plans"), `${key}.plan`));
}

/** What is kept in one file, which need not be there. */
export function openPlanFile(file: string): PlanMemo {
  const kept = readPlanFile(file);
  const read = new Map<string, DirectoryPlan | undefined>();
  const get = (dir: string): DirectoryPlan | undefined => {
    if (!read.has(dir)) read.set(dir, readPlan(kept?.packed.get(dir)));
    return read.get(dir);
  };
  return {
    environment: kept?.environment,
    plans: { get, has: (dir) => get(dir) !== undefined },
    keep(environment, plans) {
      const packed = new Map(kept?.packed);
      for (const [dir, plan] of plans) packed.set(dir, packPlan(plan));
      const dirs = [...packed].map(([dir, bytes]) => [dir, bytes.length]);
      const head = JSON.stringify({ environment: [...environment], dirs });
      const temporary = `${file}.${process.pid}`;
      writeFileSync(temporary, Buffer.concat([Buffer.from(`${MAGIC} ${crc32(head)}\n${head}\n`), ...packed.values()]));
      renameSync(temporary, file);
      // What versions before this one kept under the same key.
      rmSync(file.replace(/\.plan$/, ".json"), { force: true });
    },
  };
}

function readPlanFile(
  file: string,
): { environment: MakeEnvironment; packed: ReadonlyMap<string, Uint8Array> } | undefined {
  try {
    const bytes = readFileSync(file);
    const magicEnd = bytes.indexOf("\n");
    const headEnd = bytes.indexOf("\n", magicEnd + 1);
    const head = bytes.toString("utf8", magicEnd + 1, headEnd);
    if (bytes.toString("latin1", 0, magicEnd) !== `${MAGIC} ${crc32(head)}`) return undefined;
    const { environment, dirs } = JSON.parse(head) as { environment: [string, string][]; dirs: [string, number][] };
    const packed = new Map<string, Uint8Array>();
    let at = headEnd + 1;
    for (const [dir, length] of dirs) {
      packed.set(dir, bytes.subarray(at, at + length));
      at += length;
    }
    return { environment: new Map(environment), packed };
  } catch {
    // Not there, or nothing of ours.
    return undefined;
  }
}

function packPlan({ partsY, partsM, flags, ...lists }: DirectoryPlan): Uint8Array {
  const text = JSON.stringify({ ...lists, partsY: [...partsY], partsM: [...partsM], flags: [...flags] });
  return zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}

function readPlan(packed: Uint8Array | undefined): DirectoryPlan | undefined {
  if (packed === undefined) return undefined;
  try {
    const plan = JSON.parse(zstdDecompressSync(packed, { maxOutputLength: MAX_PLAN_BYTES }).toString());
    return { ...plan, partsY: new Map(plan.partsY), partsM: new Map(plan.partsM), flags: new Map(plan.flags) };
  } catch {
    return undefined;
  }
}
