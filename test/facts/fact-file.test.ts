import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { FormatError } from "../../src/base/errors.ts";
import { readFactFile } from "../../src/facts/fact-file.ts";
import { KernelIndex, type UnitFacts, VMLINUX } from "../../src/facts/kernel-index.ts";
import { summarize } from "../../src/facts/summarize.ts";
import { assembleText } from "../support/analyzed.ts";
import { findKernelObjects } from "../support/kernel-objects.ts";
import { factFileOf, storedIndex } from "../support/stored-index.ts";

const noList = { isListedNoreturn: () => false };

/** A few dozen objects of the default build, the larger part as vmlinux and the rest as two modules. */
function kernelUnits(): UnitFacts[] {
  const wanted = /\/(mm|kernel|lib|arch\/x86\/(kernel|entry|lib))\/[\w-]+\.o$/;
  const all = findKernelObjects(100).filter((path) => wanted.test(path));
  const paths = all.filter((_, i) => i % Math.ceil(all.length / 150) === 0);
  const facts = paths.map((path) => [path, summarize(bytesSource(readFileSync(path)))] as const);
  const third = Math.ceil(facts.length / 6);
  return [
    { unit: VMLINUX, objects: new Map(facts.slice(2 * third)) },
    // One object is a part of both.
    { unit: "a", objects: new Map(facts.slice(0, third + 1)) },
    { unit: "b", objects: new Map(facts.slice(third, 2 * third)) },
  ];
}

test("what is read back answers as what was written, for every name of real objects", () => {
  const units = kernelUnits();
  const [kept, stored] = [KernelIndex.build(units, noList), storedIndex(units, noList)];
  let names = 0;
  const answered = new Set<string>();
  for (const { unit, objects } of units) {
    const all = new Set([...objects.values()].flatMap((facts) => facts.names));
    const [left, right] = [kept.outsideFor("new.o", unit), stored.outsideFor("new.o", unit)];
    for (const name of [...all, `${[...all][0]}x`, ""]) {
      names++;
      for (const question of [
        "neverReturns",
        "untraining",
        "clobbers",
        "isFunction",
        "isNoinstr",
        "isOverridden",
        "isWeak",
        "addressUses",
      ] as const) {
        const answer = right[question]!(name);
        assert.deepEqual(answer, left[question]!(name), `${question} ${name} in ${unit}`);
        if (answer !== undefined && answer !== false && answer !== 0) answered.add(question);
      }
      for (const offset of [0, 4]) assert.equal(right.landing(name, offset), left.landing(name, offset), name);
      assert.deepEqual(stored.users(unit, [name]), kept.users(unit, [name]), name);
    }
  }
  assert.ok(names > 2000, `${names} names`);
  assert.equal(answered.size, 8, `answers to ${[...answered].join(", ")}`);
  for (const { objects } of units)
    for (const [object, facts] of objects) assert.deepEqual(stored.facts(object), facts, object);
});

const returning = (name: string): string => `FUNC ${name}\n\tret\nEND ${name}\n`;
const leaving = (name: string, to: string): string => `FUNC ${name}\n\tjmp ${to}\nEND ${name}\n`;

function smallFile(): Uint8Array {
  const sources = { "a.o": returning("a"), "b.o": leaving("b", "a"), "c.o": leaving("ünïcödé", "b") };
  const objects = new Map(
    Object.entries(sources).map(([path, source]) => [path, summarize(bytesSource(assembleText(source)))]),
  );
  return factFileOf([{ unit: VMLINUX, objects }]);
}

test("names are found whatever their alphabet, and those that are not there are not", () => {
  const outside = KernelIndex.open(readFactFile(smallFile()).units, noList).outsideFor("new.o");
  assert.equal(outside.isFunction("ünïcödé"), true);
  assert.equal(outside.neverReturns("ünïcödé"), false);
  for (const name of ["", "A", "aa", "ünïcöd", "ünïcödée", "\u{10ffff}"])
    assert.equal(outside.isFunction(name), undefined);
});

test("no facts of an object are read that nobody asks for, and broken ones are an error of who asks", () => {
  const bytes = smallFile();
  const text = Buffer.from(bytes).toString("latin1");
  // Names come first in the record of b.o.
  const at = text.indexOf('["b"');
  assert.ok(at > 0);
  bytes[at] = 0;
  const outside = KernelIndex.open(readFactFile(bytes).units, noList).outsideFor("new.o");
  assert.equal(outside.isFunction("b"), true, "the list of definitions says it");
  assert.equal(outside.neverReturns("a"), false);
  assert.throws(
    () => outside.neverReturns("b"),
    (error) => error instanceof FormatError,
  );
});

test("a file that is cut off is an error before anything is asked", () => {
  const bytes = smallFile();
  for (let length = 0; length < bytes.length; length++)
    assert.throws(
      () => readFactFile(bytes.subarray(0, length)),
      (error) => error instanceof FormatError,
      `${length} bytes`,
    );
});

test("the same facts make the same file", () => {
  assert.deepEqual(smallFile(), smallFile());
  const units = kernelUnits();
  assert.deepEqual(factFileOf(units), factFileOf(units));
});
