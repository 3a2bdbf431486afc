import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readSavedCommand, savedCommandPath } from "../../src/kernel/saved-command.ts";
import { kernelBuildFolder } from "./kernel-objects.ts";
import { repositoryRoot } from "./repository.ts";

// Planted defects: patches against the kernel of the test build, each compiled for real in a scratch folder.

/** One line of test/kernel/plants/expected.json. */
export interface Plant {
  /** File in test/kernel/plants. */
  readonly patch: string;
  /** Path in the build folder of the object that it changes. */
  readonly object: string;
  /** Objects of the build, as they are there, that are known beside it. */
  readonly others?: readonly string[];
  readonly rule: string;
  readonly function: string;
  /** Source place of the finding; line 0 where the compiler gives none. */
  readonly file: string;
  readonly line: number;
}

export const plantsFolder = join(repositoryRoot, "test/kernel/plants");

export function readPlants(): readonly Plant[] {
  return JSON.parse(readFileSync(join(plantsFolder, "expected.json"), "utf8")) as Plant[];
}

export interface PlantedObject {
  readonly bytes: Uint8Array;
  /** What source paths in its line table begin with. */
  readonly root: string;
}

/**
 * Compiles an object with the saved command of the test build, line tables on, from a copy of its source that `patch` was applied to.
 * @param patch a unified diff of that one source file; undefined: the file as it is
 * @param options of the compiler, behind those of the build
 */
export function compilePlanted(object: string, patch: string | undefined, options = ""): PlantedObject {
  const build = kernelBuildFolder();
  const saved = readSavedCommand(readFileSync(join(build, savedCommandPath(object)), "utf8"), object);
  const tree = join(build, "source");
  const source = saved.source;
  if (source === undefined) throw new Error(`${object}: its saved command names no source`);
  const suffix = source.endsWith(".S") ? ".S" : ".c";
  const path = object.replace(/\.o$/, suffix);
  const root = mkdtempSync(join(tmpdir(), "objreview-plant-"));
  try {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(join(tree, path), join(root, path));
    if (patch !== undefined)
      execFileSync("git", ["apply", "-p1", patch], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const out = join(root, "planted.o");
    const command = saved.compile
      .replaceAll(source, join(root, path))
      .replace(/-Wp,-MMD,\S+/, "")
      .replace(` -o ${object} `, ` -g1 -Wno-error ${options} -I${dirname(join(tree, path))} -o ${out} `);
    if (!command.includes(out)) throw new Error(`${object}: its saved command does not say -o ${object}`);
    execFileSync("sh", ["-c", command], { cwd: build, stdio: ["ignore", "pipe", "pipe"] });
    return { bytes: new Uint8Array(readFileSync(out)), root };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
