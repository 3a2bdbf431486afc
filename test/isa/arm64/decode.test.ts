import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { NONE } from "../../../src/base/table.ts";
import { arm64 } from "../../../src/isa/arm64/index.ts";
import {
  FLAG_PC_RELATIVE,
  type InsnTable,
  KIND_CALL,
  KIND_RETURN,
  KIND_UNKNOWN,
  kindName,
  newDecodeOutput,
  OP_ADD,
  OP_LOAD,
  OP_STORE,
  OP_UNFOLLOWED,
  type OpTable,
  opName,
} from "../../../src/isa/insn-table.ts";
import { addressOfText, factsOfText } from "../../support/arm64-text.ts";
import { type Disassembler, openCapstone } from "../../support/capstone-arm64.ts";
import { dumpInsn } from "../../support/dump-insn.ts";
import { assertGolden } from "../../support/golden.ts";
import { seededRandom } from "../../support/random.ts";

const GOLDEN = new URL("../../golden/decode-arm64.txt", import.meta.url);
/** Far enough from 0 that no branch of a random word leaves the address space. */
const ADDRESS = 0x4000_0000;

let capstone: Disassembler;
before(async () => {
  capstone = await openCapstone();
});
after(() => capstone.close());

function bytesOf(words: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(words.length * 4));
  for (let i = 0; i < words.length; i++) view.setUint32(i * 4, words[i] as number, true);
  return new Uint8Array(view.buffer);
}

function decodeAll(bytes: Uint8Array): { insns: InsnTable; ops: OpTable } {
  const out = newDecodeOutput(bytes.length);
  arm64.decode(bytes, 1, 0, bytes.length, out);
  return { insns: out.insns.finish(), ops: out.ops.finish() };
}

/** Half of the words fall into groups that a uniform draw hardly meets: system, branch, load/store, register 31. */
function randomWords(count: number, seed: number): Uint32Array {
  const random = seededRandom(seed);
  return Uint32Array.from({ length: count }, (_, i) => {
    const word = random();
    if (i % 6 === 1) return (word & 0x03ff_ffff) | 0xd400_0000;
    if (i % 6 === 2) return (word & 0xf5ff_ffff) | 0x0800_0000;
    if (i % 6 === 3) return word & 0xffe3_fc1f;
    if (i % 6 === 4) return (word & 0x00ff_ffff) | 0xd500_0000;
    return i % 6 === 5 ? word | 0x1f : word;
  });
}

test("golden: every group of the encoding space", () => {
  const hex = readFileSync(GOLDEN, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.slice(0, 8));
  const bytes = bytesOf(hex.map((digits) => Number.parseInt(digits, 16)));
  const { insns, ops } = decodeAll(bytes);
  const lines = hex.map((digits, row) => {
    const text = capstone.word(bytes.subarray(row * 4, row * 4 + 4), 0);
    const said = text === undefined ? "-" : `${text.mnemonic} ${text.operands}`.trimEnd();
    return `${digits} | ${dumpInsn(insns, ops, row, arm64.registers)} | ${said}`;
  });
  assertGolden(GOLDEN, `${lines.join("\n")}\n`);
});

test("random words: kind, target and written registers agree with capstone wherever it decodes", () => {
  const words = randomWords(60_000, 2026);
  const bytes = bytesOf(words);
  const { insns } = decodeAll(bytes);
  let compared = 0;
  let unallocated = 0;
  for (let row = 0; row < words.length; row++) {
    const text = capstone.word(bytes.subarray(row * 4, row * 4 + 4), ADDRESS);
    if (text === undefined) continue;
    const word = words[row] as number;
    // capstone prints a system register for op0 = 0b00, which DDI 0487 C4.1 leaves unallocated: d5[0-7]xxxxx with a name s0_*.
    if (/\bs0_/.test(text.operands)) {
      assert.equal(insns.kind[row], KIND_UNKNOWN);
      unallocated++;
      continue;
    }
    compared++;
    const facts = factsOfText(text.mnemonic, text.operands);
    const target = facts.target === NONE ? NONE : ((facts.target - ADDRESS) | 0) + row * 4;
    assert.deepEqual(
      { kind: kindName[insns.kind[row] as number], target: insns.target[row], writes: insns.writes[row] },
      { kind: kindName[facts.kind], target, writes: facts.writes },
      `${word.toString(16)} ${text.mnemonic} ${text.operands}`,
    );
  }
  assert.ok(compared > 15_000, `${compared} compared`);
  assert.ok(unallocated > 500, `${unallocated} unallocated`);
});

test("all 128 hints", () => {
  const bytes = bytesOf(Array.from({ length: 128 }, (_, hint) => 0xd503201f | (hint << 5)));
  const { insns } = decodeAll(bytes);
  for (let row = 0; row < 128; row++) {
    const text = capstone.word(bytes.subarray(row * 4, row * 4 + 4), 0)!;
    const facts = factsOfText(text.mnemonic, text.operands);
    assert.equal(kindName[insns.kind[row] as number], kindName[facts.kind], `${text.mnemonic} ${text.operands}`);
    assert.equal(insns.writes[row], facts.writes, `${text.mnemonic} ${text.operands}`);
  }
});

test("random words: frame operations name the address that capstone prints", () => {
  const words = randomWords(60_000, 7);
  const bytes = bytesOf(words);
  const { insns, ops } = decodeAll(bytes);
  let transfers = 0;
  let updates = 0;
  for (let op = 0; op < ops.length; op++) {
    const row = ops.insn[op] as number;
    const text = capstone.word(bytes.subarray(row * 4, row * 4 + 4), ADDRESS);
    const address = text && addressOfText(text.operands);
    if (!address) continue;
    const isFirst = insns.op[row] === op;
    const what = `${(words[row] as number).toString(16)} ${text.mnemonic} ${text.operands}: ${opName[ops.op[op] as number]}`;
    if (ops.op[op] === OP_ADD) {
      assert.notEqual(address.mode, "offset", what);
      assert.deepEqual([ops.dst[op], ops.src[op], ops.imm[op]], [address.base, address.base, address.offset], what);
      if (address.mode === "pre") assert.ok(isFirst, what);
      updates++;
    } else if (ops.op[op] === OP_STORE || ops.op[op] === OP_LOAD) {
      const second = Number(!isFirst && ops.op[op - 1] === ops.op[op] && ops.insn[op - 1] === row);
      assert.equal(ops.op[op] === OP_STORE ? ops.dst[op] : ops.src[op], address.base, what);
      const at = address.mode === "offset" ? address.offset : 0;
      const imm = ops.imm[op] as number;
      // A pair's second half is 8 bytes on; a load pair into its own base goes in the other order.
      assert.ok(
        imm === at + 8 * second || (ops.op[op] === OP_LOAD && (imm === at || imm === at + 8)),
        `${what} ${imm}`,
      );
      transfers++;
    }
  }
  assert.ok(transfers > 300 && updates > 500, `${transfers} transfers, ${updates} base updates`);
});

test("random words: the tables keep their promises", () => {
  const words = randomWords(300_000, 99);
  const { insns, ops } = decodeAll(bytesOf(words));
  assert.equal(insns.length, words.length);
  for (let row = 0; row < insns.length; row++) {
    const writes = insns.writes[row] as number;
    let sp = false;
    for (let op = insns.op[row] as number; op >= 0 && op < ops.length && ops.insn[op] === row; op++) {
      if (ops.op[op] === OP_STORE) continue;
      const dst = ops.dst[op] as number;
      assert.ok(
        (writes >>> dst) & 1,
        `${(words[row] as number).toString(16)}: an operation on a register that is not written`,
      );
      if (dst === arm64.registers.sp) sp = true;
    }
    assert.equal(writes >>> 31 === 1, sp, `${(words[row] as number).toString(16)}: sp written without an operation`);
    if (insns.kind[row] === KIND_UNKNOWN) assert.equal(writes, 0);
  }
});

test("ranges: offsets count from the section, a rest shorter than a word is one unknown row", () => {
  const bytes = new Uint8Array(22);
  bytes.set(bytesOf([0xd65f03c0, 0x97ffffff, 0xd65f03c0]), 8);
  const out = newDecodeOutput();
  arm64.decode(bytes, 5, 8, 22, out);
  const insns = out.insns.finish();
  assert.deepEqual([...insns.offset], [8, 12, 16, 20]);
  assert.deepEqual([...insns.size], [4, 4, 4, 2]);
  assert.deepEqual([...insns.kind], [KIND_RETURN, KIND_CALL, KIND_RETURN, KIND_UNKNOWN]);
  assert.deepEqual([...insns.target], [NONE, 8, NONE, NONE]);
  assert.deepEqual([...insns.section], [5, 5, 5, 5]);
});

test("a second call appends and keeps the rows of operations right", () => {
  const out = newDecodeOutput(0);
  const bytes = bytesOf(Array.from({ length: 100 }, () => 0xa9bf7bfd)); // stp x29, x30, [sp, #-16]!
  arm64.decode(bytes, 1, 0, bytes.length, out);
  arm64.decode(bytes, 2, 0, bytes.length, out);
  const insns = out.insns.finish();
  const ops = out.ops.finish();
  assert.equal(insns.length, 200);
  assert.equal(ops.length, 600);
  for (let row = 0; row < 200; row++) assert.equal(ops.insn[insns.op[row] as number], row);
});

test("adr, adrp and literal loads are PC-relative, nothing else is", () => {
  const words = randomWords(60_000, 3);
  const { insns } = decodeAll(bytesOf(words));
  for (let row = 0; row < words.length; row++) {
    const word = words[row] as number;
    // C4.1, "PC-rel. addressing" and "Load register (literal)" of general registers, without prfm
    const wanted = ((word >>> 24) & 0x1f) === 0x10 || (((word >>> 24) & 0x3f) === 0x18 && word >>> 30 !== 3);
    assert.equal((insns.flags[row] as number) === FLAG_PC_RELATIVE, wanted, word.toString(16));
  }
});

test("realignment masks that do not fit or do not align are not followed", () => {
  // and sp, x9, #0xff; and sp, x9, #0x7fffffffffffffff; and sp, x9, #0xffffffff00000000
  const { insns, ops } = decodeAll(bytesOf([0x92401d3f, 0x9240f93f, 0x92607d3f]));
  for (let row = 0; row < 3; row++) assert.equal(ops.op[insns.op[row] as number], OP_UNFOLLOWED);
});
