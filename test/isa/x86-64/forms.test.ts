import assert from "node:assert/strict";
import { test } from "node:test";
import { type DecodeOutput, newDecodeOutput } from "../../../src/isa/insn-table.ts";
import { decode } from "../../../src/isa/x86-64/decode.ts";
import { decodeInsn } from "../../../src/isa/x86-64/decode-insn.ts";
import { formKey, keyOf } from "../../../src/isa/x86-64/forms.ts";
import { sampleCode } from "../../../src/isa/x86-64/sample.ts";
import { seededRandom } from "../../support/random.ts";

/** What is read behind the last instruction. */
const BEHIND = 40;

/** Each instruction by itself, without what is kept of others. */
function oneByOne(bytes: Uint8Array, stop: number): DecodeOutput {
  const out = newDecodeOutput(stop);
  out.insns.reserve(stop);
  out.ops.reserve(stop * 2);
  for (let at = 0; at < stop; out.insns.length++) at = decodeInsn(bytes, 7, 0, at, stop, out.insns.length, out);
  return out;
}

function assertSame(a: DecodeOutput, b: DecodeOutput): void {
  for (const table of ["insns", "ops"] as const) {
    assert.equal(a[table].length, b[table].length, table);
    const columns = a[table].columns as unknown as Record<string, Int32Array>;
    for (const name in columns) {
      const other = (b[table].columns as unknown as Record<string, Int32Array>)[name] as Int32Array;
      assert.deepEqual(
        other.subarray(0, a[table].length),
        columns[name]?.subarray(0, a[table].length),
        `${table}.${name}`,
      );
    }
  }
}

test("what is found again by its form is what is decoded anew", () => {
  const random = seededRandom(20261123);
  const sample = sampleCode();
  for (let round = 0; round < 40; round++) {
    // Pieces of code in which all forms occur, with the numbers in them changed and some bytes too; then bytes of any kind.
    const length = 400 + (random() % 4000);
    const bytes = new Uint8Array(length + BEHIND);
    const from = random() % (sample.length - 400);
    bytes.set(sample.subarray(from, from + length));
    const noise = round % 4 === 0 ? length : length / 10;
    for (let n = 0; n < noise; n++) bytes[random() % length] = random() >>> 8;
    // ud2, alone and with what asks a hypervisor to emulate what follows
    bytes.set([0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0x0b, 0x90], random() % (length - 8));
    const expected = oneByOne(bytes, length);
    for (let again = 0; again < 2; again++) {
      const out = newDecodeOutput(length);
      decode(bytes, 7, 0, length, out);
      assertSame(expected, out);
    }
  }
  assert.ok(formKey.filter((key) => key !== -1).length > 1000);
});

test("an address that is -1 when its form is first seen is one when it is seen again", () => {
  // lea -8(%rip),%rax at 0 forms -1; of the instruction at 7 the same displacement forms 6.
  const lea = [0x48, 0x8d, 0x05, 0xf8, 0xff, 0xff, 0xff];
  const bytes = Uint8Array.from([...lea, ...lea, ...new Array<number>(BEHIND).fill(0x90)]);
  const out = newDecodeOutput(bytes.length);
  decode(bytes, 1, 0, bytes.length, out);
  assert.deepEqual(Array.from(out.insns.columns.target.subarray(0, 2)), [-1, 6]);
});

test("forms are known by the bytes before their numbers, and by no others", () => {
  // mov %rbx,disp8(%rbp): REX, opcode, ModRM; with SIB: one more; behind 0f there is no room for REX and SIB both
  decode(
    Uint8Array.from([0x48, 0x89, 0x5d, 8, 0x48, 0x89, 0x5c, 0x24, 8, ...new Array<number>(BEHIND).fill(0x90)]),
    1,
    0,
    49,
    newDecodeOutput(64),
  );
  assert.equal(keyOf(0x11_5d_89_48), 0x5d_89_48);
  assert.equal(keyOf(0x24_5c_89_48), 0x24_5c_89_48);
  // A prefix has no form.
  assert.equal(keyOf(0xc0_89_66), -1);
});
