import assert from "node:assert/strict";
import { before, test } from "node:test";
import { type ByteSource, bytesSource } from "../../src/base/bytes.ts";
import { FormatError, type FormatErrorCode } from "../../src/base/errors.ts";
import { openObject } from "../../src/elf/object.ts";
import { compile } from "../support/assemble.ts";
import { cpuMillis } from "../support/cpu-time.ts";

const SHDR = 64;

let good: Uint8Array;
before(() => {
  const source =
    "int f(int); int g(int x) { return f(x) + f(x + 1); } int (*p)(int) = g; static int room[100]; int *q = room;";
  good = compile(source, ["-O2", "-g"]).bytes;
});

function readAll(bytes: Uint8Array): void {
  const object = openObject(bytesSource(bytes));
  for (let i = 0; i < object.sections.length; i++) {
    object.bytes(i);
    object.relocs(i);
  }
}

/** A copy of the good object that `edit` has changed. */
function edited(edit: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = good.slice();
  edit(new DataView(bytes.buffer), bytes);
  return bytes;
}

/** Number of the section of that name in the good object. */
function sectionOf(name: string): number {
  return openObject(bytesSource(good)).findSection(name);
}

function headerOf(view: DataView, section: number): number {
  return Number(view.getBigUint64(40, true)) + section * SHDR;
}

function bodyOf(view: DataView, section: number): number {
  return Number(view.getBigUint64(headerOf(view, section) + 24, true));
}

function rejects(bytes: Uint8Array, code: FormatErrorCode, text: RegExp): void {
  assert.throws(
    () => readAll(bytes),
    (error) => {
      assert.ok(error instanceof FormatError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, text);
      assert.equal(typeof error.place.offset, "number", error.message);
      return true;
    },
  );
}

test("the object itself is read", () => readAll(good));

test("truncated at every 97th byte", () => {
  for (let length = 0; length < good.length; length += 97) {
    assert.throws(
      () => readAll(good.subarray(0, length)),
      (error) => error instanceof FormatError && error.code === "truncated" && typeof error.place.offset === "number",
      `${length}`,
    );
  }
});

test("not an ELF file, 32-bit, big-endian, an executable", () => {
  rejects(
    edited((view) => view.setUint8(1, 0x46)),
    "bad-magic",
    /^ELF at offset 0x0: not an ELF file$/,
  );
  rejects(
    edited((view) => view.setUint8(4, 1)),
    "unsupported",
    /64-bit/,
  );
  rejects(
    edited((view) => view.setUint8(5, 2)),
    "unsupported",
    /little-endian/,
  );
  rejects(
    edited((view) => view.setUint16(16, 2, true)),
    "unsupported",
    /relocatable/,
  );
});

test("section table outside the file, of wrong entry size, absent, too long", () => {
  rejects(
    edited((view) => view.setBigUint64(40, 0xffff_ffff_ffff_fff0n, true)),
    "truncated",
    /bytes wanted/,
  );
  rejects(
    edited((view) => view.setBigUint64(40, BigInt(good.length - 64), true)),
    "truncated",
    /bytes wanted/,
  );
  rejects(
    edited((view) => view.setBigUint64(40, 0n, true)),
    "unsupported",
    /no section table/,
  );
  rejects(
    edited((view) => view.setUint16(58, 40, true)),
    "bad-value",
    /section header size 40/,
  );
  rejects(
    edited((view) => view.setUint16(60, 0xfeff, true)),
    "truncated",
    /bytes wanted/,
  );
  const lying = edited((view) => {
    view.setUint16(60, 0, true);
    view.setBigUint64(headerOf(view, 0) + 32, 0x7fff_ffff_ffff_ffffn, true);
  });
  rejects(lying, "bad-value", /sections/);
});

test("section sizes that lie, sections that overlap", () => {
  const text = sectionOf(".text");
  for (const size of [BigInt(good.length), 0xffff_ffffn, 1n << 52n, 0xffff_ffff_ffff_ffffn]) {
    rejects(
      edited((view) => view.setBigUint64(headerOf(view, text) + 32, size, true)),
      "truncated",
      /ends behind/,
    );
  }
  const overlapping = edited((view) => {
    for (const name of [".text", ".debug_info"]) {
      view.setBigUint64(headerOf(view, sectionOf(name)) + 24, 0n, true);
      view.setBigUint64(headerOf(view, sectionOf(name)) + 32, BigInt(good.length), true);
    }
  });
  rejects(overlapping, "bad-value", /overlap/);
});

test("an inactive section header claims nothing", () => {
  const text = sectionOf(".text");
  const inactive = edited((view) => {
    view.setUint32(headerOf(view, text) + 4, 0, true);
    view.setBigUint64(headerOf(view, text) + 24, 1n << 50n, true);
    view.setBigUint64(headerOf(view, text) + 32, 1n << 50n, true);
  });
  const object = openObject(bytesSource(inactive));
  assert.equal(object.sections.size[text], 0);
  assert.equal(object.bytes(text).length, 0);
  assert.throws(() => object.relocs(text), { name: "FormatError", code: "out-of-range" });
});

test("e_shstrndx out of range, reserved, not a string table", () => {
  rejects(
    edited((view) => view.setUint16(62, 0x1234, true)),
    "out-of-range",
    /name table/,
  );
  rejects(
    edited((view) => view.setUint16(62, 0xff01, true)),
    "out-of-range",
    /name table/,
  );
  rejects(
    edited((view) => view.setUint16(62, sectionOf(".text"), true)),
    "bad-value",
    /not a string table/,
  );
});

test("names outside of their tables, without end, overlapping", () => {
  const symtab = sectionOf(".symtab");
  const names = sectionOf(".shstrtab");
  rejects(
    edited((view) => view.setUint32(headerOf(view, 1), 0x7fff_ffff, true)),
    "out-of-range",
    /name outside/,
  );
  rejects(
    edited((view) => view.setUint32(bodyOf(view, symtab) + 24, 0x7fff_ffff, true)),
    "out-of-range",
    /name outside/,
  );
  const unterminated = edited((view, bytes) => {
    const from = bodyOf(view, names);
    bytes.fill(0x61, from, from + Number(view.getBigUint64(headerOf(view, names) + 32, true)));
  });
  rejects(unterminated, "out-of-range", /name outside/);
  rejects(
    edited((view) => view.setUint32(headerOf(view, symtab) + 40, 0xffff, true)),
    "out-of-range",
    /string table/,
  );
  rejects(
    edited((view) => view.setUint32(headerOf(view, symtab) + 40, 1, true)),
    "out-of-range",
    /string table/,
  );
});

test("symbols in sections that do not exist, without the table of extended indexes, cut", () => {
  const symtab = sectionOf(".symtab");
  rejects(
    edited((view) => view.setUint16(bodyOf(view, symtab) + 30, 0xfe00, true)),
    "out-of-range",
    /symbol 1 lies in/,
  );
  rejects(
    edited((view) => view.setUint16(bodyOf(view, symtab) + 30, 0xffff, true)),
    "bad-value",
    /extended section/,
  );
  rejects(
    edited((view) => view.setBigUint64(headerOf(view, symtab) + 32, 49n, true)),
    "bad-value",
    /entries of 24/,
  );
  rejects(
    edited((view) => view.setBigUint64(headerOf(view, symtab) + 56, 16n, true)),
    "bad-value",
    /entries of 16/,
  );
});

test("relocations out of range: place, symbol, patched section, entry size; compressed sections", () => {
  const rela = sectionOf(".rela.text");
  const entry = (view: DataView) => bodyOf(view, rela);
  rejects(
    edited((view) => view.setBigUint64(entry(view), 0xffffn, true)),
    "out-of-range",
    /behind the section's end/,
  );
  rejects(
    edited((view) => view.setBigUint64(entry(view), 1n << 63n, true)),
    "out-of-range",
    /behind the section's end/,
  );
  rejects(
    edited((view) => view.setUint32(entry(view) + 12, 0xffff, true)),
    "out-of-range",
    /names symbol 65535/,
  );
  rejects(
    edited((view) => view.setUint32(headerOf(view, rela) + 44, 999, true)),
    "out-of-range",
    /patches section 999/,
  );
  rejects(
    edited((view) => view.setUint32(headerOf(view, rela) + 44, sectionOf(".bss"), true)),
    "out-of-range",
    /patches/,
  );
  rejects(
    edited((view) => view.setBigUint64(headerOf(view, rela) + 56, 0n, true)),
    "bad-value",
    /entries of 0/,
  );
  rejects(
    edited((view) => view.setUint32(headerOf(view, rela) + 4, 9, true)),
    "unsupported",
    /without addend/,
  );
  const compressed = edited((view) => view.setUint32(headerOf(view, sectionOf(".debug_info")) + 8, 0x800, true));
  rejects(compressed, "unsupported", /compressed/);
});

test("quadratic names: a long run of characters and a symbol at each of its offsets ends in bounded time", () => {
  const object = hostileNames(200_000);
  const start = cpuMillis();
  rejects(object, "over-budget", /overlapping names/);
  assert.ok(cpuMillis() - start < 2_000);
});

/** header, [null, symtab, strtab] in a table, `count` symbols, a string table of `count` characters and one NUL. */
function hostileNames(count: number): Uint8Array {
  const symbols = SHDR * 4;
  const strings = symbols + 24 * count;
  const bytes = new Uint8Array(strings + count + 1);
  const view = new DataView(bytes.buffer);
  bytes.set(good.subarray(0, 64));
  view.setBigUint64(40, 64n, true);
  view.setUint16(60, 3, true);
  view.setUint16(62, 2, true);
  const section = (index: number, type: number, at: number, size: number, link: number, entry: number) => {
    const header = SHDR * (1 + index);
    view.setUint32(header, count, true); // every section's name is the empty one at the end
    view.setUint32(header + 4, type, true);
    view.setBigUint64(header + 24, BigInt(at), true);
    view.setBigUint64(header + 32, BigInt(size), true);
    view.setUint32(header + 40, link, true);
    view.setBigUint64(header + 56, BigInt(entry), true);
  };
  section(0, 0, 0, 0, 0, 0);
  section(1, 2, symbols, 24 * count, 2, 24);
  section(2, 3, strings, count + 1, 0, 0);
  bytes.fill(0x61, strings, strings + count);
  for (let i = 0; i < count; i++) view.setUint32(symbols + 24 * i, i, true);
  return bytes;
}

test("a source that reads by position is asked for no byte outside of the file, and for code only when it is wanted", () => {
  const asked: [number, number][] = [];
  const inner = bytesSource(good);
  const source: ByteSource = {
    size: good.length,
    read(offset, length) {
      asked.push([offset, length]);
      return inner.read(offset, length);
    },
  };
  const object = openObject(source);
  const debug = object.findSection(".debug_info");
  const from = object.sections.fileOffset[debug]!;
  const touches = () =>
    asked.some(([offset, length]) => offset < from + object.sections.size[debug]! && offset + length > from);
  assert.ok(!touches());
  assert.ok(object.bytes(debug).length > 0);
  assert.ok(touches());
  assert.equal(object.bytes(debug), object.bytes(debug));
});
