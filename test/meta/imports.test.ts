import assert from "node:assert/strict";
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { test } from "node:test";
import { type Import, importsOf, readRepositoryFile, repositoryFiles } from "../support/repository.ts";

const sources = repositoryFiles().filter((name) => /^src\/.*\.ts$/.test(name) && !name.endsWith(".d.ts"));
const imports: Import[] = sources.flatMap((name) => importsOf(name, readRepositoryFile(name)));

/** The part of the house that a file belongs to: its folder below src, or the name of a file right in it. */
function part(path: string): string {
  return path.split("/")[1]!.replace(/\.ts$/, "");
}

function target(each: Import): string | undefined {
  // The one file outside src that is imported: the version is said there and nowhere else.
  if (each.from === "src/version.ts" && each.specifier === "../package.json") return undefined;
  return each.specifier.startsWith(".") ? posix.join(posix.dirname(each.from), each.specifier) : undefined;
}

function isNodeModule(specifier: string): boolean {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

function readArrows(): Map<string, Set<string>> {
  const text = readRepositoryFile("ARCHITECTURE.md");
  const table = /<!-- arrows:begin -->([\s\S]*)<!-- arrows:end -->/.exec(text)?.[1] ?? "";
  const arrows = new Map<string, Set<string>>();
  for (const line of table.split("\n")) {
    const row = /^\| `([a-z0-9]+)` \|(.*)\|$/.exec(line);
    if (row !== null) arrows.set(row[1]!, new Set([...row[2]!.matchAll(/`([a-z0-9]+)`/g)].map((cell) => cell[1]!)));
  }
  return arrows;
}

const engine = new Set([
  "base",
  "elf",
  "dwarf",
  "orc",
  "sframe",
  "isa",
  "flow",
  "unwind",
  "defects",
  "rules",
  "facts",
  "analyze",
]);

test("the scanner sees every form of import", () => {
  const source = [
    'import { a } from "./a.ts";',
    'import type { B } from "./b.ts";',
    'import {\n  c,\n  type D,\n} from "./c.ts";',
    'import "./e.ts";',
    'export { f } from "./f.ts";',
    'const g = await import("./g.ts");',
  ].join("\n");
  const seen = importsOf("src/x.ts", source).map((each) => each.specifier);
  assert.deepEqual(seen, ["./a.ts", "./b.ts", "./c.ts", "./e.ts", "./f.ts", "./g.ts"]);
  assert.ok(imports.length > 200, `only ${imports.length} imports found in src`);
});

test("arrows point as ARCHITECTURE.md says", () => {
  const arrows = readArrows();
  assert.ok(arrows.size >= 15, "the table of arrows was not read");
  const wrong = imports.filter((each) => {
    const to = target(each);
    if (to === undefined) return false;
    return part(each.from) !== part(to) && arrows.get(part(each.from))?.has(part(to)) !== true;
  });
  assert.deepEqual(
    wrong.map((each) => `${each.from} -> ${each.specifier}`),
    [],
  );
});

test("the table of arrows has no cycle", () => {
  const arrows = readArrows();
  const done = new Set<string>();
  for (const [folder, allowed] of arrows) {
    for (const each of allowed)
      assert.ok(done.has(each), `${folder} may import ${each}, which is not above it in the table`);
    done.add(folder);
  }
});

test("no relative import leaves src, and all name a file that exists", () => {
  const files = new Set(repositoryFiles());
  const wrong = imports.filter((each) => {
    const to = target(each);
    return to !== undefined && !(to.startsWith("src/") && files.has(to));
  });
  assert.deepEqual(
    wrong.map((each) => `${each.from} -> ${each.specifier}`),
    [],
  );
});

test("the engine uses no Node module", () => {
  const wrong = imports.filter(
    (each) =>
      engine.has(part(each.from)) &&
      isNodeModule(each.specifier) &&
      !(each.from === "src/elf/open.ts" && each.specifier === "node:buffer"),
  );
  assert.deepEqual(
    wrong.map((each) => `${each.from} -> ${each.specifier}`),
    [],
  );
});

test("the engine uses no Node global", () => {
  const wrong: string[] = [];
  for (const name of sources.filter((each) => engine.has(part(each)) && each !== "src/elf/open.ts")) {
    const code = readRepositoryFile(name).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    if (/(?<![.\w])(Buffer|process)\s*[.(]/.test(code)) wrong.push(name);
  }
  assert.deepEqual(wrong, []);
});

test("one file starts processes", () => {
  const wrong = imports.filter((each) => /^((node:)?child_process|(node:)?cluster)$/.test(each.specifier));
  assert.deepEqual(
    [...new Set(wrong.map((each) => each.from))].filter((name) => name !== "src/kernel/process.ts"),
    [],
  );
});

test("only the composition roots read the environment", () => {
  const roots = new Set(["src/cli.ts", "src/main.ts"]);
  const readers = sources.filter((name) => /\bprocess\s*\.\s*env\b/.test(readRepositoryFile(name)));
  assert.deepEqual(
    readers.filter((name) => !roots.has(name)),
    [],
  );
});

test("only isa/index.ts names the folders of the architectures", () => {
  const folder = /^src\/isa\/(x86-64|arm64)\//;
  const wrong = imports.filter((each) => {
    const to = target(each);
    const into = to === undefined ? null : folder.exec(to);
    return into !== null && folder.exec(each.from)?.[1] !== into[1] && each.from !== "src/isa/index.ts";
  });
  assert.deepEqual(
    wrong.map((each) => `${each.from} -> ${each.specifier}`),
    [],
  );
});

test("no rule imports another rule", () => {
  const shared = new Set([
    "rule",
    "finding",
    "ways",
    "checks",
    "frame-records",
    "index",
    "sites",
    "bare-addresses",
    "instrumented-callees",
    "unwind-data",
    "unwind-data-shape",
    "unwind-data-words",
  ]);
  const wrong = imports.filter((each) => {
    const to = target(each);
    if (part(each.from) !== "rules" || to === undefined || part(to) !== "rules") return false;
    return !each.from.endsWith("/index.ts") && !shared.has(posix.basename(to, ".ts"));
  });
  assert.deepEqual(
    wrong.map((each) => `${each.from} -> ${each.specifier}`),
    [],
  );
});

test("imports form no cycle", () => {
  const graph = new Map<string, string[]>();
  for (const each of imports) {
    const to = target(each);
    if (to !== undefined && !each.typeOnly) graph.set(each.from, [...(graph.get(each.from) ?? []), to]);
  }
  const state = new Map<string, "open" | "done">();
  const visit = (name: string, path: readonly string[]): void => {
    if (state.get(name) === "done") return;
    assert.notEqual(state.get(name), "open", `cycle: ${[...path, name].join(" -> ")}`);
    state.set(name, "open");
    for (const next of graph.get(name) ?? []) visit(next, [...path, name]);
    state.set(name, "done");
  };
  for (const name of graph.keys()) visit(name, []);
});
