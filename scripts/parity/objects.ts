import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pick, type Random, shuffle } from "./random.ts";
import { isObject } from "./raw.ts";

// Which objects of a build are compared: members of vmlinux and of modules, as kbuild lists them.

// 64-bit code that runs outside of the kernel proper; the tree's own tool is not run on it either (Makefile.lib, objtool-enabled).
const OUTSIDE = /(^|\/)(vdso|realmode|purgatory|boot|libstub)\//;

/** Every member of vmlinux.a, of the libraries beside it and of the modules, relative to the build folder, sorted. */
export function memberObjects(build: string): string[] {
  const found = new Set<string>();
  for (const archive of ["vmlinux.a", "lib/lib.a", "arch/x86/lib/lib.a"]) {
    if (!existsSync(join(build, archive))) continue;
    const names = execFileSync("ar", ["t", archive], { cwd: build, encoding: "utf8", maxBuffer: 1 << 26 });
    for (const name of names.split("\n")) if (name.endsWith(".o")) found.add(name);
  }
  for (const list of moduleLists(build, "")) {
    for (const name of readFileSync(join(build, list), "utf8").split(/\s+/)) if (name.endsWith(".o")) found.add(name);
  }
  // Single objects of a build that was never finished.
  if (!existsSync(join(build, "vmlinux.a"))) for (const name of compiledObjects(build, "")) found.add(name);
  return [...found].filter((name) => !OUTSIDE.test(name) && isObject(join(build, name))).sort();
}

/** Those of them that are parts of modules. */
export function moduleObjects(build: string): Set<string> {
  const names = moduleLists(build, "").flatMap((list) => readFileSync(join(build, list), "utf8").split(/\s+/));
  return new Set(names.filter((name) => name.endsWith(".o")));
}

/** Objects that were compiled, not linked from others, by kbuild's saved commands. */
function compiledObjects(build: string, folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(build, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory() && !["source", "tools", "include", "scripts", "usr", "certs"].includes(entry.name))
      found.push(...compiledObjects(build, path));
    const name = /^\.(.+\.o)\.cmd$/.exec(entry.name)?.[1];
    if (name === undefined) continue;
    if (/^(?:savedcmd|cmd)_\S+ := .* -c -o /m.test(readFileSync(join(build, path), "utf8")))
      found.push(folder === "" ? name : `${folder}/${name}`);
  }
  return found;
}

function moduleLists(build: string, folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(build, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory() && !["source", "tools", "include", "scripts"].includes(entry.name))
      found.push(...moduleLists(build, path));
    else if (entry.name.endsWith(".mod")) found.push(path);
  }
  return found;
}

/**
 * `count` of them, the same for the same seed: most of the assembly of arch/x86, the rest spread evenly over the top folders.
 * @param tree source tree, to tell assembly from C
 */
export function chooseObjects(members: readonly string[], tree: string, count: number, random: Random): string[] {
  if (count >= members.length) return [...members];
  const assembly = members.filter(
    (name) => name.startsWith("arch/x86/") && existsSync(join(tree, name.replace(/\.o$/, ".S"))),
  );
  const chosen = new Set(shuffle(assembly, random).slice(0, Math.ceil(count / 3)));
  const byFolder = new Map<string, string[]>();
  for (const name of members) {
    if (assembly.includes(name)) continue;
    const folder = name.split("/")[0] as string;
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), name]);
  }
  const folders = [...byFolder.values()];
  while (chosen.size < count) {
    const left = folders.filter((list) => list.length > 0);
    if (left.length === 0) break;
    for (const list of left) {
      if (chosen.size >= count) break;
      const name = pick(list, random);
      list.splice(list.indexOf(name), 1);
      chosen.add(name);
    }
  }
  return [...chosen].sort();
}
