import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bytesSource } from "../../../src/base/bytes.ts";
import { openObject } from "../../../src/elf/object.ts";
import { x86_64 } from "../../../src/isa/x86-64/index.ts";

const { relocs } = x86_64;

test("every name means the number that the assembler gives it", () => {
  // up to 42: what binutils 2.40 knows
  const names = Array.from({ length: 43 }, (_, type) => relocs.name(type));
  const folder = mkdtempSync(join(tmpdir(), "objreview-relocs-"));
  try {
    const lines = names.map((name, type) => `.reloc ${type * 16}, ${name}, symbol`);
    writeFileSync(join(folder, "relocs.s"), `.data\n.rept 1024\n.byte 0\n.endr\n${lines.join("\n")}\n`);
    const run = spawnSync("as", ["--64", "relocs.s", "-o", "relocs.o"], { cwd: folder, encoding: "utf8" });
    assert.equal(run.status, 0, `as: ${run.error ?? run.stderr}`);
    const object = openObject(bytesSource(new Uint8Array(readFileSync(join(folder, "relocs.o")))));
    const table = object.relocs(object.findSection(".data"));
    assert.deepEqual(
      Array.from(table.type, (type, i) => [relocs.name(type), (table.offset[i] as number) / 16]),
      names.map((name, type) => [name, type]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("sizes, bases and branches", () => {
  const facts = (type: number) => [relocs.size(type), relocs.isPcRelative(type), relocs.isBranch(type)];
  assert.deepEqual(facts(0), [0, false, false]); // NONE
  assert.deepEqual(facts(1), [8, false, false]); // 64
  assert.deepEqual(facts(2), [4, true, false]); // PC32
  assert.deepEqual(facts(4), [4, true, true]); // PLT32
  assert.deepEqual(facts(10), [4, false, false]); // 32
  assert.deepEqual(facts(11), [4, false, false]); // 32S
  assert.deepEqual(facts(15), [1, true, false]); // PC8
  assert.deepEqual(facts(24), [8, true, false]); // PC64
  assert.deepEqual(facts(41), [4, true, false]); // GOTPCRELX
  assert.deepEqual(facts(35), [0, false, false]); // TLSDESC_CALL marks, it patches nothing
});

test("an unknown type has a name and patches nothing", () => {
  assert.equal(relocs.name(250), "R_X86_64_250");
  assert.equal(relocs.size(250), 0);
  assert.equal(relocs.isPcRelative(250), false);
});
