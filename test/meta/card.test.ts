import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { reviewPackages, testPackages } from "../../scripts/setup/debian-packages.ts";
import { EVENTS } from "../../src/app/events.ts";
import { readRepositoryFile, repositoryRoot } from "../support/repository.ts";

test("the files that everybody looks for are there", () => {
  const wanted = [
    "package.json",
    "tsconfig.json",
    "app.yml",
    "src",
    "test",
    "README.md",
    "Dockerfile",
    "LICENSE",
    ".ci/run",
  ];
  assert.deepEqual(
    wanted.filter((name) => !existsSync(join(repositoryRoot, name))),
    [],
  );
});

/** The YAML of app.yml and no more: `key: value`, one level of `key: value` or `- item` below a key, comments. */
function readManifest(text: string): Record<string, string | string[] | Record<string, string>> {
  const manifest: Record<string, string | string[] | Record<string, string>> = {};
  let open = "";
  for (const line of text.split("\n")) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const top = /^([a-z_]+):(?: (.+))?$/.exec(line);
    const inner = /^ {2}([a-z_]+): (.+)$/.exec(line);
    const item = /^ {2}- ([a-z_]+)$/.exec(line);
    if (top !== null) {
      open = top[1]!;
      if (top[2] !== undefined) manifest[open] = top[2];
    } else if (inner !== null)
      manifest[open] = { ...(manifest[open] as Record<string, string>), [inner[1]!]: inner[2]! };
    else if (item !== null) manifest[open] = [...((manifest[open] as string[] | undefined) ?? []), item[1]!];
    else assert.fail(`app.yml: ${JSON.stringify(line)}`);
  }
  return manifest;
}

test("the App asks for the least that it needs", () => {
  const manifest = readManifest(readRepositoryFile("app.yml"));
  assert.equal(manifest.name, "objreview");
  assert.match(manifest.url as string, /^https:\/\//);
  assert.ok((manifest.description as string).length > 20);
  // GitHub makes an App public unless told otherwise.
  assert.equal(manifest.public, "false");
  assert.deepEqual(manifest.default_permissions, {
    metadata: "read",
    contents: "read",
    checks: "write",
    pull_requests: "write",
    merge_queues: "read",
  });
  // Each event needs one of these permissions: issue_comment comes with pull_requests, check_run and check_suite with checks, merge_group with
  // merge_queues. Those of installations come by themselves.
  assert.deepEqual(
    manifest.default_events,
    EVENTS.filter((event) => !event.startsWith("installation")),
  );
  assert.match((manifest.hook_attributes as Record<string, string>).url!, /^https:\/\/.*\/api\/github\/webhooks$/);
});

test("the image has the packages that a review needs, and no more", () => {
  const dockerfile = readRepositoryFile("Dockerfile");
  const installed =
    /--no-install-recommends \\\n\s+([a-z0-9 .+-]+) \\\n/.exec(dockerfile)?.[1]?.trim().split(/\s+/) ?? [];
  // The tree comes from outside.
  const outside = new Set(["linux-source-6.12", "xz-utils"]);
  const wanted = reviewPackages.map((each) => each.name).filter((name) => !outside.has(name));
  assert.deepEqual(installed, wanted.sort());
  assert.match(dockerfile, /^USER (?!root)\w+$/m);
});

test("packages are listed once, each with its purpose", () => {
  const names = testPackages.map((each) => each.name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    testPackages.filter((each) => each.purpose.length < 5),
    [],
  );
});

test("every npm script is a task that the README or the pages beside it name", () => {
  const manifest = JSON.parse(readRepositoryFile("package.json")) as { scripts: Record<string, string> };
  const pages = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].map(readRepositoryFile).join("\n");
  for (const [name, command] of Object.entries(manifest.scripts)) {
    const said = new RegExp(name === "test" ? "npm test" : `npm run ${name}\\b`);
    assert.match(pages, said, `package.json: ${name}: ${command}`);
  }
});
