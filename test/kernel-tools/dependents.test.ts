import assert from "node:assert/strict";
import { test } from "node:test";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { FormatError } from "../../src/base/errors.ts";
import { DependencyCollector, readDependencies } from "../../src/kernel/dependents.ts";

test("a pack says what was collected, whatever the order", () => {
  const collector = new DependencyCollector();
  const made = new Map<string, string[]>();
  // 300 objects: steps of more than 127, lists of more than 127 bytes.
  for (let n = 299; n >= 0; n--) {
    const object = `dir/o${String(n).padStart(3, "0")}.o`;
    const paths = ["include/all.h", `dir/o${n}.c`, ...(n % 150 === 0 ? ["include/rare.h"] : [])];
    made.set(object, paths);
    collector.add(object, [...paths, "include/all.h"]);
  }
  const packed = collector.pack();
  const index = readDependencies(packed);
  assert.equal(index.objectCount, 300);
  for (const path of new Set([...made.values()].flat())) {
    const wanted = [...made].filter(([, paths]) => paths.includes(path)).map(([object]) => object);
    assert.deepEqual(index.objectsOf.get(path), wanted.sort(), path);
  }
  assert.equal(index.objectsOf.has("include/none.h"), false);
  assert.equal(index.objectsOf.get("include/none.h"), undefined);
  assert.ok(packed.length < 8000, `${packed.length} bytes`);
});

test("what is no pack is one error", () => {
  const collector = new DependencyCollector();
  collector.add("a.o", ["a.c", "a.h"]);
  const packed = collector.pack();
  const inside = zstdDecompressSync(packed);
  const isRefused = (bytes: Uint8Array): void =>
    assert.throws(
      () => readDependencies(bytes),
      (error) => error instanceof FormatError,
    );
  isRefused(new Uint8Array(0));
  isRefused(packed.subarray(0, packed.length - 4));
  isRefused(zstdCompressSync("objreview dependencies 2\n"));
  isRefused(zstdCompressSync(inside.subarray(0, 30)));
  isRefused(zstdCompressSync(inside.subarray(0, inside.length - 2)));
  for (let at = 25; at < inside.length; at++) {
    const broken = Uint8Array.from(inside);
    broken[at] = broken[at]! ^ 0xff;
    try {
      readDependencies(zstdCompressSync(broken)).objectsOf.get("a.c");
    } catch (error) {
      assert.ok(error instanceof FormatError, `byte ${at}: ${error}`);
    }
  }
});
