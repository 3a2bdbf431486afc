// node scripts/task.ts demo|serve-local|test|bench|parity|headers|sound|check [arguments]; started by scripts/run.mjs once the npm packages are there.
// A task is the set-up that it needs and one or more commands. The set-up reports to stderr; stdout is the commands'.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runAttached, SetupError, stopCommands } from "./setup/command.ts";
import {
  type DebianPackage,
  ensureDebianPackages,
  imagePackages,
  reviewPackages,
  testPackages,
} from "./setup/debian-packages.ts";
import { ensureKernelTree, kernelTreeTag, needSpace } from "./setup/kernel-tree.ts";
import { cacheFolder, repositoryRoot, withHome } from "./setup/paths.ts";
import { stepTimes } from "./setup/progress.ts";
import { ensureTestObjects, testBuildPath } from "./setup/test-objects.ts";

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** An exit status besides 0 that is a good end. */
  readonly mayEndWith?: number;
}

interface Task {
  readonly packages: readonly DebianPackage[];
  readonly needs: readonly ("kernel-tree" | "test-objects")[];
  /** Run in their order; the first that fails ends the task. */
  commands(given: readonly string[], cache: string): Promise<readonly Command[]>;
}

const node = process.execPath;
const bin = (name: string): string => join(repositoryRoot, "node_modules/.bin", name);
const script = (name: string, args: readonly string[]): Command => ({
  program: node,
  args: [join(repositoryRoot, "scripts", name), ...args],
});
const typecheck: Command = { program: bin("tsc"), args: ["--noEmit"] };
const lint: Command = { program: bin("biome"), args: ["check", "--reporter=summary"] };
// Two at a time: a kernel build inside a test uses two processors by itself.
const nodeTest = (paths: readonly string[]): Command => ({
  program: node,
  args: ["--test", "--test-concurrency=2", ...paths],
});

const tasks: Readonly<Record<string, Task>> = {
  demo: {
    packages: reviewPackages,
    needs: ["kernel-tree"],
    async commands(given, cache) {
      const out = join(repositoryRoot, "out/demo");
      const base = await kernelTreeTag(cache);
      const review = ["review", "--tree", await ensureKernelTree(cache), "--base", base];
      const series = ["--mbox", join(repositoryRoot, "example/series.mbox"), "--out", out, "--format", "mail"];
      // 1 is "there are findings", and the example has them.
      return [
        { program: join(repositoryRoot, "bin/objreview"), args: [...review, ...series, ...given], mayEndWith: 1 },
      ];
    },
  },
  test: {
    packages: testPackages,
    needs: ["kernel-tree", "test-objects"],
    async commands(given) {
      return given.length > 0 ? [nodeTest(given)] : [typecheck, lint, nodeTest(["test/**/*.test.ts"])];
    },
  },
  check: {
    packages: [],
    needs: [],
    async commands() {
      return [typecheck, lint, nodeTest(["test/meta/**/*.test.ts"])];
    },
  },
  bench: {
    packages: reviewPackages,
    needs: ["kernel-tree", "test-objects"],
    async commands(given) {
      return [script("bench.ts", given)];
    },
  },
  "serve-local": {
    packages: reviewPackages,
    needs: ["kernel-tree"],
    async commands(given) {
      return [script("serve-local.ts", given)];
    },
  },
  schema: {
    packages: [],
    needs: [],
    async commands() {
      return [script("generate-schema.ts", []), script("generate-docs.ts", [])];
    },
  },
  dockerfile: {
    packages: imagePackages,
    needs: [],
    async commands(given) {
      return [script("dockerfile-check.ts", given)];
    },
  },
  sound: {
    packages: reviewPackages,
    needs: ["kernel-tree", "test-objects"],
    async commands(given) {
      return [script("sound-review.ts", given)];
    },
  },
  headers: {
    packages: reviewPackages,
    needs: [],
    async commands(given) {
      return [script("header-recall.ts", given)];
    },
  },
  parity: {
    packages: reviewPackages,
    needs: [],
    async commands(given) {
      return [script("parity.ts", given)];
    },
  },
};

/** Tests review a kernel in work trees that are kept: four of them where two tests run at a time. */
function needSpaceForTests(cache: string): void {
  if (!existsSync(join(cache, "test-state", "trees"))) needSpace(cache, 10, "what the tests build and keep");
}

async function main(args: readonly string[]): Promise<number> {
  const [name = "", ...given] = args;
  const task = Object.hasOwn(tasks, name) ? tasks[name] : undefined;
  if (task === undefined) {
    throw new SetupError(`there is no task ${JSON.stringify(name)}; the tasks are: ${Object.keys(tasks).join(", ")}`);
  }
  const env = withHome(process.env);
  const cache = cacheFolder(env);
  await ensureDebianPackages(task.packages);
  // What tests and scripts find by default, said once and for all of them.
  const found: NodeJS.ProcessEnv = { ...env };
  if (task.needs.includes("kernel-tree")) found.OBJREVIEW_KERNEL_TREE ??= await ensureKernelTree(cache);
  if (name === "test" && given.length === 0) needSpaceForTests(cache);
  if (task.needs.includes("test-objects")) found.OBJREVIEW_KERNEL_BUILD ??= await ensureTestObjects(cache);
  else if (existsSync(testBuildPath(cache))) found.OBJREVIEW_KERNEL_BUILD ??= testBuildPath(cache);
  const setupSeconds = stepTimes().reduce((sum, each) => sum + each.seconds, 0);
  if (setupSeconds > 0) process.stderr.write(`[set-up] all steps: ${setupSeconds.toFixed(1)} s\n`);
  for (const command of await task.commands(given, cache)) {
    const status = await runAttached(command.program, command.args, { cwd: repositoryRoot, env: found });
    if (status !== 0 && status !== command.mayEndWith) return status;
  }
  return 0;
}

for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) {
  process.on(signal, () => {
    // A terminal sends Ctrl-C to the children by itself.
    if (!(signal === "SIGINT" && process.stdin.isTTY)) stopCommands(signal);
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`objreview: ${error.message}\n`);
  process.exitCode = 2;
}
