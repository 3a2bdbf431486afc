import { availableParallelism } from "node:os";
import { type BaseFolder, type BaseRecord, diskBytes, hasIndex, listBases } from "../kernel/base-folder.ts";
import { collectGarbage } from "../kernel/base-gc.ts";
import { freeBytes } from "../kernel/disk-space.ts";
import { DEFAULT_PROFILE, requireProfile } from "../kernel/profile.ts";
import { openSandbox } from "../kernel/sandbox.ts";
import { locateState } from "../kernel/state-folder.ts";
import { openTree } from "../kernel/tree.ts";
import { type BaseBuildResult, buildBase } from "../review/base-build.ts";
import { isOutdated } from "../review/base-index.ts";
import { GIGABYTE, gigabytes, heldBytes } from "../review/base-space.ts";
import type { CommandIo } from "./check.ts";
import { findProfile } from "./profile-option.ts";
import type { ReviewEnvironment } from "./review.ts";

export interface BaseBuildOptions {
  readonly tree: string;
  readonly commit?: string;
  readonly profile?: string;
  readonly only?: readonly string[];
  readonly jobs?: number;
  /** Gigabytes (10^9 bytes). */
  readonly diskCap?: number;
  readonly sandbox: "bwrap" | "runner";
}

export interface BaseStatusOptions {
  readonly tree?: string;
  readonly json?: boolean;
}

export interface BaseGcOptions {
  readonly diskCap?: number;
}

type Environment = Pick<ReviewEnvironment, "env" | "signal" | "progress">;

/**
 * `objreview base build`: builds everything of one commit under one profile, and the index of it that reviews use.
 * @returns exit status: 0 whole, 1 some objects could not be built, 2 stopped before its end
 */
export async function baseBuildCommand(
  options: BaseBuildOptions,
  io: CommandIo,
  environment: Environment,
): Promise<number> {
  let result: BaseBuildResult;
  try {
    result = await buildBase({
      tree: options.tree,
      commit: options.commit,
      profile: options.profile === undefined ? requireProfile(DEFAULT_PROFILE) : findProfile(options.profile),
      state: locateState(environment.env),
      openSandbox: () => openSandbox({ mode: options.sandbox, env: environment.env }),
      only: options.only ?? [],
      jobs: options.jobs ?? availableParallelism(),
      capBytes: options.diskCap === undefined ? undefined : options.diskCap * GIGABYTE,
      signal: environment.signal,
      onProgress: (line) => environment.progress.line(line),
    });
  } finally {
    environment.progress.done();
  }
  const { record, built } = result;
  if (result.stopped) {
    io.err(
      `objreview: stopped with ${record.done} of ${record.objects} objects; the same command goes on from there\n`,
    );
    return 2;
  }
  io.out(`${describeBase(record)}\n${built} objects were built now, ${record.done - built} were known.\n`);
  for (const { object, error } of record.failed) io.out(`not in the index: ${object}: ${error}\n`);
  return record.failed.length === 0 ? 0 : 1;
}

/**
 * `objreview base status`: the bases there are, how far each is, how old, what they hold.
 * @returns exit status: 0 there is a whole base, 1 there is none
 */
export async function baseStatusCommand(
  options: BaseStatusOptions,
  io: CommandIo,
  { env }: Pick<Environment, "env">,
): Promise<number> {
  const state = locateState(env);
  const folder = options.tree === undefined ? undefined : (await openTree(options.tree, state)).folder;
  const bases = listBases(state.cache, folder);
  const held = heldBytes(state);
  const isWhole = (base: BaseFolder): boolean => hasIndex(base) && isComplete(base.record) && !isOutdated(base);
  if (options.json === true) {
    const list = bases.map((base) => ({
      ...base.record,
      dir: base.dir,
      bytes: diskBytes(base.dir),
      index: hasIndex(base),
      complete: isWhole(base),
      outdated: isOutdated(base),
    }));
    const free = freeBytes(state.cache);
    io.out(`${JSON.stringify({ version: "1.0", bases: list, heldBytes: held, freeBytes: free }, undefined, 2)}\n`);
  } else {
    for (const base of bases) {
      io.out(`${describeBase(base.record)}\n`);
      if (isOutdated(base))
        io.out("    made by another version of objreview: the same command makes the index again\n");
    }
    if (bases.length === 0) io.out("no base yet: objreview base build --tree DIR makes one\n");
    io.out(`Bases and the object cache hold ${gigabytes(held)}; ${gigabytes(freeBytes(state.cache))} are free.\n`);
  }
  return bases.some(isWhole) ? 0 : 1;
}

/**
 * `objreview base gc`: removes what is of no use, and with a cap the oldest bases.
 * @returns exit status: 0, or 1 where the cap could not be kept
 */
export function baseGcCommand(options: BaseGcOptions, io: CommandIo, { env }: Pick<Environment, "env">): number {
  const cap = options.diskCap === undefined ? undefined : options.diskCap * GIGABYTE;
  const state = locateState(env);
  const result = collectGarbage(state.cache, cap);
  for (const line of result.removed) io.out(`removed ${line}\n`);
  // In the words and figures of `status`, which counts folders too.
  const freed = result.freedBytes === 0 ? "Nothing to remove" : `${gigabytes(result.freedBytes)} freed`;
  io.out(`${freed}; bases and the object cache hold ${gigabytes(heldBytes(state))}.\n`);
  if (!result.isBelowCap) io.err("objreview: still above the cap: the rest belongs to a base that is being built\n");
  return result.isBelowCap ? 0 : 1;
}

function isComplete(record: BaseRecord): boolean {
  return record.state === "complete" && record.only.length === 0 && record.failed.length === 0;
}

function describeBase(record: BaseRecord): string {
  const modules = record.modules === 0 ? "" : ` of vmlinux and ${record.modules} modules`;
  const lines = [
    `${record.name} under ${record.profile}: ${record.done} of ${record.objects} objects${modules}`,
    `    tree ${record.tree}, commit ${record.commit.slice(0, 12)}, ${record.compiler}`,
    record.state === "complete"
      ? `    built ${age(record.updatedAt)}`
      : `    not finished (last change ${age(record.updatedAt)}): the same command goes on`,
  ];
  if (record.only.length > 0) lines.push(`    incomplete index: only ${record.only.join(" ")}`);
  if (record.failed.length > 0)
    lines.push(
      `    ${record.failed.length} not in the index: ${record.failed
        .map((f) => f.object)
        .slice(0, 5)
        .join(", ")}`,
    );
  const excluded = Object.entries(record.excluded).map(([what, count]) => `${what} ${count}`);
  if (excluded.length > 0) lines.push(`    objects of no unit, left out: ${excluded.join(", ")}`);
  return lines.join("\n");
}

function age(date: string): string {
  const minutes = Math.max(0, Math.round((Date.now() - Date.parse(date)) / 60_000));
  if (minutes === 0) return "just now";
  if (minutes < 120) return `${minutes} min ago`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} hours ago` : `${Math.round(minutes / 60 / 24)} days ago`;
}
