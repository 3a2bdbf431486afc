import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ToolError, UsageError } from "../base/errors.ts";
import { readBuilt } from "./collect.ts";
import { alignTimes } from "./file-times.ts";
import type { BuildProgress, CompileCache, SandboxedRun } from "./kbuild.ts";
import { requireSuccess, runInBuild, runMake, SOURCE_MOUNT } from "./kbuild.ts";
import type { KernelConfig } from "./kernel-config.ts";
import { readKernelConfig } from "./kernel-config.ts";
import { keptByListing } from "./listing-shelf.ts";
import { FolderLock } from "./lock.ts";
import { isConfigurationFile, preparedInput } from "./plan-inputs.ts";
import { runOk, SYSTEM_PATH } from "./process.ts";
import type { Profile } from "./profile.ts";
import type { Sandbox } from "./sandbox.ts";
import type { SourceListing } from "./source-listing.ts";
import { digestListing } from "./source-listing.ts";
import { ensureFolder } from "./state-folder.ts";
import type { Toolchain } from "./toolchain.ts";
import { identifyToolchain } from "./toolchain.ts";

// A prepared folder is kbuild's O= folder after `make <config>` and `make prepare`: configuration, generated headers, host
// tools; no object. It is made from trusted source only, kept under a key of everything that decides it, and never written
// again: base and head each build in a copy of it (9 MB, 0.2 s, against 20 s to make it).
//
//   <cache>/prepared/<profile>-<plan key>/<header key>/{out/, prepared.json}
//
// The plan key covers what is known beforehand (plan-inputs.ts, toolchain, profile). The headers that the generators include
// are known only afterwards, from kbuild's own dependency files; they give the second key.

export interface PreparedFolder {
  /** The O= folder. Read it, copy it, never build in it. */
  readonly dir: string;
  /** Digest of everything that decides it. */
  readonly key: string;
  readonly toolchain: Toolchain;
  readonly config: KernelConfig;
  /** Source files that kbuild's dependency files of the folder name: inputs of generated headers and of host tools. */
  readonly inputs: ReadonlySet<string>;
  /** It was there already. */
  readonly fromCache: boolean;
  readonly millis: number;
}

export interface PrepareOptions {
  readonly sourceDir: string;
  /** Called before `sourceDir` is read, which it is only when nothing fitting is kept; makes it hold what `listing` says. */
  readonly needSource?: (() => Promise<void>) | undefined;
  /** The listing of `sourceDir`. */
  readonly listing: SourceListing;
  readonly profile: Profile;
  readonly sandbox: Sandbox;
  /** Our cache folder; "prepared" is made in it. */
  readonly cacheDir: string;
  readonly compileCache?: CompileCache | undefined;
  /** Processes at a time. */
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BuildProgress) => void) | undefined;
}

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

const preparedRecord = z.strictObject({
  version: z.literal(1),
  profile: z.string(),
  toolchain: z.strictObject({ id: z.string(), compiler: z.string() }),
  /** Source files that kbuild's dependency files of the folder name -> blob id. */
  deps: z.record(z.string(), z.string()),
});

type PreparedRecord = z.infer<typeof preparedRecord>;

/** Digest of what decides a prepared folder, by the architecture. */
const digestInputs = keptByListing((listing, sourceArch) => digestListing(listing, preparedInput(sourceArch)));

/**
 * The prepared folder of a trusted source, from the cache or made now. Throws ToolError where the base cannot be configured
 * or prepared, UsageError where a line of the profile's fragment does not hold in this tree.
 */
export async function prepareBase(options: PrepareOptions): Promise<PreparedFolder> {
  const began = performance.now();
  const { profile, listing, sandbox, sourceDir, compileCache, signal } = options;
  const root = ensureFolder(options.cacheDir, "prepared");
  const scratch = ensureFolder(root, `ask-${process.pid}`);
  const folders = { sourceDir, outDir: scratch };
  const toolchain = await identifyToolchain(sandbox, profile, folders, compileCache, signal, options.cacheDir);
  rmSync(scratch, { recursive: true, force: true });

  const planKey = shortDigest([
    digestInputs(listing, profile.sourceArch),
    toolchain.id,
    JSON.stringify([profile.kernelArch, profile.config, profile.compiler, profile.cFlags, profile.asmFlags]),
    compileCache === undefined ? "" : "ccache",
  ]);
  const shelf = ensureFolder(root, `${profile.name}-${planKey}`);
  const lock = await FolderLock.acquire(join(root, `${profile.name}-${planKey}.lock`));
  try {
    const candidates = readShelf(shelf);
    const found = candidates.find((candidate) => changedDeps(candidate.record, listing).length === 0);
    if (found !== undefined) return describe(found.dir, found.key, found.record, true, began);

    await options.needSource?.();
    const work = join(shelf, "work");
    rmSync(work, { recursive: true, force: true });
    const seed = candidates[0];
    const outDir = join(work, "out");
    mkdirSync(work, { recursive: true });
    const run: SandboxedRun = { ...options, folders: { sourceDir, outDir }, seconds: profile.limits.prepareSeconds };
    if (seed === undefined) {
      mkdirSync(outDir);
      await configure(run, options.onProgress);
    } else {
      // Nothing but headers differs: kbuild makes again what depends on them.
      await copyFolder(join(seed.dir, "out"), outDir);
      await alignTimes(outDir, sourceDir, changedDeps(seed.record, listing));
    }
    await makePrepare(run, options);
    const record: PreparedRecord = {
      version: 1,
      profile: profile.name,
      toolchain: { id: toolchain.id, compiler: toolchain.compiler },
      deps: collectDeps(outDir, listing),
    };
    writeFileSync(join(work, "prepared.json"), JSON.stringify(record));
    const key = shortDigest([planKey, JSON.stringify(Object.entries(record.deps).sort())]);
    const dir = join(shelf, key);
    rmSync(dir, { recursive: true, force: true });
    renameSync(work, dir);
    return describe(dir, key, record, false, began);
  } finally {
    lock.release();
  }
}

/** What opening a build folder did. */
export interface OpenedFolder {
  readonly config: KernelConfig;
  /** The configuration was made anew, because the patch touches what decides it. */
  readonly reconfigured: boolean;
  readonly millis: number;
}

/**
 * A fresh build folder for one side: a copy of the prepared folder, with file times that say which sources differ from the
 * prepared one (`changed`, paths in the source tree; empty for the base). Where they include a file that decides the
 * configuration, it is made anew from the side's own source; everything else kbuild's own pass sees by itself.
 * A failing configuration throws ToolError: for head that is the patch's doing.
 */
export async function openBuildFolder(
  prepared: PreparedFolder,
  side: PrepareOptions & { readonly outDir: string; readonly changed: readonly string[] },
): Promise<OpenedFolder> {
  const began = performance.now();
  removeFolder(side.outDir);
  await copyFolder(prepared.dir, side.outDir);
  await alignTimes(side.outDir, side.sourceDir, side.changed);
  await side.sandbox.adopt(side.outDir);
  const reconfigured = side.changed.some(isConfigurationFile);
  let { config } = prepared;
  if (reconfigured) {
    const folders = { sourceDir: side.sourceDir, outDir: side.outDir };
    const run: SandboxedRun = { ...side, folders, seconds: side.profile.limits.prepareSeconds };
    await configure(run, side.onProgress);
    config = readConfig(side.outDir);
  }
  return { config, reconfigured, millis: performance.now() - began };
}

/** Removes a build folder, whatever a build has made of it; symbolic links are not followed. */
export function removeFolder(dir: string): void {
  rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

/** The configuration in a build folder. Throws ToolError where there is none. */
export function readConfig(outDir: string): KernelConfig {
  const file = readBuilt(outDir, ".config", MAX_CONFIG_BYTES);
  if (file.kind !== "file") {
    const why = file.kind === "refused" ? file.why : "there is no .config";
    throw new ToolError("failed", `the configuration step left nothing usable: ${why}`, { command: ["make"] });
  }
  return readKernelConfig(new TextDecoder().decode(file.bytes));
}

async function configure(run: SandboxedRun, onProgress: PrepareOptions["onProgress"]): Promise<void> {
  const { target, fragment } = run.profile.config;
  onProgress?.({ phase: "configure", text: `make ${target}` });
  requireSuccess(await runMake(run, ["-s", target]), ["make", target], `make ${target}`);
  if (fragment.length === 0) return;
  const append = ["/bin/sh", "-c", 'printf "%s\\n" "$@" >> .config', "sh", ...fragment];
  requireSuccess(await runInBuild(run, append), append, "laying the profile's lines over .config");
  requireSuccess(await runMake(run, ["-s", "olddefconfig"]), ["make", "olddefconfig"], "make olddefconfig");
  const config = readConfig(run.folders.outDir);
  for (const line of fragment) {
    const [, symbol, value] = /^(CONFIG_\w+)=(.*)$/.exec(line) ?? [];
    const off = /^# (CONFIG_\w+) is not set$/.exec(line)?.[1];
    const holds =
      off === undefined ? config.values.get(symbol!) === value!.replace(/^"(.*)"$/, "$1") : !config.values.has(off);
    if (!holds)
      throw new UsageError(`profile ${run.profile.name}: "${line}" does not hold in this tree's configuration`);
  }
}

async function makePrepare(run: SandboxedRun, options: PrepareOptions): Promise<void> {
  let steps = 0;
  const onLine = (line: string): void => {
    if (/^ {2}[A-Z]/.test(line))
      options.onProgress?.({ phase: "prepare", text: `step ${++steps}: ${line.trim().replace(/ {2,}/, " ")}` });
  };
  const args = [`-j${options.jobs}`, "prepare"];
  requireSuccess(await runMake({ ...run, onLine }, args), ["make", ...args], "make prepare");
}

function describe(dir: string, key: string, record: PreparedRecord, fromCache: boolean, began: number): PreparedFolder {
  const out = join(dir, "out");
  const millis = performance.now() - began;
  const inputs = new Set(Object.keys(record.deps));
  return { dir: out, key, toolchain: record.toolchain, config: readConfig(out), inputs, fromCache, millis };
}

interface Candidate {
  readonly dir: string;
  readonly key: string;
  readonly record: PreparedRecord;
}

function readShelf(shelf: string): Candidate[] {
  const candidates: Candidate[] = [];
  for (const key of readdirSync(shelf).sort()) {
    const file = join(shelf, key, "prepared.json");
    if (key === "work" || !existsSync(file)) continue;
    const record = preparedRecord.safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (record.success) candidates.push({ dir: join(shelf, key), key, record: record.data });
  }
  return candidates;
}

function changedDeps(record: PreparedRecord, listing: SourceListing): string[] {
  return Object.keys(record.deps).filter((path) => listing.files.get(path) !== record.deps[path]);
}

/** Source files that the `.cmd` files below `outDir` name, with their ids. Names that the listing lacks are generated. */
function collectDeps(outDir: string, listing: SourceListing): Record<string, string> {
  const deps: Record<string, string> = {};
  const below = new RegExp(`${SOURCE_MOUNT}/([^\\s\\\\()]+)`, "g");
  const visit = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && entry.name.endsWith(".cmd")) {
        for (const match of readFileSync(path, "utf8").matchAll(below)) {
          const id = listing.files.get(match[1]!);
          if (id !== undefined) deps[match[1]!] = id;
        }
      }
    }
  };
  visit(outDir);
  return deps;
}

async function copyFolder(from: string, to: string): Promise<void> {
  await runOk(["cp", "-a", "--reflink=auto", "--", from, to], { env: { PATH: SYSTEM_PATH, LC_ALL: "C" } });
}

function shortDigest(parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 24);
}
