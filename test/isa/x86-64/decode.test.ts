import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { NONE } from "../../../src/base/table.ts";
import {
  FLAG_FAR,
  FLAG_FORMS_ADDRESS,
  FLAG_INDEXED,
  FLAG_INVALID,
  FLAG_NOTRACK,
  FLAG_PC_RELATIVE,
  KIND_CALL,
  KIND_OTHER,
  KIND_UNKNOWN,
  kindName,
  newDecodeOutput,
  OP_PUSH,
} from "../../../src/isa/insn-table.ts";
import { x86_64 } from "../../../src/isa/x86-64/index.ts";
import { CapstoneX86 } from "../../support/capstone-x86-64.ts";
import { cpuMillis } from "../../support/cpu-time.ts";
import { dumpInsn } from "../../support/dump-insn.ts";
import { assertGolden } from "../../support/golden.ts";
import { decodeX86 } from "../../support/kernel-sections.ts";
import { seededRandom } from "../../support/random.ts";

const GOLDEN = new URL("../../golden/decode-x86-64.txt", import.meta.url);

let capstone: CapstoneX86;
before(async () => {
  capstone = await CapstoneX86.open();
});

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.trim().split(" "), (byte) => Number.parseInt(byte, 16));
}

/** The first instruction of the bytes. */
function first(hex: string) {
  const { insns, ops } = decodeX86(bytesOf(hex));
  const [kind, size, flags, target, writes] = [insns.kind, insns.size, insns.flags, insns.target, insns.writes].map(
    (column) => column[0] as number,
  );
  return { kind: kindName[kind as number], size, flags, target, writes, op: insns.op[0] as number, insns, ops };
}

test("golden: every region of the opcode maps, every frame operation", () => {
  const lines = readFileSync(GOLDEN, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      if (line.startsWith("#")) return line;
      const hex = (line.split("|")[0] as string).trim();
      const bytes = bytesOf(hex);
      const { insns, ops } = decodeX86(bytes);
      return `${hex} | ${dumpInsn(insns, ops, 0, x86_64.registers)} | ${capstone.text(bytes)}`;
    });
  assertGolden(GOLDEN, `${lines.join("\n")}\n`);
});

test("the golden file's instructions end where their bytes end", () => {
  for (const line of readFileSync(GOLDEN, "utf8").trimEnd().split("\n")) {
    if (line.startsWith("#")) continue;
    const bytes = bytesOf(line.split("|")[0] as string);
    const { insns } = decodeX86(bytes);
    assert.ok(insns.kind[0] === KIND_UNKNOWN ? insns.size[0] === 1 : insns.size[0] === bytes.length, line);
  }
});

test("targets of direct branches count from the end of the instruction", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["eb 00", 2],
    ["eb fe", 0],
    ["eb 80", -126],
    ["74 7f", 129],
    ["e9 fb ff ff ff", 0],
    ["e8 00 00 00 00", 5],
    ["0f 84 f0 ff ff ff", -10],
    ["e3 10", 18],
    ["e2 10", 18],
    ["67 e3 10", 19],
    ["2e e8 00 01 00 00", 0x106],
    ["66 e9 00 01 00 00", 0x106], // the operand-size prefix is ignored
    ["66 0f 84 00 01 00 00", 0x107],
    ["c7 f8 10 00 00 00", 0x16],
    ["48 89 e5", NONE],
    ["ff e0", NONE],
  ];
  for (const [hex, target] of cases) assert.equal(first(hex).target, target, hex);
});

test("a decoded part has section offsets", () => {
  const bytes = bytesOf("90 90 90 55 e8 00 00 00 00 c3 90");
  const out = newDecodeOutput();
  x86_64.decode(bytes, 7, 3, 10, out);
  const insns = out.insns.finish();
  const ops = out.ops.finish();
  assert.deepEqual([...insns.offset], [3, 4, 9]);
  assert.deepEqual([...insns.section], [7, 7, 7]);
  assert.deepEqual([...insns.target], [NONE, 9, NONE]);
  assert.deepEqual([...ops.insn], [0]);
  assert.equal(ops.op[0], OP_PUSH);
});

test("rows are appended to those of other sections, and point at their own operations", () => {
  const out = newDecodeOutput();
  for (const section of [1, 2]) x86_64.decode(bytesOf("c3 55 5d"), section, 0, 3, out);
  const insns = out.insns.finish();
  const ops = out.ops.finish();
  assert.deepEqual([...insns.section], [1, 1, 1, 2, 2, 2]);
  assert.deepEqual([...insns.op], [NONE, 0, 1, NONE, 2, 3]);
  assert.deepEqual([...ops.insn], [1, 2, 4, 5]);
});

test("flags", () => {
  const cases: readonly (readonly [string, number])[] = [
    ["cb", FLAG_FAR],
    ["48 ca 08 00", FLAG_FAR],
    ["c3", 0],
    ["ff 2d 00 00 00 00", FLAG_FAR | FLAG_PC_RELATIVE],
    ["3e ff e0", FLAG_NOTRACK],
    ["3e ff d0", FLAG_NOTRACK],
    ["3e 41 ff 24 c5 00 00 00 00", FLAG_NOTRACK | FLAG_INDEXED],
    ["3e c3", 0],
    ["48 8b 05 00 00 00 00", FLAG_PC_RELATIVE],
    ["48 8d 3d 00 00 00 00", FLAG_PC_RELATIVE | FLAG_FORMS_ADDRESS],
    ["ff 25 00 00 00 00", FLAG_PC_RELATIVE],
    ["c5 f8 10 05 00 00 00 00", FLAG_PC_RELATIVE],
    ["ff 24 c5 00 00 00 00", FLAG_INDEXED],
    ["48 8b 04 c5 00 00 00 00", FLAG_INDEXED],
    ["48 8d 04 c5 00 00 00 00", 0], // lea computes, it does not read a table
    ["48 8b 04 25 00 00 00 00", 0], // absolute, no index
    ["4a 8b 04 25 00 00 00 00", FLAG_INDEXED], // r12 is an index
    ["48 8b 44 c5 00", 0], // base and index
    ["f0 48 89 03", FLAG_INVALID], // mov takes no lock
    ["f0 48 01 d8", FLAG_INVALID], // nor does a register destination
    ["f0 48 01 03", 0],
    ["f0 0f c7 0f", 0],
    ["f0 83 04 24 00", 0],
    ["f0 48 39 03", FLAG_INVALID], // cmp writes nothing
    ["8d c0", FLAG_INVALID],
    ["8e c8", FLAG_INVALID], // mov to cs
  ];
  for (const [hex, flags] of cases) assert.equal(first(hex).flags, flags, hex);
});

test("an address that lea forms from the instruction pointer is its target", () => {
  assert.equal(first("48 8d 3d 10 00 00 00").target, 0x17);
  assert.equal(first("48 8d 05 f9 ff ff ff").target, 0);
  // A load reads what is there, and a base register makes another address.
  assert.equal(first("48 8b 05 10 00 00 00").target, NONE);
  assert.equal(first("48 8d 45 10").target, NONE);
});

test("an instruction that the end cuts off is unknown bytes, at every cut", () => {
  const whole = [
    "48 b8 01 02 03 04 05 06 07 08",
    "66 2e 0f 1f 84 00 00 00 00 00",
    "e8 00 00 00 00",
    "62 f1 7c 48 10 44 24 01",
    "c4 e2 79 18 05 00 00 00 00",
    "f3 0f 1e fa",
    "66 66 66 66 90",
    "f0 48 0f c7 4c 24 08",
    "c7 84 24 00 00 00 00 00 00 00 00",
  ];
  for (const hex of whole) {
    const bytes = bytesOf(hex);
    assert.equal(first(hex).size, bytes.length, hex);
    for (let length = 1; length < bytes.length; length++) {
      // what follows the end in memory is the rest of the instruction: it must not be looked at
      const out = newDecodeOutput();
      x86_64.decode(bytes, 1, 0, length, out);
      const insns = out.insns.finish();
      assert.equal(insns.kind[0], KIND_UNKNOWN, `${hex} cut to ${length}`);
      assert.equal(insns.size[0], 1);
      assert.equal(insns.op[0], NONE);
      let covered = 0;
      for (let i = 0; i < insns.length; i++) covered += insns.size[i] as number;
      assert.equal(covered, length);
    }
  }
});

test("an empty range and a range behind the bytes give no rows", () => {
  const out = newDecodeOutput();
  x86_64.decode(new Uint8Array(0), 1, 0, 0, out);
  x86_64.decode(new Uint8Array(4), 1, 4, 9, out);
  assert.equal(out.insns.length, 0);
});

test("15 bytes are the longest instruction", () => {
  assert.equal(first("66 66 66 66 66 66 66 66 66 66 66 66 66 66 90").size, 15);
  const tooLong = first("66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90");
  assert.equal(tooLong.kind, "unknown");
  assert.equal(tooLong.size, 1);
});

test("opcodes that 64-bit mode does not have", () => {
  const bytes = "06 07 0e 16 17 1e 1f 27 2f 37 3f 60 61 82 9a ce d4 d5 ea".split(" ");
  for (const byte of [...bytes, "0f 04", "0f 0a", "0f 0c", "0f 24 c0", "0f 36", "fe f8", "ff f8"]) {
    const { kind, size } = first(`${byte} c0 00 00 00 00 00 00 00 00`);
    assert.equal(kind, "unknown", byte);
    assert.equal(size, 1, byte);
  }
});

/** Uniform bytes hardly ever make a long encoding, so half of the draws start one. */
function randomBytes(length: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const starts = [0x0f, 0x48, 0x66, 0xc4, 0xc5, 0x62, 0xf3, 0x41];
  return Uint8Array.from({ length }, () => {
    const draw = random();
    return draw & 0x300 ? draw & 0xff : (starts[draw & 7] as number);
  });
}

test("1 MB of random bytes: every byte in one row, the same rows however it is cut", () => {
  const bytes = randomBytes(1 << 20, 2023);
  const started = cpuMillis();
  const { insns, ops } = decodeX86(bytes);
  assert.ok(cpuMillis() - started < 5000, "bounded time");
  let next = 0;
  let nextOp = 0;
  for (let i = 0; i < insns.length; i++) {
    assert.equal(insns.offset[i], next);
    const size = insns.size[i] as number;
    assert.ok(size >= 1 && size <= 15);
    if (insns.kind[i] === KIND_UNKNOWN) assert.equal(size, 1);
    if (insns.op[i] !== NONE) {
      assert.equal(insns.op[i], nextOp);
      while (nextOp < ops.length && ops.insn[nextOp] === i) nextOp++;
    }
    next += size;
  }
  assert.equal(next, bytes.length);
  assert.equal(nextOp, ops.length, "every operation belongs to an instruction");

  // decoded in parts that start at instructions: the reading ahead at a part's end changes nothing before it
  const out = newDecodeOutput();
  let from = 0;
  for (let i = 1000; i < insns.length; i += 1000) {
    const to = insns.offset[i] as number;
    x86_64.decode(bytes, 1, from, to, out);
    from = to;
  }
  x86_64.decode(bytes, 1, from, bytes.length, out);
  const again = out.insns.finish();
  assert.equal(again.length, insns.length);
  for (const column of ["offset", "size", "kind", "flags", "target", "writes", "op"] as const) {
    assert.deepEqual(again[column], insns[column], column);
  }
});

test("random bytes: where capstone decodes as many bytes, the target is the same", () => {
  const bytes = randomBytes(1 << 18, 7);
  const { insns } = decodeX86(bytes);
  let compared = 0;
  let both = 0;
  for (let i = 0; i < insns.length; i += 3) {
    const at = insns.offset[i] as number;
    const sweep = capstone.sweep(bytes.subarray(at, at + 15));
    const ours = insns.kind[i] !== KIND_UNKNOWN;
    const theirs = sweep.unknown[0] === 0;
    if (ours !== theirs || !ours) continue;
    both++;
    if (sweep.size[0] !== insns.size[i]) continue; // counted below
    compared++;
    const target = sweep.target[0] as number;
    const wanted = target === NONE && insns.target[i] === NONE ? NONE : (target + at) | 0;
    assert.equal(insns.target[i], wanted, `offset ${at} ${capstone.text(bytes.subarray(at, at + 15))}`);
  }
  assert.ok(compared > 10_000, `${compared} compared`);
  // the known few: ud0 and ud1 without ModRM, 16-bit displacements behind 66, mov to control registers with a memory ModRM
  assert.ok((both - compared) / both < 0.01, `${both - compared} of ${both} differ in length`);
});

test("calls and what pushes beside them", () => {
  assert.equal(first("e8 00 00 00 00").op, NONE, "the push of a call is Registers.callPush");
  assert.equal(first("e8 00 00 00 00").writes, 0);
  assert.equal(first("e8 00 00 00 00").kind, kindName[KIND_CALL]);
  assert.equal(first("c3").op, NONE);
  assert.equal(first("f3 90").kind, kindName[KIND_OTHER], "pause is no padding");
});
