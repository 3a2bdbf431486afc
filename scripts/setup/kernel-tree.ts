import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../src/base/errors.ts";
import { requireSpace } from "../../src/kernel/disk-space.ts";
import { exitStatus, run, SetupError, start } from "./command.ts";
import { type Report, step } from "./progress.ts";
import { fastImportStream, readTar } from "./tar-to-git.ts";

const PACKAGE = "linux-source-6.12";
const TARBALL = `/usr/src/${PACKAGE}.tar.xz`;
const WRITE_BYTES = 1 << 20;

/** The bare git repository of the kernel source inside the cache folder. */
export function kernelTreePath(cache: string): string {
  return join(cache, PACKAGE);
}

/** The tag of the one commit in the cached tree: v6.12.117. */
export async function kernelTreeTag(cache: string): Promise<string> {
  const tags = await run("git", ["--git-dir", kernelTreePath(cache), "tag", "--list", "v*"]);
  return tags.trim().split("\n")[0] ?? "";
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Work in progress is named `<name>.partial-<pid>`; what a dead process left is removed. */
export async function removeStalePartials(cache: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    const pid = /\.partial-(\d+)$/.exec(entry)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(cache, entry), { recursive: true, force: true });
  }
}

/** Moves finished work to its place. Where another process was faster, its result, made from the same input, stays. */
export async function publish(partial: string, place: string): Promise<void> {
  try {
    await rename(partial, place);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    await rm(partial, { recursive: true, force: true });
  }
}

async function importTarball(repository: string, message: string, report: Report): Promise<void> {
  await run("git", ["init", "--quiet", "--bare", "--initial-branch=main", repository]);
  const xz = start(
    spawn("xz", ["--decompress", "--stdout", "--threads=2", TARBALL], { stdio: ["ignore", "pipe", "pipe"] }),
  );
  // Level 1 without deltas: 325 MB, written as fast as level 0 with its 1.5 GB, because every byte of the pack is hashed twice more.
  const compression = ["-c", "core.compression=1", "-c", "pack.compression=1"];
  const importer = start(
    spawn("git", ["--git-dir", repository, ...compression, "fast-import", "--quiet", "--depth=0"], {
      stdio: ["pipe", "ignore", "pipe"],
    }),
  );
  let complaints = "";
  for (const stream of [xz.stderr!, importer.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      complaints = (complaints + text).slice(-2000);
    });
  }
  const xzEnd = exitStatus(xz);
  const importEnd = exitStatus(importer);
  const stdin = importer.stdin!;
  // A write after fast-import has gone is told by its exit status, not here.
  stdin.on("error", () => {});
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  const flush = async (): Promise<void> => {
    const chunk = Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    if (!stdin.write(chunk)) await Promise.race([once(stdin, "drain"), importEnd]);
    if (importer.exitCode !== null) throw new Error("git fast-import ended early");
  };
  try {
    const stream = fastImportStream(readTar(xz.stdout!, 1), message, (files) => report(`${files} files`));
    for await (const part of stream) {
      pending.push(part);
      pendingBytes += part.length;
      if (pendingBytes >= WRITE_BYTES) await flush();
    }
    await flush();
    stdin.end();
    report("finishing the pack");
    const statuses = [await xzEnd, await importEnd];
    if (statuses.some((status) => status !== 0))
      throw new Error(`xz and git fast-import ended with ${statuses.join(" and ")}`);
  } catch (error) {
    xz.kill();
    importer.kill();
    await Promise.allSettled([xzEnd, importEnd]);
    throw new SetupError(`cannot import ${TARBALL} into git: ${(error as Error).message}\n${complaints.trim()}`);
  }
  await run("git", ["--git-dir", repository, "symbolic-ref", "HEAD", "refs/heads/main"]);
  await run("git", ["--git-dir", repository, "config", "gc.auto", "0"]);
}

/** Before a step that would otherwise end in a full disk. */
export function needSpace(folder: string, gigabytes: number, what: string): void {
  try {
    requireSpace(folder, gigabytes * 1024 ** 3, what);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new SetupError(error.message);
  }
}

/** The kernel source as a bare git repository of one commit; unpacked when it is not there yet. */
export async function ensureKernelTree(cache: string): Promise<string> {
  const tree = kernelTreePath(cache);
  if (existsSync(tree)) return tree;
  if (!existsSync(TARBALL)) throw new SetupError(`${TARBALL} is missing: is the Debian package ${PACKAGE} installed?`);
  await mkdir(cache, { recursive: true });
  await removeStalePartials(cache);
  needSpace(cache, 0.5, "the kernel source in git");
  await step("kernel source into git", async (report) => {
    const version = (await run("dpkg-query", ["-W", `-f=\${Version}`, PACKAGE])).trim();
    const partial = `${tree}.partial-${process.pid}`;
    try {
      await importTarball(partial, `Linux, as in the Debian package ${PACKAGE} ${version}\n`, report);
      await publish(partial, tree);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  });
  return tree;
}

/** Where the source lies as plain files, for the builds that tests look at. Reviews make checkouts of their own. */
export function kernelFilesPath(cache: string): string {
  return join(cache, `${PACKAGE}-files`);
}

/** The files of the cached tree, written out once. */
export async function ensureKernelFiles(cache: string): Promise<string> {
  const files = kernelFilesPath(cache);
  if (existsSync(files)) return files;
  const tree = await ensureKernelTree(cache);
  await removeStalePartials(cache);
  needSpace(cache, 1.8, "the kernel source as files");
  await step("kernel source as files", async (report) => {
    const partial = `${files}.partial-${process.pid}`;
    await mkdir(partial);
    const git = [
      "--git-dir",
      tree,
      "--work-tree",
      partial,
      "-c",
      "checkout.workers=2",
      "-c",
      "core.hooksPath=/dev/null",
    ];
    const env = { ...process.env, GIT_INDEX_FILE: `${partial}.index` };
    try {
      await run("git", [...git, "read-tree", "-u", "--reset", "HEAD"], { report, env });
      await publish(partial, files);
    } finally {
      await rm(partial, { recursive: true, force: true });
      await rm(`${partial}.index`, { force: true });
    }
  });
  return files;
}
