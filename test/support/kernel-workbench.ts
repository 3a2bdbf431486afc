import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BuildRequest, BuildResult } from "../../src/kernel/build.ts";
import { buildObjects } from "../../src/kernel/build.ts";
import type { OpenedFolder, PreparedFolder, PrepareOptions } from "../../src/kernel/prepare.ts";
import { openBuildFolder, prepareBase, removeFolder } from "../../src/kernel/prepare.ts";
import type { Profile } from "../../src/kernel/profile.ts";
import { DEFAULT_PROFILE, requireProfile } from "../../src/kernel/profile.ts";
import type { Sandbox } from "../../src/kernel/sandbox.ts";
import { openSandbox } from "../../src/kernel/sandbox.ts";
import type { Slot } from "../../src/kernel/slot.ts";
import { openSlot } from "../../src/kernel/slot.ts";
import type { SourceListing } from "../../src/kernel/source-listing.ts";
import { changedPaths, listCommit } from "../../src/kernel/source-listing.ts";
import { openTree } from "../../src/kernel/tree.ts";
import { testCacheFolder } from "./kernel-tree.ts";
import { openSeriesTree } from "./series-tree.ts";

/** A kernel with its base prepared and two work trees, the second of which a test may edit. */
export interface Workbench {
  readonly sandbox: Sandbox;
  readonly profile: Profile;
  readonly base: Slot;
  readonly head: Slot;
  readonly listing: SourceListing;
  readonly prepared: PreparedFolder;
  readonly scratch: string;
  /** Changes files of the head's work tree and returns its listing. null removes a file. */
  edit(changes: Readonly<Record<string, ((text: string) => string) | null>>): SourceListing;
  /** Puts the head's work tree back. */
  restore(): Promise<void>;
  open(side: "base" | "head", listing?: SourceListing): Promise<OpenedFolder & { readonly outDir: string }>;
  build(
    side: "base" | "head",
    outDir: string,
    objects: readonly string[],
    more?: Partial<BuildRequest>,
  ): Promise<BuildResult>;
  close(): Promise<void>;
}

export async function openWorkbench(profile: Profile = requireProfile(DEFAULT_PROFILE)): Promise<Workbench> {
  const cache = testCacheFolder();
  const state = { state: join(cache, "test-state"), cache };
  const tree = await openTree(openSeriesTree().dir, state);
  const { commit } = await tree.resolve("HEAD");
  const base = await openSlot(tree, "review");
  await base.checkout(commit);
  const head = await openSlot(tree, "review");
  await head.checkout(commit);
  const listing = await listCommit(tree.git, commit);
  const sandbox = await openSandbox({ mode: "bwrap", env: process.env });
  mkdirSync(state.state, { recursive: true });
  const scratch = mkdtempSync(join(state.state, "workbench-"));
  const options: PrepareOptions = { sourceDir: base.dir, listing, profile, sandbox, cacheDir: cache, jobs: 2 };
  const prepared = await prepareBase(options);
  let serial = 0;
  const edited = new Map<string, string>();
  return {
    sandbox,
    profile,
    base,
    head,
    listing,
    prepared,
    scratch,
    edit(changes) {
      head.taint();
      const files = new Map(listing.files);
      for (const [path, change] of Object.entries(changes)) {
        const file = join(head.dir, path);
        if (!edited.has(path)) edited.set(path, file);
        if (change === null) {
          rmSync(file);
          files.delete(path);
          continue;
        }
        const text = change(listing.files.has(path) ? readFileSync(file, "utf8") : "");
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
        files.set(
          path,
          createHash("sha1")
            .update(`blob ${Buffer.byteLength(text)}\0${text}`)
            .digest("hex"),
        );
      }
      return { files };
    },
    restore: () => head.reset(),
    async open(side, own) {
      const outDir = join(scratch, `${side}-${++serial}`);
      const sides = { ...options, sourceDir: side === "base" ? base.dir : head.dir, listing: own ?? listing };
      const changed = own === undefined ? [] : changedPaths(listing, own);
      return { ...(await openBuildFolder(prepared, { ...sides, outDir, changed })), outDir };
    },
    build(side, outDir, objects, more) {
      const sourceDir = side === "base" ? base.dir : head.dir;
      const collectDir = `${outDir}-kept`;
      const newDir = join(scratch, `new-${++serial}`);
      mkdirSync(newDir);
      const replayFolders = { preparedDir: prepared.dir, newDir };
      return buildObjects({
        side,
        sourceDir,
        outDir,
        objects,
        profile,
        sandbox,
        collectDir,
        replayFolders,
        jobs: 2,
        ...more,
      });
    },
    async close() {
      await head.reset();
      head.release();
      base.release();
      removeFolder(scratch);
    },
  };
}
