// Bounds on memory and processes for a whole job, where the kernel lets us have a control group: v2 when a branch is delegated
// to us (Documentation/admin-guide/cgroup-v2.rst, "Delegation"), v1 as root (Documentation/admin-guide/cgroup-v1).

import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

export interface CgroupPlace {
  readonly kind: "cgroup v2" | "cgroup v1";
  /** Folder in which a group for memory is made, and the one for processes; the same under v2. */
  readonly memoryParent: string;
  readonly pidsParent: string;
}

export interface CgroupLimits {
  readonly memoryBytes: number;
  readonly processCount: number;
}

/** How often a bound was hit so far. */
export interface CgroupEvents {
  readonly outOfMemoryKills: number;
  readonly refusedForks: number;
}

/**
 * Places in which a group can be made, best first.
 * @param selfCgroup text of /proc/self/cgroup
 * @param mountInfo text of /proc/self/mountinfo
 */
export function findCgroupPlaces(selfCgroup: string, mountInfo: string): CgroupPlace[] {
  const own = new Map<string, string>();
  for (const line of selfCgroup.split("\n")) {
    // cgroups(7): "id:controller,controller:path", with an empty list for v2.
    const [, controllers, path] = line.match(/^\d+:([^:]*):(\/.*)$/) ?? [];
    if (path !== undefined) for (const controller of (controllers ?? "").split(",")) own.set(controller, path);
  }
  const places: CgroupPlace[] = [];
  const v2 = findMount(mountInfo, "cgroup2", undefined);
  const v2Path = own.get("");
  if (v2 !== undefined && v2Path !== undefined) {
    const here = join(v2, v2Path);
    // A group that has processes cannot hand controllers down, so the usual place is beside our own group, not in it.
    for (const parent of here === v2 ? [here] : [dirname(here), here]) {
      const handedDown = readText(join(parent, "cgroup.subtree_control")).split(/\s+/);
      if (handedDown.includes("memory") && handedDown.includes("pids") && isWritable(parent)) {
        places.push({ kind: "cgroup v2", memoryParent: parent, pidsParent: parent });
      }
    }
  }
  const memory = findV1Parent(mountInfo, own, "memory");
  const pids = findV1Parent(mountInfo, own, "pids");
  if (memory !== undefined && pids !== undefined)
    places.push({ kind: "cgroup v1", memoryParent: memory, pidsParent: pids });
  return places;
}

let serial = 0;

/** A group of its own for one job. Throws what the file system throws when it cannot be made. */
export class Cgroup {
  readonly #place: CgroupPlace;
  readonly #folders: readonly string[];

  constructor(place: CgroupPlace, limits: CgroupLimits) {
    serial += 1;
    const name = `objreview-${process.pid}-${serial}`;
    this.#place = place;
    const memory = join(place.memoryParent, name);
    const pids = join(place.pidsParent, name);
    this.#folders = memory === pids ? [memory] : [memory, pids];
    try {
      for (const folder of this.#folders) mkdirSync(folder);
      if (place.kind === "cgroup v2") {
        writeFileSync(join(memory, "memory.max"), String(limits.memoryBytes));
        writeIfThere(join(memory, "memory.swap.max"), "0");
        // The job fails as a whole, not with one compiler missing.
        writeIfThere(join(memory, "memory.oom.group"), "1");
      } else {
        writeFileSync(join(memory, "memory.limit_in_bytes"), String(limits.memoryBytes));
        writeIfThere(join(memory, "memory.memsw.limit_in_bytes"), String(limits.memoryBytes));
      }
      writeFileSync(join(pids, "pids.max"), String(limits.processCount));
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Moves a process in; what it starts from then on is in too. */
  join(processId: number): void {
    for (const folder of this.#folders) writeFileSync(join(folder, "cgroup.procs"), String(processId));
  }

  events(): CgroupEvents {
    const memory = this.#folders[0]!;
    const counters = this.#place.kind === "cgroup v2" ? "memory.events" : "memory.oom_control";
    return {
      outOfMemoryKills: readCounter(join(memory, counters), "oom_kill"),
      refusedForks: readCounter(join(this.#folders.at(-1)!, "pids.events"), "max"),
    };
  }

  /** Kills what is left in the group and removes it. */
  remove(): void {
    for (let round = 0; round < 50; round += 1) {
      const left = this.#folders.flatMap((folder) => readText(join(folder, "cgroup.procs")).split("\n"));
      for (const processId of left) if (processId !== "") kill(Number(processId));
      if (this.#folders.every(removeGroup)) return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** Removes the groups of processes that were killed before they could. */
export function sweepCgroups(place: CgroupPlace): void {
  for (const parent of new Set([place.memoryParent, place.pidsParent])) {
    for (const name of readdirSync(parent)) {
      const owner = name.match(/^objreview-(\d+)-\d+$/)?.[1];
      // A number that is in use again leaves an empty group behind until the next time: no harm.
      if (owner !== undefined && !existsSync(`/proc/${owner}`)) removeGroup(join(parent, name));
    }
  }
}

function findV1Parent(mountInfo: string, own: ReadonlyMap<string, string>, controller: string): string | undefined {
  const mount = findMount(mountInfo, "cgroup", controller);
  const path = own.get(controller);
  if (mount === undefined || path === undefined) return undefined;
  // In a container the path may be the host's and not exist below the mount.
  return [join(mount, path), mount].find((folder) => existsSync(folder) && isWritable(folder));
}

/** Mount point of a file system type, with a super option of that name (proc_pid_mountinfo(5)). */
function findMount(mountInfo: string, type: string, option: string | undefined): string | undefined {
  for (const line of mountInfo.split("\n")) {
    const [before, after] = line.split(" - ");
    const [fsType, , options] = after?.split(" ") ?? [];
    if (fsType !== type || (option !== undefined && options?.split(",").includes(option) !== true)) continue;
    return before?.split(" ")[4];
  }
  return undefined;
}

function readCounter(path: string, name: string): number {
  return Number(readText(path).match(new RegExp(`^${name} (\\d+)$`, "m"))?.[1] ?? 0);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function writeIfThere(path: string, value: string): void {
  if (existsSync(path)) writeFileSync(path, value);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function kill(processId: number): void {
  try {
    process.kill(processId, "SIGKILL");
  } catch {
    // It is gone.
  }
}

function removeGroup(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}
