import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ToolError } from "../../src/base/errors.ts";
import { type ChildReview, reviewInChild } from "../../src/service/child.ts";
import { GitRepository } from "../support/github/git-host.ts";

interface Scene {
  readonly review: ChildReview;
  readonly settings: Parameters<typeof reviewInChild>[0];
}

/** A change that needs no build. */
function scene(t: TestContext, more: Partial<ChildReview> = {}): Scene {
  const folder = mkdtempSync(join(tmpdir(), "objreview-child-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const git = GitRepository.create(join(folder, "tree.git"));
  const from = git.commit({ message: "first", files: { README: "x\n" } });
  const to = git.commit({ parent: from, message: "Words", files: { README: "y\n" } });
  git.setRef("refs/heads/main", to);
  return {
    settings: { reviewState: join(folder, "state"), reviewCache: join(folder, "cache"), sandbox: "bwrap" },
    review: {
      tree: git.dir,
      base: from,
      series: { from, to },
      profiles: [],
      limits: { dependents: 200, minutes: 5 },
      signal: new AbortController().signal,
      onProgress: () => {},
      ...more,
    },
  };
}

test("the command line's own review, in a process of its own", async (t) => {
  const lines: string[] = [];
  const { settings, review } = scene(t, { onProgress: (line) => lines.push(line) });
  const result = await reviewInChild(settings, review);
  assert.equal(result.verdict, "clean");
  assert.equal(result.patches[0]?.subject, "Words");
  assert.ok(
    lines.some((line) => line.startsWith("series: Words")),
    lines.join("\n"),
  );
});

test("it has nothing of the service's environment", async (t) => {
  process.env.WEBHOOK_SECRET = "0123456789abcdef-service";
  t.after(() => {
    delete process.env.WEBHOOK_SECRET;
  });
  let environment: string[] | undefined;
  const { settings, review } = scene(t, {
    onProgress: () => {
      const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(name) === process.pid);
      for (const child of children) {
        const text = readText(`/proc/${child}/environ`);
        if (readText(`/proc/${child}/cmdline`).includes("cli.ts"))
          environment = text.split("\0").filter((each) => each !== "");
      }
    },
  });
  await reviewInChild(settings, review);
  // Its launcher, a shell at first, says where compiled modules are kept, and where it is.
  assert.deepEqual(environment?.map((each) => each.split("=")[0]).sort(), [
    "HOME",
    "LANG",
    "NODE_COMPILE_CACHE",
    "OBJREVIEW_CACHE",
    "OBJREVIEW_STATE",
    "PATH",
    "PWD",
  ]);
});

function parentOf(pid: string): number {
  const stat = readText(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

function readText(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, "latin1") : "";
  } catch {
    return "";
  }
}

test("what cannot be reviewed is a result with its reason", async (t) => {
  const { settings, review } = scene(t, { profiles: ["no-such-profile"] });
  const result = await reviewInChild(settings, review);
  assert.equal(result.verdict, "failed");
  assert.match(result.reason ?? "", /no-such-profile/);
});

test("it is stopped by a signal, and by the limit of minutes", async (t) => {
  const stop = new AbortController();
  const { settings, review } = scene(t, { signal: stop.signal });
  const reviewing = reviewInChild(settings, review);
  setTimeout(() => stop.abort(), 50);
  await assert.rejects(reviewing, (error: unknown) => error instanceof ToolError && error.code === "cancelled");
  const late = await reviewInChild(settings, {
    ...review,
    signal: new AbortController().signal,
    limits: { dependents: 0, minutes: 0.001 },
  });
  assert.equal(late.verdict, "inconclusive");
});
