import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
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
 * Links the kernel's objects to one, as the build does before its tool works on that (reference kernel scripts/Makefile.vmlinux_o). Always by GNU
 * ld, whose map is read.
 * @param instead files that take the place of objects, by the paths of those
 * @returns the map of the link; the linked object is at `output`
 */
export function linkKernel(build: string, output: string, instead: ReadonlyMap<string, string> = new Map()): LinkMap {
  const archives = ["vmlinux.a", ...libraries(build)];
  const members = archives.flatMap((archive) => {
    if (!existsSync(join(build, archive))) throw new UsageError(`${join(build, archive)}: no such file`);
    return execFileSync("ar", ["t", archive], { cwd: build, encoding: "utf8", maxBuffer: 1 << 26 }).split("\n");
  });
  const objects = [...new Set(members.filter((name) => name.endsWith(".o")))];
  const map = `${output}.map`;
  const list = `${output}.list`;
  writeFileSync(list, objects.map((object) => instead.get(object) ?? object).join("\n"));
  const options = ["-m", "elf_x86_64", "-z", "noexecstack", "--no-warn-rwx-segments", "-r"];
  execFileSync("ld", [...options, "-o", output, `-Map=${map}`, `@${list}`], {
    cwd: build,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const placed = readLinkMap(readFileSync(map, "utf8"));
  for (const file of [map, list]) unlinkSync(file);
  const objectOf = new Map([...instead].map(([object, file]) => [file, object]));
  return new Map([...placed].map(([file, sections]) => [objectOf.get(file) ?? file, sections]));
}

/** Libraries that the build links beside vmlinux.a; none since 6.1, whose vmlinux.a has their members. */
function libraries(build: string): string[] {
  const command = join(build, ".vmlinux.o.cmd");
  const group = existsSync(command)
    ? /--start-group(.*?)--end-group/.exec(readFileSync(command, "utf8"))?.[1]?.trim()
    : undefined;
  return group === undefined || group === "" ? [] : group.split(/\s+/);
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
