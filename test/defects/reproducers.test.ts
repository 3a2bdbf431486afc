// Every page's reproducer, compiled as the page says by every compiler of its range that is here: the finding is there without the mute, and not with it.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { analyzeObject } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { type Compiler, compilerName } from "../../src/defects/compiler.ts";
import { knownDefects } from "../../src/defects/index.ts";
import {
  compileReproducer,
  installed,
  type Reproducer,
  reproducerOf,
  toolsWith,
} from "../support/defect-reproducers.ts";
import { fixtureFacts } from "../support/rule-fixtures.ts";

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "objreview-defect-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function compile(command: string, reproducer: Reproducer): Uint8Array {
  return new Uint8Array(readFileSync(compileReproducer(folder, command, reproducer)));
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
  const tools = toolsWith(defect);
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
