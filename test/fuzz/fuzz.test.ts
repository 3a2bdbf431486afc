import assert from "node:assert/strict";
import { test } from "node:test";
import { FormatError } from "../../src/base/errors.ts";
import { mutate } from "../support/mutate.ts";
import { seededRandom } from "../support/random.ts";
import { makeCase, newFigures, runCase } from "./engine.ts";
import { fuzz } from "./fuzz.ts";
import type { FuzzTarget } from "./target.ts";
import { targets } from "./targets.ts";

/** Of each target; objects of a real kernel, which go through everything, get a minute. */
const MILLIS = 1000;
const KERNEL_MILLIS = 60_000;
const SEED = 20260101;

for (const { name } of targets) {
  test(`fuzz ${name}: a value or a FormatError, in bounded time`, async () => {
    const { figures, failures } = await fuzz(name, SEED, name === "kernel-objects" ? KERNEL_MILLIS : MILLIS);
    assert.deepEqual(failures, []);
    assert.ok(figures.cases > 100, `${figures.cases} cases`);
  });
}

test("the same seed makes the same cases, another seed others", () => {
  for (const target of targets) {
    const seeds = target.seeds();
    assert.deepEqual(makeCase(target, seeds, 5, 77).bytes, makeCase(target, seeds, 5, 77).bytes);
    let different = 0;
    for (let n = 0; n < 20; n++) {
      if (Buffer.compare(makeCase(target, seeds, 5, n).bytes, makeCase(target, seeds, 6, n).bytes) !== 0) different++;
    }
    assert.ok(different > 15);
  }
});

test("mutations reach every part of an input and all of their kinds, and leave the input alone", () => {
  const input = new Uint8Array(256);
  const other = new Uint8Array(64).fill(0x5a);
  const random = seededRandom(3);
  const touched = new Set<number>();
  let longer = 0;
  let shorter = 0;
  let spliced = 0;
  for (let i = 0; i < 5000; i++) {
    const out = mutate(input, other, random, [[0, 16]]);
    if (out.length > input.length) longer++;
    if (out.length < input.length) shorter++;
    if (out.includes(0x5a)) spliced++;
    for (let at = 0; at < Math.min(256, out.length); at++) if (out[at] !== 0) touched.add(at);
  }
  assert.ok(input.every((byte) => byte === 0));
  assert.equal(touched.size, 256);
  assert.ok(longer > 300 && shorter > 300 && spliced > 300, `${longer} ${shorter} ${spliced}`);
});

test("the fuzzer finds what it is for: another exception, a broken promise, a slow case", () => {
  const broken = (read: (bytes: Uint8Array) => void): FuzzTarget => ({
    name: "broken",
    seeds: () => [new Uint8Array(32)],
    read,
  });
  const failuresOf = (target: FuzzTarget): number => {
    let count = 0;
    for (let n = 0; n < 200; n++)
      if (runCase(target, target.seeds(), 1, n, newFigures("broken")) !== undefined) count++;
    return count;
  };
  assert.ok(
    failuresOf(broken((bytes) => void new DataView(bytes.buffer).getUint32(bytes.length - 4 + (bytes[0]! >> 7)))) > 0,
  );
  assert.ok(failuresOf(broken((bytes) => assert.notEqual(bytes[3], 0xff))) > 0);
  const refused = () => {
    throw new FormatError("bad-value", "never", { format: "test", offset: 0 });
  };
  assert.equal(failuresOf(broken(refused)), 0);
  const slow = broken(() => {
    const before = process.threadCpuUsage();
    while (process.threadCpuUsage(before).user < 700_000);
  });
  assert.match(runCase(slow, slow.seeds(), 1, 0, newFigures("broken"))!.problem, /took \d+ ms/);
});
