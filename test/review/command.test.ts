import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseReviewJson } from "../../src/report/json.ts";
import { filesFolder, reviewEnv, writeIn } from "../support/run-review.ts";
import { openSeriesTree } from "../support/series-tree.ts";

// The command as people run it: exit status, one line on standard error, signals, two at a time.

const tree = openSeriesTree();
const ARGV = "lib/argv_split.c";
const mine = tree.commit(tree.base, "lib: argv: count from one", {
  [ARGV]: (text) => text.replace("int count = 0;", "int count = 1;"),
});
const RANGE = ["--range", `${tree.base}..${mine}`];

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly out: string;
  /** Standard error without the lines of progress. */
  readonly err: string;
  readonly progress: string;
  readonly millis: number;
}

function start(args: readonly string[]): {
  child: ChildProcess;
  ended: Promise<Ended>;
  until(text: RegExp): Promise<void>;
} {
  const began = performance.now();
  const child = spawn(process.execPath, ["src/cli.ts", ...args], {
    env: reviewEnv(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let all = "";
  child.stdout?.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    all += chunk;
  });
  const ended = new Promise<Ended>((done) => {
    child.on("close", (status, signal) => {
      const lines = all.split("\n");
      const isProgress = (line: string): boolean => /^ *\d+\.\d s {2}/.test(line);
      const err = lines.filter((line) => !isProgress(line)).join("\n");
      done({
        status,
        signal,
        out,
        err,
        progress: lines.filter(isProgress).join("\n"),
        millis: performance.now() - began,
      });
    });
  });
  const until = async (text: RegExp): Promise<void> => {
    while (!text.test(all)) {
      if (child.exitCode !== null) throw new Error(`ended before ${text}: ${all}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  return { child, ended, until };
}

function review(...args: string[]) {
  return start(["review", "--tree", tree.dir, "--base", "HEAD", ...args]);
}

/** Processes whose command line names a folder of the tests' state. */
function leftOver(): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "latin1").includes(join(tree.dir, "..", "trees"));
    } catch {
      return false;
    }
  });
}

/** What runs now is gone in a moment: tests beside this one have short-lived processes of that kind, too. */
async function everythingEnded(): Promise<void> {
  const began = performance.now();
  let running = leftOver();
  while (running.length > 0 && performance.now() - began < 10_000) {
    await new Promise((done) => setTimeout(done, 50));
    const now = new Set(leftOver());
    running = running.filter((pid) => now.has(pid));
  }
  assert.deepEqual(running, []);
}

test("every format goes to standard output, all files to --out, progress to standard error", async (t) => {
  const dir = filesFolder(t);
  const doc = tree.commit(tree.base, "docs: more", {
    "Documentation/admin-guide/README.rst": (text) => `${text}\nMore.\n`,
  });
  const range = ["--range", `${tree.base}..${doc}`];
  const run = (format: string, ...more: string[]) => review(...range, "--format", format, ...more).ended;
  const text = await run("text", "--out", join(dir, "deep", "out"));
  assert.equal(text.status, 0);
  assert.match(text.out, /^objreview: nothing new in this patch\.\n/);
  assert.match(text.out, /There is nothing to build: no object of the kernel is made from what is\n?\s?touched\./);
  assert.match(
    text.err,
    /^objreview: wrote review\.json, review\.html, review\.sarif, digest\.txt to .*\/deep\/out\n$/,
  );
  assert.match(text.progress, /applying to/);
  assert.deepEqual(readdirSync(join(dir, "deep", "out")).sort(), [
    "digest.txt",
    "review.html",
    "review.json",
    "review.sarif",
  ]);
  const written = parseReviewJson(readFileSync(join(dir, "deep", "out", "review.json"), "utf8"));
  assert.equal(parseReviewJson((await run("json")).out).verdict, written.verdict);
  assert.match((await run("mail")).out, /^objreview: nothing new in this patch\.\n/);
  assert.equal(JSON.parse((await run("sarif")).out).version, "2.1.0");
  assert.match((await run("html")).out, /^<!doctype html>/i);
});

test("what cannot be reviewed: status 2, one line, and the JSON has the verdict all the same", async (t) => {
  const dir = filesFolder(t);
  const empty = writeIn(dir, "empty.mbox", "");
  const prose = writeIn(dir, "prose.txt", "From: A <a@example.org>\nSubject: hello\n\nno patch here\n");
  const half = writeIn(dir, "half.diff", tree.diff(tree.base, mine).slice(0, -40));
  const lying = writeIn(dir, "lying.diff", tree.diff(tree.base, mine).replace(/^@@ -\d+,\d+/m, "@@ -12,999999"));
  const escaping = (path: string) =>
    `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n`;
  const fifo = join(dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  symlinkSync("/dev/zero", join(dir, "zero"));
  const file = writeIn(dir, "plain", "x");
  const cases: [name: string, args: string[], says: RegExp][] = [
    ["no such file", ["--mbox", join(dir, "none")], /none: no such file/],
    ["a folder", ["--patch", dir], /: is a folder/],
    ["a pipe", ["--patch", fifo], /fifo: not a regular file/],
    ["a device", ["--patch", "/dev/zero"], /\/dev\/zero: not a regular file/],
    ["a device behind a link", ["--patch", join(dir, "zero")], /zero: not a regular file/],
    ["empty", ["--mbox", empty], /empty\.mbox|no patch/],
    ["prose", ["--mbox", prose], /nothing to review: no message is a patch/],
    ["truncated", ["--patch", half], /half\.diff/],
    ["lying counts", ["--patch", lying], /lying\.diff/],
    ["out of the tree", ["--patch", writeIn(dir, "up.diff", escaping("../../etc/passwd"))], /up\.diff/],
    ["git's own folder", ["--patch", writeIn(dir, "hook.diff", escaping(".git/hooks/x"))], /hook\.diff/],
    ["two inputs", ["--patch", half, "--mbox", empty], /give one of/],
    ["no input", [], /give one of/],
    ["a bad range", ["--range", "abc"], /not of the form A\.\.B/],
    ["no such revision", ["--range", "nothing..HEAD"], /nothing/],
    ["an empty range", ["--range", "HEAD..HEAD"], /holds no commit/],
    ["no such profile", [...RANGE, "--profile", "vax"], /no profile "vax"/],
    ["a profile that is none", [...RANGE, "--profile", writeIn(dir, "p.json", "{}")], /p\.json: /],
    ["--out is a file", [...RANGE, "--out", file], /--out .*plain: not a folder/],
  ];
  for (const [name, args, says] of cases) {
    const { status, out, err, millis } = await review(...args, "--format", "json").ended;
    assert.equal(status, 2, name);
    assert.match(err, /^objreview: [^\n]+\n$/, `${name}: ${err}`);
    assert.match(err, says, name);
    const { verdict, reason } = parseReviewJson(out);
    assert.ok(["failed", "incomplete", "conflict"].includes(verdict), `${name}: ${verdict}`);
    assert.ok((reason ?? "") !== "", name);
    assert.ok(millis < 20_000, `${name}: ${millis} ms`);
  }
  for (const [args, words] of [
    [["--mbox", prose], "nothing to review."],
    [["--patch", half], "not reviewed."],
  ] as const) {
    const { out } = await review(...args).ended;
    assert.ok(out.startsWith(`objreview: ${words}\n\nWhy: `), out);
  }
  const noTree = await start(["review", "--tree", dir, "--base", "HEAD", ...RANGE]).ended;
  assert.deepEqual([noTree.status, noTree.err], [2, `objreview: ${dir}: not a git repository\n`]);
  const noBase = await start(["review", "--tree", tree.dir, "--base", "nowhere", ...RANGE]).ended;
  assert.deepEqual([noBase.status, noBase.err], [2, `objreview: ${tree.dir}: no commit "nowhere"\n`]);
});

test("two reviews of one tree at the same time", async () => {
  const other = tree.commit(tree.base, "lib: argv: count from two", {
    [ARGV]: (text) => text.replace("int count = 0;", "int count = 2;"),
  });
  const both = await Promise.all([
    review(...RANGE, "--format", "json").ended,
    review("--range", `${tree.base}..${other}`, "--format", "json").ended,
  ]);
  assert.deepEqual(
    both.map((one) => [one.status, one.err, parseReviewJson(one.out).objects.map((o) => o.state)]),
    [
      [0, "", ["analysed"]],
      [0, "", ["analysed"]],
    ],
  );
});

test("SIGINT in a build ends it; kill -9 leaves nothing that the next review stumbles over", async () => {
  // Many objects, so that there is something to interrupt.
  const wide = tree.commit(tree.base, "sort: say it better", {
    "include/linux/sort.h": (text) => text.replace("#define _LINUX_SORT_H", "#define _LINUX_SORT_H\n#define OBJR 1"),
  });
  const range = ["--range", `${tree.base}..${wide}`, "--max-dependents", "20", "--no-cache"];
  const interrupted = review(...range, "--format", "json");
  await interrupted.until(/base: 1 of 20/);
  const asked = performance.now();
  interrupted.child.kill("SIGINT");
  const { status, err, out } = await interrupted.ended;
  assert.ok(performance.now() - asked < 10_000);
  assert.deepEqual([status, err], [2, "objreview: cancelled: the review was cancelled\n"]);
  assert.equal(parseReviewJson(out).verdict, "cancelled");
  await everythingEnded();

  const killed = review(...range);
  await killed.until(/base: 1 of 20/);
  killed.child.kill("SIGKILL");
  assert.equal((await killed.ended).signal, "SIGKILL");
  await everythingEnded();

  const next = await review(...RANGE, "--format", "json").ended;
  assert.deepEqual([next.status, next.err], [0, ""]);
  assert.deepEqual(
    parseReviewJson(next.out).objects.map((o) => [o.path, o.state]),
    [["lib/argv_split.o", "analysed"]],
  );
  assert.ok(existsSync(tree.dir));
});
