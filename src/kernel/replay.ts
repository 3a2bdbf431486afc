import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuildProgress, BuildRun, SandboxedRun } from "./kbuild.ts";
import { runInBuild } from "./kbuild.ts";
import type { Mount } from "./sandbox.ts";
import type { SavedCommand } from "./saved-command.ts";

export interface ReplayPlan {
  /** Object -> the command that makes it. */
  readonly commands: ReadonlyMap<string, SavedCommand>;
  /** Why kbuild has to be asked, for every object that is not in `commands`. */
  readonly forced: ReadonlyMap<string, string>;
}

/** Runs the compile step of each object's saved command in the head's build folder, `jobs` at a time, in one sandbox. */
export async function replayObjects(
  run: SandboxedRun,
  plan: ReplayPlan,
  objects: readonly string[],
  jobs: number,
  onProgress?: (progress: BuildProgress) => void,
): Promise<{ readonly run: BuildRun }> {
  let done = 0;
  const onLine = (line: string): void => {
    if (line.startsWith("  CC      ")) onProgress?.({ phase: "replay", text: `${++done} of ${objects.length}: ${line.slice(10)}` });
  };
  // make runs them: it keeps the output of each in one piece and says which failed in the words that build-errors.ts reads.
  const rules = objects.map((object) => {
    const command = plan.commands.get(object)!.compile.replace(/^ccache /, "").replaceAll("$", "$$$$");
    const folder = object.slice(0, Math.max(0, object.lastIndexOf("/"))) || ".";
    return `.PHONY: ${object}\n${object}:\n\t@echo '  CC      ${object}'\n\t@mkdir -p ${folder}\n\t@${command}\n`;
  });
  const makefile = `all: ${objects.join(" ")}\n${rules.join("")}`;
  // A file, because 60 commands of 4 KiB are more than one argument may hold.
  const folder = mkdtempSync(join(tmpdir(), "objreview-replay-"));
  try {
    const file = join(folder, "replay.mk");
    writeFileSync(file, makefile, { mode: 0o644 });
    const command = ["make", "-rR", "-k", "-Otarget", `-j${jobs}`, "-f", REPLAY_MOUNT, "all"];
    const mounts: Mount[] = [{ source: file, target: REPLAY_MOUNT, mode: "ro" }];
    return { run: await runInBuild({ ...run, onLine, mounts }, command) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const REPLAY_MOUNT = "/objreview/replay.mk";
