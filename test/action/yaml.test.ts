// action.yml, the two example workflows and docs/action.md against each other and against the rules that keep tokens and heads apart.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { reviewPackages } from "../../scripts/setup/debian-packages.ts";
import { readRepositoryFile, repositoryRoot } from "../support/repository.ts";

interface Step {
  readonly name?: string;
  readonly if?: string;
  readonly run?: string;
  readonly uses?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string>>;
}
interface Action {
  readonly inputs: Readonly<
    Record<string, { readonly description: string; readonly default?: string; readonly required?: boolean }>
  >;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}
interface Workflow {
  readonly on: Readonly<Record<string, { readonly types: readonly string[]; readonly workflows?: readonly string[] }>>;
  readonly name: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[]; readonly "timeout-minutes": number }>>;
}

const action = parse(readRepositoryFile("action.yml")) as Action;
const [build, post] = ["build", "post"].map(
  (name) => parse(readRepositoryFile(`docs/action/objreview-${name}.yml`)) as Workflow,
) as [Workflow, Workflow];
const steps = action.runs.steps;

test("docs/action.md has every input, with its default", () => {
  const rows = [
    ...readRepositoryFile("docs/action.md").matchAll(/^\| `([a-z-]+)` \| ([a-z]*) \| (?:`([^`]*)`)? ?\| (.+) \|$/gm),
  ];
  assert.deepEqual(
    rows.map(([, name, , preset]) => [name, preset ?? ""]),
    Object.entries(action.inputs).map(([name, input]) => [name, input.default ?? ""]),
  );
  for (const { description } of Object.values(action.inputs)) assert.ok(description.length > 20);
});

test("nothing from outside is put into a script's text", () => {
  assert.equal(action.runs.using, "composite");
  for (const step of steps) assert.doesNotMatch(step.run ?? "", /\$\{\{/, step.name);
  for (const { run } of [...Object.values(build.jobs), ...Object.values(post.jobs)].flatMap((job) => job.steps))
    assert.equal(run, undefined);
});

test("every step of the action is for one mode, and the token is the post step's alone", () => {
  for (const step of steps) {
    const isCommon = step.name === "Packages of objreview" || step.name === "Refuse what is neither";
    assert.ok(isCommon || /^(?:always\(\) && )?inputs\.mode == '(build|post)'/.test(step.if ?? ""), step.name);
    if (JSON.stringify(step).includes("inputs.token }}")) assert.equal(step.if, "inputs.mode == 'post'");
  }
  const uses = steps.flatMap((step) => step.uses ?? []);
  assert.deepEqual(uses, ["actions/upload-artifact@v4"]);
});

test("its scripts are what a shell takes, and install what a review needs", () => {
  for (const { run, shell } of steps.filter((step) => step.run !== undefined)) {
    assert.equal(shell, "sh");
    execFileSync("sh", ["-n", "-c", run!]);
  }
  const script = steps.find((step) => step.run?.includes("apt-get install"))!.run!;
  const installed = /--no-install-recommends \\\n\s+([a-z0-9 .+-]+)\n/.exec(script)![1]!.trim().split(/\s+/);
  const outside = new Set(["linux-source-6.12", "xz-utils"]);
  assert.deepEqual(
    installed,
    reviewPackages
      .map(({ name }) => name)
      .filter((name) => !outside.has(name))
      .sort(),
  );
});

test("the options that the scripts give are those of the command line", () => {
  const env = { ...process.env, NO_COLOR: "1" };
  for (const mode of ["build", "post"]) {
    const help = execFileSync(process.execPath, ["src/cli.ts", "action", mode, "--help"], {
      cwd: repositoryRoot,
      env,
    }).toString();
    const script = steps.find((step) => step.run?.includes(`action ${mode} `))!.run!;
    const options = [...script.matchAll(/--[a-z-]+/g)].map(([option]) => option);
    assert.ok(options.length >= 3);
    for (const option of options) assert.match(help, new RegExp(`  ${option} `), option);
  }
});

test("the examples: least permissions, no checkout, the events that the modes take", () => {
  assert.deepEqual(build.permissions, { contents: "read" });
  assert.deepEqual(Object.keys(build.on), ["pull_request"]);
  assert.deepEqual(post.permissions, {
    actions: "read",
    checks: "write",
    contents: "read",
    "pull-requests": "write",
  });
  assert.deepEqual(Object.keys(post.on), ["workflow_run"]);
  assert.deepEqual(post.on.workflow_run, { workflows: [build.name], types: ["completed"] });
  for (const [workflow, mode] of [
    [build, "build"],
    [post, "post"],
  ] as const) {
    const all = Object.values(workflow.jobs).flatMap((job) => job.steps);
    assert.deepEqual(
      all.map((step) => [step.uses?.replace(/@.*/, ""), step.with?.mode]),
      [["OWNER/objreview", mode]],
    );
    for (const input of Object.keys(all[0]!.with!)) assert.ok(input in action.inputs, input);
    assert.equal("token" in all[0]!.with!, mode === "post");
  }
});

test("values with blanks and signs of the shell reach the command as they are", () => {
  const dir = mkdtempSync(join(tmpdir(), "objreview-steps-"));
  try {
    mkdirSync(join(dir, "bin"));
    writeFileSync(join(dir, "bin/objreview"), '#!/bin/sh\nprintf "%s\\n" "$@"\n', { mode: 0o755 });
    const hostile = 'a b; touch "$ACTION/x" $(touch "$ACTION/x") *';
    const run = (mode: string, env: Record<string, string>): string[] => {
      const script = steps.find((step) => step.run?.includes(`action ${mode} `))!.run!;
      const all = { PATH: process.env.PATH, ACTION: dir, RUNNER_TEMP: "/tmp/r", ...env };
      return execFileSync("sh", ["-e", "-c", script], { env: all, cwd: dir }).toString().trimEnd().split("\n");
    };
    const built = ["action", "build", "--out", "/tmp/r/objreview-review", "--sandbox"];
    assert.deepEqual(run("build", { SANDBOX: hostile, TREE: "", PROFILES: "" }), [...built, hostile]);
    assert.deepEqual(run("build", { SANDBOX: "bwrap", TREE: hostile, PROFILES: "one two *" }), [
      ...[...built, "bwrap", "--tree", hostile, "--profile", "one", "two", "*"],
    ]);
    const posted = ["action", "post", "--artifact", hostile, "--account", "bot[bot]"];
    assert.deepEqual(run("post", { ARTIFACT: hostile, ACCOUNT: "bot[bot]", RULES_URL: "" }), posted);
    assert.deepEqual(run("post", { ARTIFACT: hostile, ACCOUNT: "bot[bot]", RULES_URL: hostile }), [
      ...[...posted, "--rules-url", hostile],
    ]);
    assert.deepEqual(readdirSync(dir), ["bin"]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
