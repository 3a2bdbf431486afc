import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteCursor, bytesSource, stringAt } from "../../src/base/bytes.ts";
import { FormatError, type FormatErrorCode } from "../../src/base/errors.ts";

function rejects(call: () => unknown, code: FormatErrorCode, offset: number): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof FormatError, String(error));
    assert.equal(error.code, code);
    assert.equal(error.place.offset, offset);
    return true;
  });
}

const cursorOver = (...bytes: number[]) => new ByteCursor(Uint8Array.from(bytes), "test", ".data");

test("source: views of the bytes, nothing outside of them", () => {
  const bytes = Uint8Array.from([1, 2, 3, 4]);
  const source = bytesSource(bytes, "thing");
  assert.equal(source.size, 4);
  assert.deepEqual([...source.read(1, 2)], [2, 3]);
  assert.equal(source.read(0, 4).buffer, bytes.buffer);
  assert.equal(source.read(4, 0).length, 0);
  rejects(() => source.read(3, 2), "truncated", 3);
  rejects(() => source.read(-1, 1), "truncated", -1);
  rejects(() => source.read(0, -1), "truncated", 0);
  rejects(() => source.read(2 ** 60, 1), "truncated", 2 ** 60);
  assert.throws(() => source.read(5, 1), /^FormatError: thing at offset 0x5/);
});

test("integers: little-endian, signed and unsigned, at any alignment", () => {
  const raw = [0x7f, 0xff, 0xfe, 0x80, 0xfd, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0x80];
  const cursor = cursorOver(...raw);
  assert.equal(cursor.u8(), 0x7f);
  assert.equal(cursor.i8(), -1);
  assert.equal(cursor.u16(), 0x80fe);
  assert.equal(cursor.i32(), -3);
  assert.equal(cursor.u8(), 0x80);
  assert.equal(cursor.u32(), 0x8000_0000);
  assert.ok(cursor.done);
  cursor.offset = 2;
  assert.equal(cursor.i16(), -32514);
});

test("64-bit values: exact within 2^53, signed ones too", () => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  for (const value of [0n, 1n, 0xffff_ffffn, 0x1_0000_0000n, 2n ** 53n - 1n]) {
    view.setBigUint64(0, value, true);
    assert.equal(new ByteCursor(bytes, "test").u64(), Number(value));
    view.setBigInt64(0, -value, true);
    assert.equal(new ByteCursor(bytes, "test").i64() + 0, -Number(value) + 0);
  }
  view.setBigUint64(0, 2n ** 64n - 1n, true);
  assert.equal(new ByteCursor(bytes, "test").u64(), 2 ** 64);
  assert.equal(new ByteCursor(bytes, "test").i64(), -1);
});

test("LEB128: the examples of DWARF 5, tables 7.7 and 7.8, round trips, and overlong input", () => {
  for (const [value, ...bytes] of [
    [2, 2],
    [127, 127],
    [128, 0x80, 1],
    [129, 0x81, 1],
    [12857, 0xb9, 0x64],
  ] as const) {
    assert.equal(cursorOver(...bytes).uleb(), value);
  }
  const signed = [
    [2, 2],
    [-2, 0x7e],
    [127, 0xff, 0],
    [-127, 0x81, 0x7f],
    [128, 0x80, 1],
    [-128, 0x80, 0x7f],
  ] as const;
  for (const [value, ...bytes] of signed) assert.equal(cursorOver(...bytes).sleb(), value);
  for (let power = 0; power <= 52; power++) {
    for (const value of [2 ** power - 1, 2 ** power, -(2 ** power), -(2 ** power) - 1]) {
      assert.equal(cursorOver(...encodeSigned(BigInt(value))).sleb(), value);
      if (value >= 0) assert.equal(cursorOver(...encodeUnsigned(BigInt(value))).uleb(), value);
    }
  }
  rejects(() => cursorOver(0x80).uleb(), "truncated", 1);
  rejects(() => cursorOver(...new Array(11).fill(0x80)).uleb(), "bad-value", 10);
  rejects(() => cursorOver(...new Array(11).fill(0xff)).sleb(), "bad-value", 10);
});

function encodeUnsigned(value: bigint): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return [...out, Number(rest)];
    out.push(Number(rest & 0x7fn) | 0x80);
  }
}

function encodeSigned(value: bigint): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest >= -64n && rest < 64n) return [...out, Number(rest & 0x7fn)];
    out.push(Number(rest & 0x7fn) | 0x80);
  }
}

test("cursor: bounds are those given, not those of the buffer", () => {
  const bytes = Uint8Array.from([9, 9, 1, 2, 3, 9, 9]);
  const cursor = new ByteCursor(bytes, "test", ".part", 2, 5);
  assert.deepEqual([...cursor.take(2)], [1, 2]);
  rejects(() => cursor.u16(), "truncated", 4);
  assert.equal(cursor.offset, 4); // a failed read does not move it
  cursor.skip(1);
  assert.ok(cursor.done);
  rejects(() => cursor.u8(), "truncated", 5);
  rejects(() => cursor.skip(-1), "truncated", 5);
  const inside = new ByteCursor(bytes.subarray(2, 4), "test");
  assert.equal(inside.u16(), 0x0201);
  rejects(() => inside.u8(), "truncated", 2);
  assert.equal(new ByteCursor(bytes, "test", undefined, 0, 99).end, 7);
});

test("strings: terminated inside the bounds, UTF-8", () => {
  const bytes = new TextEncoder().encode("one\0zwölf\0open");
  const cursor = new ByteCursor(bytes, "test", ".strings");
  assert.equal(cursor.cstring(), "one");
  assert.equal(cursor.cstring(), "zwölf");
  rejects(() => cursor.cstring(), "truncated", 11);
  // The NUL lies behind the end of the cursor.
  rejects(() => new ByteCursor(bytes, "test", ".strings", 0, 3).cstring(), "truncated", 0);
  assert.equal(stringAt(bytes, 1, "test", ".strings"), "ne");
  rejects(() => stringAt(bytes, 11, "test", ".strings"), "out-of-range", 11);
  rejects(() => stringAt(bytes, 2 ** 32, "test", ".strings"), "out-of-range", 2 ** 32);
});

test("errors name format, section, offset and text", () => {
  const error = cursorOver(1).fail("bad-value", "no good", 0x2a);
  assert.equal(error.message, "test .data at offset 0x2a: no good");
  assert.deepEqual(error.place, { format: "test", section: ".data", offset: 0x2a });
});
