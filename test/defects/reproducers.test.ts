// Every page's reproducer, compiled as the page says by every compiler of its range that is here: the finding is there without the mute, and not with it.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { analyzeObject } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { type Compiler, compilerName, parseCompiler } from "../../src/defects/compiler.ts";
import { isSeenIn, knownDefects } from "../../src/defects/index.ts";
import { readRepositoryFile } from "../support/repository.ts";
import { fixtureFacts } from "../support/rule-fixtures.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "objreview-defect-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Compilers of this machine that pages name "gcc" or "clang", with who they are. */
function installed(name: string): { readonly command: string; readonly compiler: Compiler }[] {
  const commands = name === "gcc" ? ["gcc", "gcc-12"] : ["clang-19", "clang-22"];
  const found = new Map<string, { command: string; compiler: Compiler }>();
  for (const command of commands) {
    const { stdout, error } = spawnSync(command, ["--version"], { encoding: "utf8" });
    const compiler = error === undefined ? parseCompiler(stdout.split("\n")[0] as string) : undefined;
    if (compiler !== undefined && !found.has(compilerName(compiler)))
      found.set(compilerName(compiler), { command, compiler });
  }
  return [...found.values()];
}

/** The assembler that gcc runs. */
function installedGas(): Compiler | undefined {
  const words = spawnSync("as", ["--version"], { encoding: "utf8" }).stdout?.split("\n")[0] ?? "";
  const version = /(\d+\.\d+)(?:\.\d+)*$/.exec(words)?.[1];
  return version === undefined ? undefined : { family: "gas", version };
}

function reproducerOf(id: string) {
  const page = readRepositoryFile(`src/defects/${id}.md`);
  const [, language, source] = /^```(c|asm)\n([\s\S]*?)^```$/m.exec(page)!;
  const [, name, options] = /^```sh\n(gcc|clang) (.*)\n/m.exec(page)!;
  assert.match(page, /^objreview check --witnesses --known-defects show f\.o\n```$/m);
  return {
    file: language === "c" ? "f.c" : "f.s",
    source: source as string,
    name: name as string,
    options: (options as string).split(" "),
  };
}

function compile(command: string, { file, source, options }: ReturnType<typeof reproducerOf>): Uint8Array {
  writeFileSync(join(folder, file), source);
  execFileSync(command, options, { cwd: folder, stdio: "pipe" });
  return new Uint8Array(readFileSync(join(folder, "f.o")));
}

for (const { command, compiler } of installed("clang"))
  test(`${compilerName(compiler)}: a return that two ways share is told apart from an epilogue`, () => {
    for (const id of ["clang-row-of-joined-returns", "clang-popped-registers"]) {
      const bytes = compile(command, reproducerOf(id));
      const { knownDefects: known } = analyzeObject(bytesSource(bytes), { facts: fixtureFacts, witnesses: true });
      assert.deepEqual(
        known.map(({ defect, count }) => [defect, count]),
        [[id, 1]],
      );
    }
  });

for (const defect of knownDefects) {
  const reproducer = reproducerOf(defect.id);
  const tools = installed(reproducer.name)
    .map(({ command, compiler }) => ({ command, tool: defect.tool === "gas" ? installedGas() : compiler }))
    .filter(({ tool }) => tool !== undefined && isSeenIn(defect, tool));
  const skip = tools.length === 0 ? `no ${defect.tool} ${defect.seen.from} to ${defect.seen.to} here` : false;
  for (const { command, tool } of tools.length === 0 ? [{ command: "", tool: undefined }] : tools)
    test(`${defect.id}: ${tool === undefined ? defect.tool : compilerName(tool)} has it, and it is not told`, {
      skip,
    }, () => {
      const bytes = compile(command, reproducer);
      const analyze = (show: boolean) =>
        analyzeObject(bytesSource(bytes), { facts: fixtureFacts, witnesses: true, knownDefects: { show } });
      const shown = analyze(true);
      const own = shown.findings.filter(({ shape }) => shape !== undefined && defect.shapes.includes(shape));
      assert.ok(
        own.length > 0,
        `${shown.findings.map(({ shape }) => shape).join("\n")}\nhas none of\n${defect.shapes.join("\n")}`,
      );
      assert.ok(own.every(({ rule }) => rule === defect.rule));
      assert.deepEqual(shown.knownDefects, []);
      assert.deepEqual(
        shown.coverage.notes.filter(({ kind }) => kind === "known-defect"),
        [],
      );

      const muted = analyze(false);
      assert.deepEqual(muted.findings, [], "whatever the reproducer shows is a known defect");
      const compiler = compilerName(tool as Compiler);
      assert.deepEqual(
        muted.knownDefects.filter((each) => each.defect === defect.id),
        [
          {
            defect: defect.id,
            compiler,
            count: own.length,
            ...(defect.everywhere === undefined ? {} : { everywhere: true }),
          },
        ],
      );
      const notes = muted.coverage.notes.filter(
        (note) => note.kind === "known-defect" && note.why.includes(`src/defects/${defect.id}.md`),
      );
      assert.equal(notes.length, 1);
      const total = muted.knownDefects.reduce((sum, { count }) => sum + count, 0);
      assert.equal(total, shown.findings.length);
    });
}
