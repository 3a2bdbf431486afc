// The command line of bubblewrap for one job: an allow-list of mounts and nothing of the host besides.
//
// As a plain user one bwrap does it all. As root that would leave the job with the real root's user id behind a namespace, so
// there are two: the outer one, root with three capabilities, makes the mounts (whose sources may lie below /root); setpriv
// turns it into a user that owns nothing; the inner one, unprivileged from here on, makes the namespaces.

import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, normalize } from "node:path";
import { InvariantError, ToolError } from "../base/errors.ts";
import type { BindMount, Mount, SandboxJob } from "./sandbox.ts";

/** The user inside; what "nobody" is called does not matter, there is no /etc/passwd. */
const INSIDE_ID = "65534";
/** The user outside when we are root. Debian Policy 9.2.2 reserves it, and every 16-bit id mapping of a container has it. */
export const JOB_USER_ID = 65533;

/** Of /etc: where Debian's /usr/bin/cc and the like point, and where the loader finds libraries outside its default folders. */
const ETC_PATHS = ["/etc/alternatives", "/etc/ld.so.cache"];
const ROOT_FOLDERS = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/** Made by us; a job cannot mount over them. */
const OWN_TARGETS = ["/usr", "/proc", "/dev", "/etc", "/bin", "/sbin", "/lib", "/lib64"];

export interface BwrapCommand {
  readonly command: readonly string[];
  /** What it reads from file descriptor 3 before it does anything: the moment at which it can be put in a cgroup. */
  readonly argumentBytes: Uint8Array;
}

export interface BwrapOptions {
  readonly asRoot: boolean;
  /** RLIMIT_AS for each process, where no cgroup bounds the memory. */
  readonly addressSpaceBytes?: number;
}

export function bwrapCommand(job: SandboxJob, options: BwrapOptions): BwrapCommand {
  const namespaces = [
    ...["--unshare-all", "--unshare-user", "--disable-userns", "--uid", INSIDE_ID, "--gid", INSIDE_ID],
    ...["--hostname", "objreview", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"],
    ...Object.entries(job.env).flatMap(([name, value]) => ["--setenv", name, value]),
  ];
  const limited = [...limitCommand(job.limits, options.addressSpaceBytes), ...job.command];
  if (!options.asRoot) {
    const args = [
      ...namespaces,
      ...systemMounts(),
      "--proc",
      "/proc",
      "--dev",
      "/dev",
      ...jobMounts(job.mounts, options.asRoot),
      ...sealRoot(job),
    ];
    return { command: ["bwrap", "--args", "3", "--", ...limited], argumentBytes: nulSeparated(args) };
  }
  const capabilities = ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"].flatMap((name) => ["--cap-add", name]);
  const outer = [
    // The death of a parent is not signalled to a child of another user (kernel/signal.c, check_kill_permission), so here
    // it is the end of a pid namespace that takes everything along.
    ...["--unshare-pid", "--die-with-parent", "--clearenv", "--cap-drop", "ALL", ...capabilities],
    // The inner bwrap needs a /proc and a /dev to start from, and puts its own over both.
    ...[...systemMounts(), "--bind", "/proc", "/proc", "--dev", "/dev", ...jobMounts(job.mounts, options.asRoot)],
  ];
  const drop = [
    ...["setpriv", "--reuid", String(JOB_USER_ID), "--regid", String(JOB_USER_ID), "--clear-groups"],
    ...["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"],
  ];
  const inner = [
    "bwrap",
    ...namespaces,
    "--bind",
    "/",
    "/",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    ...sealRoot(job),
    "--",
  ];
  return { command: ["bwrap", "--args", "3", "--", ...drop, ...inner, ...limited], argumentBytes: nulSeparated(outer) };
}

/** prlimit(1) in front of a command. The number of processes is counted per user and user namespace, so it is ours alone. */
export function limitCommand(limits: SandboxJob["limits"], addressSpaceBytes: number | undefined): string[] {
  const cpuSeconds = Math.ceil(limits.wallMillis / 1000) * 64;
  return [
    ...["prlimit", `--fsize=${limits.fileBytes}`, `--nproc=${limits.processCount}`, "--core=0", `--cpu=${cpuSeconds}`],
    ...(addressSpaceBytes === undefined ? [] : [`--as=${addressSpaceBytes}`]),
    "--",
  ];
}

function systemMounts(): string[] {
  const args = ["--ro-bind", "/usr", "/usr"];
  for (const folder of ROOT_FOLDERS) {
    const kind = lstatSync(folder, { throwIfNoEntry: false });
    if (kind?.isSymbolicLink() === true) args.push("--symlink", readlinkSync(folder), folder);
    else if (kind?.isDirectory() === true) args.push("--ro-bind", folder, folder);
  }
  args.push("--perms", "0755", "--dir", "/etc");
  for (const path of ETC_PATHS) args.push("--ro-bind-try", path, path);
  return args;
}

function jobMounts(mounts: readonly Mount[], asRoot: boolean): string[] {
  const args: string[] = [];
  const made = new Set<string>();
  const all: readonly Mount[] = mounts.some((mount) => mount.target === "/tmp") ? mounts : [DEFAULT_TMP, ...mounts];
  for (const mount of all) {
    checkTarget(mount.target);
    for (const folder of ancestors(mount.target)) {
      if (!made.has(folder)) args.push("--perms", "0755", "--dir", folder);
      made.add(folder);
    }
    made.add(mount.target);
    if (mount.mode === "tmpfs")
      args.push("--perms", "1777", "--size", String(mount.sizeBytes), "--tmpfs", mount.target);
    else args.push(mount.mode === "ro" ? "--ro-bind" : "--bind", checkSource(mount, asRoot), mount.target);
  }
  return args;
}

const DEFAULT_TMP: Mount = { target: "/tmp", mode: "tmpfs", sizeBytes: 1024 * 1024 * 1024 };

/** The folders that only hold mount points live in memory that no limit but the cgroup's bounds: nothing may be written there. */
function sealRoot(job: SandboxJob): string[] {
  return ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", job.cwd];
}

function checkTarget(target: string): void {
  const inOwn = OWN_TARGETS.some((own) => target === own || target.startsWith(`${own}/`));
  if (!isAbsolute(target) || normalize(target) !== target || target === "/" || target.endsWith("/") || inOwn) {
    throw new InvariantError(`${target} cannot be a mount point of a sandbox`);
  }
}

/** The real path of a mount's source. A link in its last part could have been put there by an earlier job. */
function checkSource(mount: BindMount, asRoot: boolean): string {
  const { source } = mount;
  if (!isAbsolute(source)) throw new InvariantError(`${source}: the source of a mount must be absolute`);
  const kind = lstatSync(source, { throwIfNoEntry: false });
  if (kind === undefined)
    throw new ToolError("failed", `${source}: no such file or folder to mount`, { command: ["bwrap"] });
  if (kind.isSymbolicLink()) throw new ToolError("failed", `${source}: is a symbolic link`, { command: ["bwrap"] });
  // The owner is root here and the reader is not; better said now than as a riddle in the middle of a build.
  const readable = kind.isDirectory() ? 0o005 : 0o004;
  if (asRoot && mount.mode === "ro" && kind.uid !== JOB_USER_ID && (kind.mode & readable) !== readable) {
    throw new ToolError(
      "failed",
      `${source}: cannot be read by the user that jobs run as; make it readable to others`,
      {
        command: ["bwrap"],
      },
    );
  }
  const real = `${realpathSync(dirname(source))}/${basename(source)}`;
  // As root we can tell: a folder of the job's user above the source could have been swapped under our feet.
  for (const folder of ancestors(real)) {
    if (asRoot && statSync(folder).uid === JOB_USER_ID) {
      throw new InvariantError(`${source}: lies inside a folder that jobs write to`);
    }
  }
  return real;
}

function ancestors(path: string): string[] {
  const found: string[] = [];
  for (let folder = dirname(path); folder !== "/"; folder = dirname(folder)) found.unshift(folder);
  return found;
}

function nulSeparated(args: readonly string[]): Uint8Array {
  if (args.some((arg) => arg.includes("\0"))) throw new InvariantError("a sandbox argument has a NUL in it");
  return new TextEncoder().encode(args.map((arg) => `${arg}\0`).join(""));
}
