import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openBuild } from "../parity/build.ts";
import { linkKernel } from "../parity/link-map.ts";
import { flagsFor } from "../parity/their-tool.ts";
import { type Cost, measure, print, spread } from "./measure.ts";

export interface LinkedOptions {
  /** A kernel build folder; the tree's own tool is taken from it. */
  readonly build: string;
  /** Its source, where the folder does not say. */
  readonly tree: string | undefined;
  /** A linked object that the tree's tool has not changed; without it one is linked from the build and stripped. */
  readonly object: string | undefined;
  readonly launcher: string;
  readonly scratch: string;
  readonly rounds: number;
}

/**
 * A whole linked kernel: `objreview check` over the tree's own tool, as whole processes, all rules on. Theirs runs in two forms: as the build runs it, when
 * it writes what it makes (the ORC, the call sites) into the object, and without writing. Ours works out the same ORC and writes nothing.
 */
export async function benchLinked(options: LinkedOptions): Promise<void> {
  const build = openBuild(options.build, options.tree);
  const object = options.object ?? linkStripped(options.build, options.scratch);
  const copy = join(options.scratch, "written.o");
  const flags = flagsFor(build, "linked").filter((flag) => flag !== "--dry-run");
  const tool = [join(options.build, "tools/objtool/objtool"), ...flags];
  const config = join(options.build, ".config");
  const ours = [options.launcher, "check", "--tree", build.tree, "--kernel-config", config, object];
  const costs: Record<"ours" | "writing" | "checking", Cost[]> = { ours: [], writing: [], checking: [] };
  // The first run fills the caches of files and of compiled modules.
  await measure(ours);
  for (let round = 0; round < options.rounds; round++) {
    copyFileSync(object, copy);
    costs.writing.push(await measure([...tool, copy]));
    rmSync(copy);
    costs.checking.push(await measure([...tool, "--dry-run", object]));
    const cost = await measure(ours);
    if (cost.exitCode !== 0 && cost.exitCode !== 1) throw new Error(`objreview check ended with ${cost.exitCode}`);
    costs.ours.push(cost);
  }
  print(`${options.object ?? "vmlinux.o, linked from the build and stripped"}, ${options.rounds} rounds`);
  const row = (name: string, unit: string, value: (cost: Cost) => number): void => {
    const a = costs.ours.map(value);
    print(`  ${name.padEnd(9)} ours ${spread(a)} ${unit}`);
    for (const [form, theirs] of [
      ["as the build runs it", costs.writing],
      ["without writing", costs.checking],
    ] as const) {
      const b = theirs.map(value);
      const ratio = a.map((v, n) => v / (b[n] as number));
      print(`            theirs ${form.padEnd(20)} ${spread(b)} ${unit}, ratio ${spread(ratio)}`);
    }
  };
  row("wall", "s", (cost) => cost.wallSeconds);
  row("user+sys", "s", (cost) => cost.cpuSeconds);
  row("memory", "MB", (cost) => cost.peakBytes / 1e6);
}

function linkStripped(build: string, scratch: string): string {
  const linked = join(scratch, "linked.o");
  const stripped = join(scratch, "vmlinux.o");
  linkKernel(build, linked);
  execFileSync("strip", ["--strip-debug", linked, "-o", stripped]);
  rmSync(linked);
  return stripped;
}
