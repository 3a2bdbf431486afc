import assert from "node:assert/strict";
import { test } from "node:test";
import { comparedWith as ofArm } from "../../src/isa/arm64/bounds.ts";
import { comparedWith as ofX86 } from "../../src/isa/x86-64/bounds.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.split(" "), (byte) => parseInt(byte, 16));

test("x86: immediates of every form of cmp, and of nothing else", () => {
  const cases: [hex: string, expected: number | undefined][] = [
    ["83 ff 07", 7], // cmp $7,%edi
    ["48 83 ff 7f", 127],
    ["83 ff ff", undefined], // cmp $-1,%edi
    ["81 ff 2c 01 00 00", 300],
    ["48 81 ff 2c 01 00 00", 300],
    ["3d 2c 01 00 00", 300], // cmp $300,%eax
    ["3c ff", 255], // cmp $255,%al
    ["80 3f fe", 254], // cmpb $254,(%rdi)
    ["83 ef 07", undefined], // sub
    ["39 f7", undefined], // cmp %esi,%edi
    ["81 ff 2c 01", undefined],
    ["90", undefined],
  ];
  for (const [hex, expected] of cases) {
    const code = bytes(hex);
    assert.equal(ofX86(code, 0, code.length), expected, hex);
  }
});

test("arm64: cmp with an immediate", () => {
  // cmp w0, #11; cmp x3, #0xfff; subs w1, w0, #11; cmp w0, w1
  assert.equal(ofArm(bytes("1f 2c 00 71"), 0, 4), 11);
  assert.equal(ofArm(bytes("7f fc 3f f1"), 0, 4), 0xfff);
  assert.equal(ofArm(bytes("01 2c 00 71"), 0, 4), undefined);
  assert.equal(ofArm(bytes("1f 00 01 6b"), 0, 4), undefined);
});
