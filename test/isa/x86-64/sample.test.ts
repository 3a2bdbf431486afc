import assert from "node:assert/strict";
import { test } from "node:test";
import { kindName, newDecodeOutput, opName } from "../../../src/isa/insn-table.ts";
import { x86_64 } from "../../../src/isa/x86-64/index.ts";
import { sampleCode } from "../../../src/isa/x86-64/sample.ts";

test("the sample has an instruction of every kind and flag, every frame operation, and each byte in one row", () => {
  const bytes = sampleCode();
  const out = newDecodeOutput(bytes.length);
  assert.equal(x86_64.decode(bytes, 0, 0, bytes.length, out), bytes.length);
  const { insns, ops } = { insns: out.insns.finish(), ops: out.ops.finish() };
  assert.deepEqual(
    kindName.filter((_, kind) => !insns.kind.includes(kind)),
    [],
  );
  assert.deepEqual(
    opName.filter((_, op) => op > 0 && !ops.op.includes(op)),
    [],
  );
  const flags = insns.flags.reduce((all, f) => all | f, 0);
  assert.equal(flags, 0x3f);
  assert.equal(
    insns.size.reduce((sum, size) => sum + size, 0),
    bytes.length,
  );
  assert.ok(new Set(insns.size).size >= 10);
});

test("decoding in pieces gives the rows of decoding at once", () => {
  const bytes = sampleCode();
  const whole = newDecodeOutput(bytes.length);
  x86_64.decode(bytes, 1, 0, bytes.length, whole);
  const parts = newDecodeOutput(16);
  let pieces = 0;
  for (let at = 0; at < bytes.length; pieces++)
    at = x86_64.decode(bytes, 1, at, bytes.length, parts, parts.insns.length + 100);
  assert.ok(pieces > 3);
  assert.deepEqual(parts.insns.finish(), whole.insns.finish());
  assert.deepEqual(parts.ops.finish(), whole.ops.finish());
});
