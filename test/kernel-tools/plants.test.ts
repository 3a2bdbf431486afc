import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { analyzeObject } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { KernelIndex, VMLINUX } from "../../src/facts/kernel-index.ts";
import { summarize } from "../../src/facts/summarize.ts";
import { readNoreturnList, readUaccessSafeList } from "../../src/facts/tree-lists.ts";
import { nothingOutside, type Outside } from "../../src/flow/outside.ts";
import { readKernelConfig } from "../../src/kernel/kernel-config.ts";
import { readChecks } from "../../src/rules/checks.ts";
import { kernelBuildFolder } from "../support/kernel-objects.ts";
import { compilePlanted, type PlantedObject, plantsFolder, readPlants } from "../support/plants.ts";

// Each plant is one defect, compiled for real: it must make exactly one finding, of the right rule, in the right function, at a line that a
// reviewer would look at. The same sources without the plant make none.

const plants = readPlants();
const tree = join(kernelBuildFolder(), "source");
const read = (path: string): string => readFileSync(join(tree, path), "utf8");

const checks = readChecks(
  readKernelConfig(readFileSync(join(kernelBuildFolder(), ".config"), "utf8")).values,
  "the build's .config",
);

/** What an index of `object` and some others of the build knows. */
function indexOf(object: string, bytes: Uint8Array, others: readonly string[], noreturn: ReadonlySet<string>): Outside {
  const objects = new Map([[object, summarize(bytesSource(bytes))]]);
  for (const other of others)
    objects.set(other, summarize(bytesSource(new Uint8Array(readFileSync(join(kernelBuildFolder(), other))))));
  const isListedNoreturn = (symbol: string): boolean => noreturn.has(symbol);
  return KernelIndex.build([{ unit: VMLINUX, objects }], { isListedNoreturn }).outsideFor(object);
}

function findingsOf(object: string, { bytes, root }: PlantedObject, others: readonly string[] = []) {
  const facts = {
    source: "lists of the tree",
    noreturn: new Set(readNoreturnList(read("tools/objtool/noreturns.h"))),
    accessSafe: new Set(readUaccessSafeList(read("tools/objtool/check.c"))),
  };
  const outside = others.length === 0 ? nothingOutside : indexOf(object, bytes, others, facts.noreturn);
  const { findings } = analyzeObject(bytesSource(bytes), { facts, checks, outside, stripPrefixes: [root, tree] });
  return findings.map(({ rule, function: name, place, severity }) => {
    const outer = place?.inlineStack.at(-1) ?? place;
    return { rule, function: name, file: outer?.file, line: outer?.line, severity };
  });
}

test("every patch is expected to be found, and every expectation has its patch", () => {
  const patches = readdirSync(plantsFolder).filter((name) => name.endsWith(".patch"));
  assert.deepEqual(plants.map((plant) => plant.patch).sort(), patches.sort());
  assert.ok(plants.length >= 25);
  assert.equal(new Set(plants.map((plant) => plant.patch)).size, plants.length);
});

for (const plant of plants) {
  test(`${plant.patch}: ${plant.rule} in ${plant.function}()`, () => {
    const planted = compilePlanted(plant.object, join(plantsFolder, plant.patch));
    const found = findingsOf(plant.object, planted, plant.others);
    const { rule, function: name, file, line } = plant;
    assert.deepEqual(
      found.map(({ severity, ...rest }) => rest),
      [{ rule, function: name, file, line }],
    );
  });
}

test("the same sources without their plants are clean", () => {
  const others = new Map(plants.map((plant) => [plant.object, new Set<string>()]));
  for (const plant of plants) for (const other of plant.others ?? []) others.get(plant.object)?.add(other);
  for (const [object, known] of others)
    assert.deepEqual(findingsOf(object, compilePlanted(object, undefined), [...known]), [], object);
});
