// `objreview unwind` says which of the rows that contradict the instructions a known defect of the compiler explains, and goes on showing them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestOptions, test } from "node:test";
import { unwindCommand } from "../../src/cli/unwind.ts";
import { compilerName } from "../../src/defects/compiler.ts";
import type { KnownDefect } from "../../src/defects/defect.ts";
import { knownDefects } from "../../src/defects/index.ts";
import { compileReproducer, reproducerOf, toolsWith } from "../support/defect-reproducers.ts";

const folder = mkdtempSync(join(tmpdir(), "objreview-unwind-known-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function run(path: string, json: boolean, differences = false) {
  let out = "";
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => assert.fail(text),
  };
  return { status: await unwindCommand(path, undefined, { json, differences }, io), out };
}

interface Told {
  readonly version: string;
  readonly differing: number;
  readonly knownDefects: readonly { defect: string; page: string; compiler: string; rows: number }[];
  readonly functions: readonly {
    readonly ranges: readonly { differs: boolean; says: readonly ({ wrong: string[]; known?: string[] } | null)[] }[];
  }[];
}

/** Skipped with its reason where nobody here has the defect. */
function toolsOrSkip(defect: KnownDefect): TestOptions {
  const { tool, seen } = defect;
  const skip = toolsWith(defect).length === 0 ? `no ${tool} ${seen.from} to ${seen.to} here` : false;
  return { skip };
}

for (const defect of knownDefects) {
  const tools = toolsWith(defect);
  test(`${defect.id}: its rows are shown, and say so`, toolsOrSkip(defect), async () => {
    for (const { command, tool } of tools) {
      const object = compileReproducer(folder, command, reproducerOf(defect.id));
      const told = JSON.parse((await run(object, true)).out) as Told;
      const rows = told.functions.flatMap(({ ranges }) => ranges);
      const noted = rows.filter(({ says }) => says.some((each) => each?.known?.includes(defect.id)));
      assert.ok(noted.length > 0);
      assert.ok(noted.every(({ differs }) => differs));
      for (const { says } of rows)
        for (const each of says) assert.ok(each?.known === undefined || each.wrong.length > 0, "nothing else is noted");
      const compiler = compilerName(tool);
      const page = `src/defects/${defect.id}.md`;
      assert.deepEqual(
        told.knownDefects.filter((each) => each.defect === defect.id),
        [{ defect: defect.id, page, compiler, rows: noted.length }],
      );

      const { status, out } = await run(object, false, true);
      assert.equal(status, 1, "it contradicts the instructions all the same");
      const lines = out.split("\n");
      const marked = lines.filter((line) => /^[!~] /.test(line));
      assert.equal(marked.length, told.differing);
      assert.equal(marked.filter((line) => line.includes(`known: ${defect.id}`)).length, noted.length);
      const count = `${noted.length} ${noted.length === 1 ? "row" : "rows"}`;
      assert.ok(lines.includes(`${count} by ${defect.id}, a known defect of ${compiler}: ${page}`), out);
      assert.ok(lines.includes("0 rows that no known defect explains"), out);
    }
  });
}

const popped = knownDefects.find(({ id }) => id === "clang-popped-registers")!;
test("what somebody else wrote wrongly is no compiler's defect", toolsOrSkip(popped), async () => {
  const { command } = toolsWith(popped)[0]!;
  const { file, source, options } = reproducerOf("clang-popped-registers");
  writeFileSync(join(folder, file), source);
  execFileSync(
    command,
    [...options, "-S", "-o", "planted.s"].filter((option) => option !== "-c"),
    { cwd: folder },
  );
  execFileSync("sed", ["-i", "s/cfi_offset %rbx, -16/cfi_offset %rbx, -24/", "planted.s"], { cwd: folder });
  execFileSync(command, ["-c", "-o", "planted.o", "planted.s"], { cwd: folder });
  const { out } = await run(join(folder, "planted.o"), false);
  assert.match(out, /\n! .* wrong: rbx at CFA-24\n/);
  // One as in the page: it is told beside the other.
  assert.match(out, /\n~ .* wrong: rbx at CFA-24, known: clang-popped-registers\n/);
  assert.match(out, /\n1 row by clang-popped-registers, .*\n1 row that no known defect explains\n$/);
});
