import assert from "node:assert/strict";
import { test } from "node:test";
import { kindName } from "../../../src/isa/insn-table.ts";
import { isEmulatePrefixRest } from "../../../src/isa/x86-64/emulate-prefix.ts";
import { decodeX86 } from "../../support/kernel-sections.ts";

/** Kind and size of every row. */
function rows(hex: string): string[] {
  const { insns } = decodeX86(Uint8Array.from(hex.split(" "), (byte) => Number.parseInt(byte, 16)));
  return Array.from(insns.kind.subarray(0, insns.length), (kind, i) => `${kindName[kind]} ${insns.size[i]}`);
}

// Bytes: kernel arch/x86/include/asm/emulate_prefix.h.
test("ud2 before xen or kvm is a prefix, and what is emulated follows", () => {
  assert.deepEqual(rows("0f 0b 78 65 6e 0f a2 c3"), ["other 5", "other 2", "return 1"]);
  assert.deepEqual(rows("0f 0b 6b 76 6d 90"), ["other 5", "nop 1"]);
  // At the section's end, and in front of it where whole blocks are decoded.
  assert.deepEqual(rows("0f 0b 78 65 6e"), ["other 5"]);
  assert.deepEqual(rows(`0f 0b 78 65 6e 0f a2${" 90".repeat(60)}`).slice(0, 3), ["other 5", "other 2", "nop 1"]);
});

test("any other ud2 is a trap", () => {
  assert.equal(rows("0f 0b 78 65 90 90")[0], "bug 2");
  assert.equal(rows("0f 0b 6b 76 6e 90")[0], "bug 2");
  assert.equal(rows("0f 0b 78 76 6d 90")[0], "bug 2");
  assert.equal(rows("0f 0b 78 65")[0], "bug 2");
  assert.equal(rows("66 0f 0b 78 65 6e")[0], "bug 3");
  // ud1 has operands, and its bytes may be anything.
  assert.equal(rows("0f b9 78 65 6e")[0], "bug 4");
});

test("only the whole text counts", () => {
  const bytes = new TextEncoder().encode("xenkvmxkv");
  const found = Array.from(bytes, (_, at) => isEmulatePrefixRest(bytes, at));
  assert.deepEqual(
    found.flatMap((is, at) => (is ? [at] : [])),
    [0, 3],
  );
});
