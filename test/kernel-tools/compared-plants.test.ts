import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { analyzeObject } from "../../src/analyze/analyze-object.ts";
import { brokenContracts } from "../../src/analyze/compare.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { builtInFacts } from "../../src/facts/built-in.ts";
import { foldCallers } from "../../src/review/lost-returns.ts";
import { type Checks, checksWithoutConfig } from "../../src/rules/checks.ts";
import { kernelBuildFolder } from "../support/kernel-objects.ts";
import { compilePlanted, type Plant } from "../support/plants.ts";
import { repositoryRoot } from "../support/repository.ts";

// Planted defects that the kernel's own tool does not see in this configuration: contracts that only the base tells of, stack pointers that
// drift under a frame pointer, what a kernel that is unwound by frame pointers promises, and unwind data and declarations that are not true.

interface ComparedPlant extends Plant {
  /** The object is compiled, on both sides, as a kernel with this unwinder compiles it; the build's own where absent. */
  readonly configuration?: "frame-pointer";
  /** What compiler and assembler say is held against the code, as under a profile with witnesses. */
  readonly witnesses?: boolean;
}

const folder = join(repositoryRoot, "test/kernel/compared-plants");
const plants = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as ComparedPlant[];
const tree = join(kernelBuildFolder(), "source");

// What CONFIG_UNWINDER_FRAME_POINTER adds to the command line (Makefile of 6.12), and what asm/frame.h looks at.
const framePointerOptions = "-fno-omit-frame-pointer -fno-optimize-sibling-calls -DCONFIG_FRAME_POINTER=1";

function analyze({ object, configuration, witnesses = false }: ComparedPlant, patch: string | undefined) {
  const options = [configuration === undefined ? "" : framePointerOptions, witnesses ? "-Wa,--gsframe" : ""].join(" ");
  const { bytes, root } = compilePlanted(object, patch, options);
  const checks: Checks = { ...checksWithoutConfig, unwinder: configuration ?? "orc" };
  return analyzeObject(bytesSource(bytes), {
    facts: builtInFacts,
    checks,
    forComparison: true,
    witnesses,
    stripPrefixes: [root, tree],
  });
}

test("every patch is expected to be found, and every expectation has its patch", () => {
  const patches = readdirSync(folder).filter((name) => name.endsWith(".patch"));
  assert.deepEqual(plants.map((plant) => plant.patch).sort(), patches.sort());
});

for (const plant of plants) {
  test(`${plant.patch}: ${plant.rule} in ${plant.function}()`, () => {
    const { object, rule, function: name, file, line } = plant;
    const base = analyze(plant, undefined);
    assert.deepEqual(base.findings, [], "the source without the plant");
    const head = analyze(plant, join(folder, plant.patch));
    const broken = brokenContracts([{ object, analysis: base }], [{ object, analysis: head }]);
    const { told } = foldCallers(
      broken.map((each) => ({ ...each, class: "new" as const })),
      new Map([[object, { object, file: object, codeKey: "", analysis: head, error: undefined }]]),
    );
    const found = [...head.findings, ...told.map(({ finding }) => finding)].map((finding) => {
      const outer = finding.place?.inlineStack.at(-1) ?? finding.place;
      return { rule: finding.rule, function: finding.function, file: outer?.file, line: outer?.line };
    });
    assert.deepEqual(found, [{ rule, function: name, file, line }]);
  });
}
