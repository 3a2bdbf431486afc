import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where `npm test` puts the default build; OBJREVIEW_KERNEL_BUILD names another one. */
export function kernelBuildFolder(): string {
  const given = process.env.OBJREVIEW_KERNEL_BUILD;
  if (given !== undefined && given !== "") return given;
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(cache, "objreview", "build-x86_64-defconfig-gcc");
}

// Programs that run on the build machine, and what is linked from other objects.
const otherFolders = new Set(["tools", "scripts", "usr", "source", "certs"]);
const linked = /^(vmlinux|\.tmp_.*|.*\.mod)\.o$/;

/**
 * Paths of the 64-bit x86 objects of a kernel build, sorted.
 * @throws Error when there are fewer than `minimum`: a test over real objects does not pass without them
 */
export function findKernelObjects(minimum: number): string[] {
  const build = kernelBuildFolder();
  const found: string[] = [];
  collect(build, true, found);
  if (found.length < minimum) {
    throw new Error(
      `${found.length} kernel objects in ${build}, ${minimum} wanted: run "npm test", which builds them, ` +
        "or name a build folder of an x86-64 kernel in OBJREVIEW_KERNEL_BUILD",
    );
  }
  return found.sort();
}

function collect(folder: string, top: boolean, found: string[]): void {
  let entries: ReturnType<typeof readFolder>;
  try {
    entries = readFolder(folder);
  } catch {
    return; // no such folder: the caller counts
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!top || !otherFolders.has(entry.name)) collect(path, false, found);
    } else if (entry.isFile() && entry.name.endsWith(".o") && !linked.test(entry.name) && isX86Object(path)) {
      found.push(path);
    }
  }
}

function readFolder(folder: string) {
  return readdirSync(folder, { withFileTypes: true });
}

/** ELF, 64-bit, little-endian, relocatable, EM_X86_64 */
function isX86Object(path: string): boolean {
  const head = readFileSync(path).subarray(0, 20);
  return head.toString("latin1", 0, 6) === "\x7fELF\x02\x01" && head[16] === 1 && head[18] === 62 && head[19] === 0;
}
