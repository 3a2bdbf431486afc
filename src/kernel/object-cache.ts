import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { z } from "zod";
import type { BuiltObject } from "./build.ts";
import type { Diagnostic } from "./build-errors.ts";
import { readBuilt } from "./collect.ts";
import type { CompileCache } from "./kbuild.ts";
import { commandIdentity } from "./kbuild.ts";
import { keptByListing } from "./listing-shelf.ts";
import { isBuildPlanFile, isRecipeFor, isSharedRecipe } from "./plan-inputs.ts";
import type { PreparedFolder } from "./prepare.ts";
import type { Profile } from "./profile.ts";
import type { SourceListing } from "./source-listing.ts";
import { digestListing, memoByListing } from "./source-listing.ts";

// Finished objects of trusted sources, found again by content. An object is the same when kbuild would run the same command
// (its recipes, the configuration and the tools are the same) over the same files, and when no header of a name that it
// includes has appeared or gone elsewhere, which could be found first on the include path.
//
//   <cache>/objects/<2 digits>/<rest of the plan's and the object's digest>.entry   what it was made from, compressed JSON
//   <cache>/objects/data/<2 digits>/<rest of the digest>.zst                        the object, compressed
//
// A whole kernel's entries would be 150 MB with a blob id for each of the 1400 files that an object is made from: an entry has the
// names and one digest of all the ids.

export interface CachedObject {
  readonly bytes: Uint8Array;
  readonly command: string;
  readonly deps: readonly string[];
  readonly generated: readonly string[];
  readonly warnings: readonly Diagnostic[];
  /** The files that hold it, relative to the cache's folder. */
  readonly files: readonly string[];
}

export interface ObjectCache {
  find(object: string, outDir: string): CachedObject | undefined;
  keep(item: BuiltObject, outDir: string, warnings: readonly Diagnostic[]): void;
}

const diagnostic = z.strictObject({
  file: z.string(),
  line: z.int(),
  text: z.string(),
  via: z.array(z.strictObject({ file: z.string(), line: z.int() })),
  severity: z.enum(["error", "warning"]),
  option: z.string().optional(),
});

const entrySchema = z.strictObject({
  command: z.string(),
  /** Paths of the source tree that it was made from, and one digest of their blob ids. */
  sources: z.array(z.string()),
  sourcesDigest: z.string(),
  /** Path in the build folder -> digest. */
  generated: z.record(z.string(), z.string()),
  /** Digest of where headers of the included names stand. */
  shadows: z.string(),
  digest: z.string(),
  warnings: z.array(diagnostic),
});

const MAX_GENERATED_BYTES = 16 << 20;

/** Opens the cache in `cacheDir`/objects for one prepared folder and the source listing it is used with. */
export function openObjectCache(options: {
  readonly cacheDir: string;
  readonly prepared: PreparedFolder;
  readonly listing: SourceListing;
  readonly profile: Profile;
  readonly compileCache?: CompileCache | undefined;
}): ObjectCache {
  const { prepared, listing, profile } = options;
  const root = join(options.cacheDir, "objects");
  // Everything that decides the command and is no dependency of the compile itself. The configuration's values count through
  // the generated headers and through this digest of all of them.
  const plan = digest([
    profile.name,
    prepared.toolchain.id,
    commandIdentity(profile, options.compileCache),
    JSON.stringify([...prepared.config.values].sort()),
    digestSharedRecipes(listing, profile.sourceArch),
  ]);
  const entryFile = (object: string): string => {
    const key = digest([plan, digestRecipesFor(listing, dirname(object)), object]);
    return join(root, key.slice(0, 2), `${key.slice(2)}.entry`);
  };
  const dataFile = (id: string): string => join(root, "data", id.slice(0, 2), `${id.slice(2)}.zst`);
  const digestSources = (paths: readonly string[]): string | undefined => {
    const hash = createHash("sha256");
    for (const path of paths) {
      const id = listing.files.get(path);
      if (id === undefined) return undefined;
      hash.update(`${path}\0${id}\n`);
    }
    return hash.digest("hex");
  };

  return {
    find(object, outDir) {
      const entries = readEntries(entryFile(object));
      for (const entry of entries) {
        const { sources } = entry;
        if (digestSources(sources) !== entry.sourcesDigest) continue;
        if (shadowsOf(listing, sources) !== entry.shadows) continue;
        if (Object.keys(entry.generated).some((path) => digestGenerated(outDir, path) !== entry.generated[path]))
          continue;
        const bytes = readData(dataFile(entry.digest), entry.digest);
        if (bytes === undefined) continue;
        const warnings = entry.warnings.map((item) => ({ ...item, option: item.option }));
        return {
          bytes,
          command: entry.command,
          deps: sources,
          generated: Object.keys(entry.generated),
          warnings,
          files: [entryFile(object), dataFile(entry.digest)].map((file) => relative(options.cacheDir, file)),
        };
      }
      return undefined;
    },
    keep(item, outDir, warnings) {
      const sources = [...item.deps];
      const sourcesDigest = digestSources(sources);
      // A dependency that the listing does not know has no identity to compare: not kept.
      if (sourcesDigest === undefined) return;
      const generated: Record<string, string> = {};
      for (const inside of item.generated) {
        const id = digestGenerated(outDir, inside);
        if (id === undefined) return;
        generated[inside] = id;
      }
      const bytes = readFileSync(item.file);
      const id = createHash("sha256").update(bytes).digest("hex");
      writeWhole(dataFile(id), zstdCompressSync(bytes));
      const entry = {
        command: item.command,
        sources,
        sourcesDigest,
        generated,
        shadows: shadowsOf(listing, sources),
        digest: id,
        warnings: warnings.map(({ option, ...rest }) => ({
          ...rest,
          via: [...rest.via],
          ...(option === undefined ? {} : { option }),
        })),
      };
      const file = entryFile(item.object);
      const older = readEntries(file).filter((other) => other.sourcesDigest !== sourcesDigest);
      writeWhole(file, zstdCompressSync(JSON.stringify([entry, ...older].slice(0, MAX_ENTRIES))));
    },
  };
}

/** Versions of one object that are kept. */
const MAX_ENTRIES = 8;
const MAX_ENTRIES_BYTES = 16 << 20;
const MAX_OBJECT_BYTES = 1 << 30;

function readEntries(file: string): z.infer<typeof entrySchema>[] {
  try {
    const parsed = z
      .array(entrySchema)
      .safeParse(JSON.parse(inflate(readFileSync(file), MAX_ENTRIES_BYTES).toString()));
    return parsed.success ? parsed.data : [];
  } catch {
    // Not there, or cut off by a crash: the object is built again.
    return [];
  }
}

function readData(file: string, id: string): Uint8Array | undefined {
  try {
    const bytes = inflate(readFileSync(file), MAX_OBJECT_BYTES);
    return createHash("sha256").update(bytes).digest("hex") === id ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function inflate(bytes: Uint8Array, maxOutputLength: number): Buffer {
  return zstdDecompressSync(bytes, { maxOutputLength });
}

function writeWhole(file: string, data: Uint8Array | string): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.new`;
  writeFileSync(temporary, data);
  renameSync(temporary, file);
}

function digestGenerated(outDir: string, path: string): string | undefined {
  const file = readBuilt(outDir, path, MAX_GENERATED_BYTES);
  return file.kind === "file" ? createHash("sha256").update(file.bytes).digest("hex") : undefined;
}

const recipesOf = memoByListing((listing) => [...listing.files.keys()].filter(isBuildPlanFile).sort());

/** Of the recipes that decide about a directory. */
const digestRecipesFor = keptByListing((listing, dir) => {
  const own = recipesOf(listing).filter((path) => isRecipeFor(path, dir));
  return digest(own.map((path) => `${path}=${listing.files.get(path)}`));
});

const digestSharedRecipes = keptByListing((listing, sourceArch) => {
  const shared = recipesOf(listing).filter((path) => isSharedRecipe(path, sourceArch));
  return digestListing({ files: new Map(shared.map((path) => [path, listing.files.get(path)!])) }, () => "content");
});

/** Listings whose headers were gone through: then an answer is quicker worked out than kept. */
const indexed = new WeakSet<SourceListing>();

/** Digest of where headers of the names of `deps` stand. */
function shadowsOf(listing: SourceListing, deps: Iterable<string>): string {
  const names = [...new Set([...deps].map(baseName))].sort().join("\0");
  return indexed.has(listing) ? digestPlaces(listing, names) : keptPlaces(listing, names);
}

function digestPlaces(listing: SourceListing, names: string): string {
  indexed.add(listing);
  const headers = indexByName(listing);
  return digest(names.split("\0").map((name) => `${name}=${headers.get(name) ?? ""}`));
}

const keptPlaces = keptByListing(digestPlaces);

/** Name of a header -> where headers of that name stand. */
const indexByName = memoByListing((listing): ReadonlyMap<string, string> => {
  const places = new Map<string, string[]>();
  for (const path of listing.files.keys()) {
    if (!path.endsWith(".h")) continue;
    const name = baseName(path);
    const list = places.get(name);
    if (list === undefined) places.set(name, [path]);
    else list.push(path);
  }
  return new Map([...places].map(([name, paths]) => [name, paths.sort().join(" ")]));
});

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function digest(parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\0")).digest("hex");
}
