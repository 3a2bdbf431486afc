import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BuiltObject } from "./build.ts";
import type { BuildProgress, BuildRun, SandboxedRun } from "./kbuild.ts";
import { runInBuild } from "./kbuild.ts";
import { withMountedFile } from "./mounted-file.ts";
import { isBuildPlanFile, isGeneratorInput } from "./plan-inputs.ts";
import type { PreparedFolder } from "./prepare.ts";
import type { Mount } from "./sandbox.ts";
import type { SourceListing } from "./source-listing.ts";
import { changedPaths } from "./source-listing.ts";

// kbuild's pass over one object costs as much again as compiling it. Its saved command gives the same bytes, as long as nothing
// has changed that decides the command or what else would have to be made first. What that is, is listed here once; a test
// holds both halves: the bytes, and that each condition forces.

export interface ReplayPlan {
  /** Object -> what made it on the base side. */
  readonly commands: ReadonlyMap<string, BuiltObject>;
  /** Why kbuild has to be asked, for every object that is not in `commands`. */
  readonly forced: ReadonlyMap<string, string>;
}

export interface ReplayQuestion {
  readonly objects: readonly string[];
  /** The base side's objects of the same prepared folder. */
  readonly base: ReadonlyMap<string, BuiltObject>;
  readonly baseListing: SourceListing;
  readonly headListing: SourceListing;
  readonly prepared: PreparedFolder;
  /** Identities (toolchain id, commandIdentity) that the base commands were saved under, and those of now. */
  readonly baseIdentity: string;
  readonly headIdentity: string;
}

/** Decides for each object whether its saved command may be replayed over the head's source. */
export function planReplay(question: ReplayQuestion): ReplayPlan {
  const { objects, base, prepared } = question;
  const commands = new Map<string, BuiltObject>();
  const forced = new Map<string, string>();
  const general = reasonForAll(question);
  for (const object of objects) {
    const made = base.get(object);
    const why = general ?? (made === undefined ? "the base has no command for it" : reasonForOne(made, prepared));
    if (why === undefined) commands.set(object, made!);
    else forced.set(object, why);
  }
  return { commands, forced };
}

function reasonForAll(question: ReplayQuestion): string | undefined {
  const { baseListing, headListing, prepared } = question;
  if (question.baseIdentity !== question.headIdentity) return "the compiler or the environment is another";
  for (const path of changedPaths(baseListing, headListing)) {
    if (isBuildPlanFile(path)) return `${path} decides how objects are built`;
    if (isDocumentation(path)) continue;
    if (!baseListing.files.has(path)) return `${path} is new`;
    if (!headListing.files.has(path)) return `${path} is gone`;
    if (isGeneratorInput(path) || prepared.inputs.has(path)) return `${path} is an input of a generated file`;
    if (!/\.[chS]$/.test(path)) return `${path} may decide what is built`;
  }
  return undefined;
}

function reasonForOne(made: BuiltObject, prepared: PreparedFolder): string | undefined {
  if (!made.command.includes(` -c -o ${made.object} `)) return "its saved command is not one compile";
  if (!/^[\x20-\x7e]+$/.test(made.command)) return "its saved command holds control characters";
  const late = made.generated.find((path) => !existsSync(join(prepared.dir, path)));
  return late === undefined ? undefined : `it needs ${late}, which is made during the build`;
}

function isDocumentation(path: string): boolean {
  return path.startsWith("Documentation/") || /(^|\/)(MAINTAINERS|CREDITS|README)$|\.rst$/.test(path);
}

/** Where replayed objects are written inside the sandbox. */
const NEW_MOUNT = "/objreview/new";

/**
 * Runs the compile step of each object's saved command, `jobs` at a time, in one sandbox. The run's build folder is only read, so the
 * prepared one itself serves and need not be copied; what is made goes to `newDir`, under the objects' own paths.
 */
export async function replayObjects(
  run: SandboxedRun,
  plan: ReplayPlan,
  objects: readonly string[],
  newDir: string,
  jobs: number,
  onProgress?: (progress: BuildProgress) => void,
): Promise<{ readonly run: BuildRun }> {
  let done = 0;
  const onLine = (line: string): void => {
    if (line.startsWith("  CC      "))
      onProgress?.({ phase: "replay", text: `${++done} of ${objects.length}: ${line.slice(10)}` });
  };
  // make runs them: it keeps the output of each in one piece and says which failed in the words that build-errors.ts reads.
  const rules = objects.map((object) => {
    const command = intoNewFolder(plan.commands.get(object)!.command.replace(/^ccache /, ""), object).replaceAll(
      "$",
      "$$$$",
    );
    const folder = `${NEW_MOUNT}/${object.slice(0, Math.max(0, object.lastIndexOf("/")))}`;
    return `.PHONY: ${object}\n${object}:\n\t@echo '  CC      ${object}'\n\t@mkdir -p ${folder}\n\t@${command}\n`;
  });
  const makefile = `all: ${objects.join(" ")}\n${rules.join("")}`;
  // A file, because 60 commands of 4 KiB are more than one argument may hold.
  return withMountedFile(makefile, REPLAY_MOUNT, async (mount) => {
    const command = ["make", "-rR", "-k", "-Otarget", `-j${jobs}`, "-f", REPLAY_MOUNT, "all"];
    const made: Mount = { source: newDir, target: NEW_MOUNT, mode: "rw" };
    return { run: await runInBuild({ ...run, readsOnly: true, onLine, mounts: [mount, made] }, command) };
  });
}

/** The same command with its two outputs elsewhere; neither path is part of the object. */
function intoNewFolder(command: string, object: string): string {
  return command
    .replace(` -c -o ${object} `, ` -c -o ${NEW_MOUNT}/${object} `)
    .replace(/(-Wp,-M?MD,)(?!\/)/, `$1${NEW_MOUNT}/`);
}

const REPLAY_MOUNT = "/objreview/replay.mk";
