import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../../src/base/errors.ts";

/** Where a linker put one section of an object. */
export interface PlacedSection {
  /** Name of the input section, of the output section, and the byte offset in that. */
  readonly name: string;
  readonly into: string;
  readonly offset: number;
  readonly size: number;
}

/** Path of an object, relative to the build folder -> its sections, in the order of the output. */
export type LinkMap = ReadonlyMap<string, readonly PlacedSection[]>;

/**
 * Links the kernel's objects to one, as the build does before its tool works on that (reference kernel scripts/Makefile.vmlinux_o).
 * @returns the map of the link; the linked object is at `output`
 */
export function linkKernel(build: string, output: string): LinkMap {
  const archive = join(build, "vmlinux.a");
  if (!existsSync(archive)) throw new UsageError(`${archive}: no such file`);
  const map = `${output}.map`;
  const command = join(build, ".vmlinux.o.cmd");
  const group = existsSync(command)
    ? /--start-group(.*?)--end-group/.exec(readFileSync(command, "utf8"))?.[1]?.trim()
    : undefined;
  const libraries = group === undefined || group === "" ? [] : group.split(/\s+/);
  const wanted = ["-m", "elf_x86_64", "-z", "noexecstack", "--no-warn-rwx-segments", "-r", "-o", output, `-Map=${map}`];
  const inputs = ["--whole-archive", "vmlinux.a", "--no-whole-archive", "--start-group", ...libraries, "--end-group"];
  execFileSync("ld", [...wanted, ...inputs], { cwd: build, stdio: ["ignore", "ignore", "inherit"] });
  return readLinkMap(readFileSync(map, "utf8"));
}

/** Reads the map of GNU ld: ` .section 0xaddress 0xsize path`, the name on a line of its own where it is long. */
export function readLinkMap(text: string): LinkMap {
  const found = new Map<string, PlacedSection[]>();
  let into = "";
  let name = "";
  for (const line of text.slice(text.indexOf("Linker script and memory map")).split("\n")) {
    const output = /^([.\w][^\s]*)(\s|$)/.exec(line);
    if (output !== null) {
      into = output[1] as string;
      continue;
    }
    const alone = /^ ([^\s*]\S*)$/.exec(line);
    if (alone !== null) {
      name = alone[1] as string;
      continue;
    }
    const placed = /^ (\S+)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$/.exec(line);
    if (placed === null || placed[1]?.startsWith("*") === true) continue;
    if (placed[1] !== undefined) name = placed[1];
    const path = (placed[4] as string).replace(/^.*\((.*)\)$/, "$1");
    const row = {
      name,
      into,
      offset: Number.parseInt(placed[2] as string, 16),
      size: Number.parseInt(placed[3] as string, 16),
    };
    const list = found.get(path);
    if (list === undefined) found.set(path, [row]);
    else list.push(row);
  }
  return found;
}
