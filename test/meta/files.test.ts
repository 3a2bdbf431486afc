import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, posix } from "node:path";
import { test } from "node:test";
import { readRepositoryFile, repositoryFiles, repositoryRoot } from "../support/repository.ts";

const files = repositoryFiles();
const isText = (name: string): boolean => !/\.(o|png|gz|xz|bin)$/.test(name);
const code = files.filter((name) => /\.(ts|mjs)$/.test(name) && !/\.(generated|d)\.ts$/.test(name));

test("modules have at most 400 lines, tests at most 600", () => {
  const long = code.flatMap((name) => {
    const lines = readRepositoryFile(name).split("\n").length - 1;
    return lines > (name.startsWith("test/") ? 600 : 400) ? [`${name}: ${lines}`] : [];
  });
  assert.ok(code.length > 100);
  assert.deepEqual(long, []);
});

test("no default exports", () => {
  const found = code.filter((name) => /^export\s+default\b|\bas\s+default\b/m.test(readRepositoryFile(name)));
  assert.deepEqual(found, []);
});

test("no test is skipped, left for later, or alone", () => {
  const marks = /\b(?:test|it|describe|suite|t|context)\.(?:skip|todo|only)\b|[{,]\s*(?:skip|todo|only)\s*:/;
  const found = code.filter((name) => name.endsWith(".test.ts") && marks.test(readRepositoryFile(name)));
  assert.deepEqual(
    found.filter((name) => !name.startsWith("test/meta/")),
    [],
  );
});

test("file names are in kebab case", () => {
  const named = code.filter(
    (name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|generated))?\.(ts|mjs)$/.test(posix.basename(name)),
  );
  assert.deepEqual(named, []);
});

test("the architectures have the same file names", () => {
  const names = (arch: string): string[] => {
    const prefix = `src/isa/${arch}/`;
    return files
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length).replace(".generated", ""));
  };
  const x86 = new Set(names("x86-64"));
  const arm = new Set(names("arm64"));
  assert.ok(arm.size >= 5, "src/isa/arm64 was not found");
  // What one has more is an extra of that architecture; what both must have is the contract's.
  const common = ["decode.ts", "frame.ts", "index.ts", "opcodes.ts", "registers.ts", "relocs.ts"];
  for (const name of common) assert.ok(x86.has(name) && arm.has(name), `src/isa/*/${name} is not in both`);
});

test("links in the documentation lead somewhere", () => {
  const broken: string[] = [];
  let links = 0;
  for (const name of files.filter((each) => each.endsWith(".md"))) {
    const text = readRepositoryFile(name).replace(/^```[\s\S]*?^```/gm, "");
    for (const match of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      const href = match[1]!;
      if (/^[a-z]+:/.test(href)) continue;
      links++;
      const [path = ""] = href.split("#");
      const to = path === "" ? name : posix.join(posix.dirname(name), path);
      if (!existsSync(join(repositoryRoot, to))) broken.push(`${name}: ${href}`);
    }
  }
  assert.ok(links > 5);
  assert.deepEqual(broken, []);
});

test("paths in the architecture page exist, or are said to be planned", () => {
  const missing: string[] = [];
  for (const line of readRepositoryFile("ARCHITECTURE.md").split("\n")) {
    if (/planned|later/.test(line)) continue;
    for (const match of line.matchAll(/`((?:src|test|scripts|bin|schema)\/[\w./-]+)`/g)) {
      if (!existsSync(join(repositoryRoot, match[1]!))) missing.push(match[1]!);
    }
  }
  assert.deepEqual(missing, []);
});

test("nothing names a developer's machine", () => {
  const home = homedir();
  // A path below somebody's home or a work folder. The documentation's own examples live below /path/to and /tmp.
  const pattern = /(?<![\w.$~-])\/(?:root|home\/[a-z]{3,}|Users\/[A-Za-z]+|workspace|mnt\/[a-z]+)\/[\w.-]+/;
  const found = files.filter(isText).flatMap((name) => {
    if (name.startsWith("test/meta/") || name === "Dockerfile") return [];
    const text = readRepositoryFile(name);
    const own = [home, repositoryRoot].find((folder) => folder.length > 5 && text.includes(`${folder}/`));
    const hit = own ?? pattern.exec(text)?.[0];
    return hit === undefined ? [] : [`${name}: ${hit}`];
  });
  assert.deepEqual(found, []);
});

interface Package {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test("the lockfile names no host and holds a checksum for every package", () => {
  const lock = JSON.parse(readRepositoryFile("package-lock.json")) as {
    packages: Record<string, Package>;
  };
  const packages = Object.entries(lock.packages).filter(([path]) => path !== "");
  assert.ok(packages.length > 20);
  assert.deepEqual(
    packages.filter(([, each]) => each.resolved !== undefined).map(([path]) => path),
    [],
  );
  // What is only installed on other platforms was never fetched here; without an entry npm ci refuses the lockfile.
  const elsewhere = (each: Package): boolean =>
    each.optional === true &&
    !(
      (each.os ?? ["linux"]).includes("linux") &&
      (each.cpu ?? ["x64"]).includes("x64") &&
      !each.libc?.includes("musl")
    );
  const unchecked = packages.filter(([, each]) => !/^sha512-/.test(each.integrity ?? "") && !elsewhere(each));
  assert.deepEqual(
    unchecked.map(([path]) => path),
    [],
  );
  // npm leaves out optional packages that it did not install, and then npm ci calls the lockfile incomplete (npm/cli issue 4828).
  const missing = packages.flatMap(([, each]) =>
    Object.keys(each.optionalDependencies ?? {}).filter((name) => lock.packages[`node_modules/${name}`] === undefined),
  );
  assert.deepEqual(missing, []);
  const hosts = /registry\.[a-z.]*npm|_authToken|npm_config_registry/i;
  const ours = files.filter((name) => isText(name) && !name.startsWith("test/meta/"));
  assert.deepEqual(
    ours.filter((name) => hosts.test(readRepositoryFile(name))),
    [],
  );
});

test("dependencies are pinned to one version", () => {
  const manifest = JSON.parse(readRepositoryFile("package.json")) as Record<string, Record<string, string>>;
  const all = { ...manifest.dependencies, ...manifest.devDependencies };
  assert.deepEqual(
    Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    [],
  );
});

test("launchers can be started", () => {
  for (const name of ["bin/objreview", ".ci/run"]) {
    assert.equal(statSync(join(repositoryRoot, name)).mode & 0o111, 0o111, name);
    assert.match(readRepositoryFile(name), /^#!\//);
  }
});

test("files that carry kernel lines are marked with the kernel's licence", () => {
  const marked = files.filter((name) => /\.(mbox|o|patch|S)$/.test(name) && /^(example|test\/kernel)\//.test(name));
  assert.ok(marked.length >= 2);
  for (const name of marked) {
    const notice = files.includes(`${name}.license`) ? readRepositoryFile(`${name}.license`) : readRepositoryFile(name);
    assert.match(notice, /SPDX-License-Identifier: GPL-2\.0/, name);
  }
  assert.match(readRepositoryFile("LICENSES/GPL-2.0-only.txt"), /GNU GENERAL PUBLIC LICENSE\s+Version 2, June 1991/);
  assert.equal(readRepositoryFile("LICENSES/MIT.txt"), readRepositoryFile("LICENSE"));
});
