import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { readSavedCommand } from "./saved-command.ts";

// Which objects were made from which files, from the `.cmd` files of a full base build: kbuild's own answer.

export interface DependencyIndex {
  /** Source path -> objects that were made from it. */
  readonly objectsOf: ReadonlyMap<string, readonly string[]>;
  /** "CONFIG_X" -> objects that depend on its value. */
  readonly objectsOfSymbol: ReadonlyMap<string, readonly string[]>;
  readonly objectCount: number;
}

/** Reads every `.NAME.o.cmd` below `outDir`, a folder that a trusted build wrote. `sourceRoot` is the source's path in them. */
export function readDependencyIndex(outDir: string, sourceRoot: string): DependencyIndex {
  const objectsOf = new Map<string, string[]>();
  const objectsOfSymbol = new Map<string, string[]>();
  let objectCount = 0;
  const add = (map: Map<string, string[]>, key: string, object: string): void => {
    const list = map.get(key);
    if (list === undefined) map.set(key, [object]);
    else list.push(object);
  };
  const visit = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) {
        visit(path);
        continue;
      }
      const name = /^\.(.+\.o)\.cmd$/.exec(entry.name)?.[1];
      if (name === undefined || !entry.isFile()) continue;
      const text = readFileSync(path, "utf8");
      if (!/^(saved)?cmd_\S+ := /m.test(text)) continue;
      const saved = readSavedCommand(text, path);
      if (saved.source === undefined) continue;
      const object = join(relative(outDir, dir), name);
      objectCount++;
      for (const dep of new Set([saved.source, ...saved.deps])) {
        if (dep.startsWith(`${sourceRoot}/`)) add(objectsOf, dep.slice(sourceRoot.length + 1), object);
      }
      for (const symbol of new Set(saved.configSymbols)) add(objectsOfSymbol, `CONFIG_${symbol}`, object);
    }
  };
  visit(outDir);
  return { objectsOf, objectsOfSymbol, objectCount };
}
