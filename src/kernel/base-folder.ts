import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { z } from "zod";
import { FormatError } from "../base/errors.ts";
import { removeFolder } from "./prepare.ts";
import type { Profile } from "./profile.ts";
import { ensureFolder } from "./state-folder.ts";

// A base is a kernel of which everything was built once, of one commit under one profile. What is kept of it is what reviews ask; the
// objects themselves are in the object cache, where they are found by what they were made from, whichever base they came from.
//
//   <cache>/bases/<tree>-<profile>-<commit>/
//     base.json      which tree, commit, profile and tools; how far the build is; what failed and what is excluded
//     objects        every object with its unit, the digest of its code and its entry of the object cache, compressed JSON
//     facts          what each object tells others, and which objects define and use a name
//     dependencies   which objects were made from which files (dependents.ts)
//     out/ kept/     while it is built: kbuild's O= folder, and the objects of the batch at hand
//   <cache>/bases/<tree>-<profile>-<commit>.lock

const RECORD = "base.json";
const OBJECTS = "objects";
const DEPENDENCIES = "dependencies";
const FACTS = "facts";

const recordSchema = z.strictObject({
  version: z.literal(1),
  /** The folder that the operator named, for people. */
  tree: z.string(),
  /** Name of our own folder for the tree. */
  treeId: z.string(),
  commit: z.string(),
  name: z.string(),
  profile: z.string(),
  /** Digest of the whole profile: another one of the same name is another base. */
  profileKey: z.string(),
  compiler: z.string(),
  preparedKey: z.string(),
  /** Of the facts in it; another version of objreview cannot read them. */
  factsVersion: z.int(),
  /** Directories and objects that it was restricted to; empty for a whole kernel. */
  only: z.array(z.string()),
  state: z.enum(["building", "complete"]),
  startedAt: z.iso.datetime(),
  /** Last change; of a complete one, its end. */
  updatedAt: z.iso.datetime(),
  objects: z.int(),
  done: z.int(),
  modules: z.int(),
  failed: z.array(z.strictObject({ object: z.string(), error: z.string() })),
  /** What is built and belongs to no unit -> how many. */
  excluded: z.record(z.string(), z.int()),
});

export type BaseRecord = z.infer<typeof recordSchema>;

const objectsSchema = z.array(
  z.strictObject({
    object: z.string(),
    unit: z.string(),
    /** Digest of its code: the name of its facts. */
    code: z.string(),
    /** Files of the object cache that hold it, relative to the cache's folder; empty where it was not kept. */
    cached: z.array(z.string()),
  }),
);

export type BaseObjects = z.infer<typeof objectsSchema>;

export interface BaseFolder {
  readonly dir: string;
  readonly record: BaseRecord;
}

const MAX_OBJECTS_BYTES = 64 << 20;

/** Digest of a profile: everything that decides what it builds. */
export function profileKey(profile: Profile): string {
  const { limits: _, summary: __, ...rest } = profile;
  return createHash("sha256").update(JSON.stringify(rest)).digest("hex").slice(0, 16);
}

export function basesFolder(cacheDir: string): string {
  return join(cacheDir, "bases");
}

/** Folder of the base of one commit under one profile. Makes nothing. */
export function baseFolder(cacheDir: string, treeFolder: string, profile: Profile, commit: string): string {
  return join(basesFolder(cacheDir), `${basename(treeFolder)}-${profile.name}-${commit.slice(0, 16)}`);
}

export function writeBaseRecord(dir: string, record: BaseRecord): void {
  replaceFile(join(ensureFolder(dir), RECORD), JSON.stringify(record, undefined, 2));
}

/** Everything but the record, which is written last and says "complete". */
export function writeBaseIndex(dir: string, objects: BaseObjects, dependencies: Uint8Array, facts: Uint8Array): void {
  replaceFile(join(dir, FACTS), facts);
  replaceFile(join(dir, DEPENDENCIES), dependencies);
  replaceFile(join(dir, OBJECTS), zstdCompressSync(JSON.stringify(objects)));
}

/** Every base of the cache, or those of one tree. A folder without a readable record, from a crash or another version, is none. */
export function listBases(cacheDir: string, treeFolder?: string): BaseFolder[] {
  const root = basesFolder(cacheDir);
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .sort()
    .flatMap((name) => {
      const dir = join(root, name);
      const record = readBaseRecord(dir);
      if (record === undefined) return [];
      return treeFolder === undefined || record.treeId === basename(treeFolder) ? [{ dir, record }] : [];
    });
}

export function readBaseRecord(dir: string): BaseRecord | undefined {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(readFileSync(join(dir, RECORD), "utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** The objects of a base that has an index. Throws FormatError where it cannot be read. */
export function readBaseObjects(dir: string): BaseObjects {
  try {
    const bytes = zstdDecompressSync(readFileSync(join(dir, OBJECTS)), { maxOutputLength: MAX_OBJECTS_BYTES });
    return objectsSchema.parse(JSON.parse(bytes.toString()));
  } catch {
    throw new FormatError("bad-value", `${join(dir, OBJECTS)} is damaged: build the base again`, { format: "base" });
  }
}

/** Packed: dependents.ts reads it. */
export function readBaseDependencies(dir: string): Uint8Array {
  return readFileSync(join(dir, DEPENDENCIES));
}

/** The packed facts, which mean something to who made them. */
export function readBaseFacts(dir: string): Uint8Array {
  return readFileSync(join(dir, FACTS));
}

/** A build has come to its end here, if only of a part of the kernel. */
export function hasIndex(base: BaseFolder): boolean {
  return [OBJECTS, DEPENDENCIES, FACTS].every((name) => existsSync(join(base.dir, name)));
}

export function removeBase(dir: string): void {
  // The record first: what is left of an interrupted removal is no base.
  rmSync(join(dir, RECORD), { force: true });
  removeFolder(dir);
}

/** Bytes on disk below `path`, links not followed. */
export function diskBytes(path: string): number {
  const kind = lstatSync(path, { throwIfNoEntry: false });
  if (kind === undefined) return 0;
  let bytes = kind.blocks * 512;
  if (kind.isDirectory()) for (const name of readdirSync(path)) bytes += diskBytes(join(path, name));
  return bytes;
}

function replaceFile(path: string, content: string | Uint8Array): void {
  writeFileSync(`${path}.${process.pid}.new`, content);
  renameSync(`${path}.${process.pid}.new`, path);
}
