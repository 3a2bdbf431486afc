import assert from "node:assert/strict";
import { test } from "node:test";
import { KIND_CALL, KIND_INDIRECT_CALL, KIND_RETURN, KIND_UNKNOWN } from "../../src/isa/insn-table.ts";
import { RSP } from "../../src/isa/x86-64/registers.ts";
import { CapstoneX86 } from "../support/capstone-x86-64.ts";
import { Disagreements, type Tolerance } from "../support/disagreements.ts";
import { decodeX86, hex } from "../support/kernel-sections.ts";

// Every opcode of every map, with every mandatory prefix and each ModRM.reg in a register and a memory form: what capstone decodes
// is decoded here with the same length, target and written registers. What real code holds is in decode-x86-64.test.ts; this reaches
// what no kernel holds. The other direction (decoded here, unknown to capstone) is not checked: capstone is the older of the two.

/** Where prefixes do not matter, a pattern is that of the opcode. */
function tolerance(name: string, why: string, opcode: string, what: RegExp): Tolerance {
  return { name: `capstone: ${name}`, why, bytes: new RegExp(`^((66|f2|f3) )?(4. )?${opcode}`), what, example: "" };
}

const tolerances: readonly Tolerance[] = [
  tolerance("3DNow!", "gone from every processor since 2010; unknown here by choice", "0f 0f ", /^unknown/),
  tolerance("XOP", "AMD family 15h alone had it; unknown here by choice", "8f ", /^unknown/),
  tolerance(
    "a mandatory prefix that the opcode does not exist with",
    "rcpps, rsqrtps, sha, movdiri, extrq and vmread are defined for one prefix or none (SDM and APM instruction pages)",
    "0f (52|53|78|38 (c.|f9)|3a cc) ",
    /^unknown/,
  ),
  tolerance(
    "operand size before a near branch",
    "66 is ignored in 64-bit mode on Intel (SDM volume 2, Jcc); AMD takes a 16-bit displacement, as capstone does for Jcc",
    "0f 8",
    /^size/,
  ),
  tolerance(
    "operand size before ret",
    "the immediate of RET has 16 bits with every prefix (SDM volume 2)",
    "c2 ",
    /^size/,
  ),
  tolerance("ud0 and ud1 without operands", "both have a ModRM byte (SDM volume 2, UD)", "0f (b9|ff) ", /^size/),
  tolerance("test writes rax", "TEST writes flags alone", "a[89] ", /^writes 0, theirs 1$/),
  tolerance("cmpxchg keeps rax", "CMPXCHG loads the accumulator when the comparison fails", "0f b[01] ", /^writes/),
  tolerance(
    "push and pop of fs and gs keep rsp",
    "they move it as every push and pop does",
    "0f a[0189] ",
    /^writes 10, theirs 0$/,
  ),
  tolerance(
    "16-bit bswap writes nothing",
    "its result is undefined, not its destination unchanged (SDM volume 2, BSWAP)",
    "0f c[89a-f] ",
    /^writes/,
  ),
  tolerance("syscall writes nothing", "SYSCALL saves rip in rcx and rflags in r11", "0f 05 ", /^writes 802, theirs 0$/),
  tolerance("enter writes nothing", "ENTER pushes rbp, sets it and moves rsp", "c8 ", /^writes 30, theirs 0$/),
  tolerance("xlat writes nothing", "XLAT loads al", "d7 ", /^writes 1, theirs 0$/),
  tolerance("cwd, cdq and cqo write rax", "they write rdx alone", "99 ", /^writes 4, theirs 5$/),
  tolerance("stosq writes rcx without rep", "STOS counts only with rep", "ab ", /^writes 80, theirs 82$/),
  tolerance("vmwrite writes a register", "VMWRITE reads both operands", "0f 79 ", /^writes 0, /),
  tolerance("rdssp writes nothing", "RDSSP loads its operand when shadow stacks are on", "0f 1e ", /^writes/),
  tolerance("pause with REX.W is xchg", "f3 90 is PAUSE whatever REX.W is", "90 ", /^writes 0, theirs 1$/),
  tolerance(
    "senduipi is rdrand",
    "f3 0f c7 /6 is SENDUIPI, which reads its register (SDM volume 2)",
    "0f c7 ",
    /^writes 0, /,
  ),
  tolerance(
    "movsl with repne keeps rcx",
    "f2 counts in rcx as f3 does; capstone takes the name for the SSE movsd",
    "a5 ",
    /^writes c2, theirs c0$/,
  ),
  {
    name: "capstone: f2 and f3 dropped before REX.W",
    why: "a vector opcode that f2 or f3 makes undefined; capstone says so too without REX.W, which is drawn as well",
    bytes: /^(f2|f3) 4[8d] 0f /,
    what: /^unknown/,
    example: "",
  },
];

const modrms = Array.from({ length: 8 }, (_, reg) => [0xc1 | (reg << 3), 0xc4 | (reg << 3), 0x03 | (reg << 3)]).flat();
modrms.push(0x44, 0x85, 0x05, 0x04);

/** Prefixes and escapes: the maps behind them are drawn by themselves. */
const startsLonger = new Set([
  0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x62, 0x64, 0x65, 0x66, 0x67, 0xc4, 0xc5, 0xf0, 0xf2, 0xf3,
]);
for (let rex = 0x40; rex < 0x50; rex++) startsLonger.add(rex);

function* encodings(): Generator<number[]> {
  for (const prefix of [[], [0x66], [0xf3], [0xf2]]) {
    for (const rex of [[], [0x48], [0x4d]]) {
      for (const map of [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]]) {
        for (let opcode = 0; opcode < 256; opcode++) {
          if (map.length === 0 && startsLonger.has(opcode)) continue;
          if (map.length === 1 && (opcode === 0x38 || opcode === 0x3a)) continue;
          for (const modrm of modrms) yield [...prefix, ...rex, ...map, opcode, modrm];
        }
      }
    }
  }
  for (let pp = 0; pp < 4; pp++) {
    for (const wide of [0, 0x80]) {
      for (let opcode = 0; opcode < 256; opcode++) {
        for (const modrm of modrms.filter((_, i) => i % 3 !== 1)) {
          for (const map of [1, 2, 3]) {
            for (const vvvv of [0x78, 0x28]) {
              yield [0xc4, 0xe0 | map, wide | pp | vvvv, opcode, modrm];
              yield [0x62, 0xf0 | map, wide | pp | vvvv | 4, 0x48, opcode, modrm];
            }
          }
        }
      }
    }
  }
}

test("every opcode that capstone knows: length, target and written registers", async (t) => {
  const capstone = await CapstoneX86.open();
  const found = new Disagreements(tolerances);
  let count = 0;
  let decoded = 0;
  for (const start of encodings()) {
    const bytes = new Uint8Array(16).fill(0x90);
    bytes.set(start);
    count++;
    const sweep = capstone.first(bytes);
    if (sweep === undefined) continue;
    decoded++;
    const { insns } = decodeX86(bytes);
    const kind = insns.kind[0] as number;
    const place = capstone.text(bytes);
    const ignored = kind === KIND_CALL || kind === KIND_INDIRECT_CALL || kind === KIND_RETURN ? 1 << RSP : 0;
    const writes = (insns.writes[0] as number) & ~ignored;
    const theirs = sweep.writes & ~ignored;
    if (kind === KIND_UNKNOWN) found.add(hex(bytes), "unknown", place);
    else if (insns.size[0] !== sweep.size) found.add(hex(bytes), `size ${insns.size[0]}, theirs ${sweep.size}`, place);
    else if (insns.target[0] !== sweep.target)
      found.add(hex(bytes), `target ${insns.target[0]}, theirs ${sweep.target}`, place);
    else if (writes !== theirs)
      found.add(hex(bytes), `writes ${writes.toString(16)}, theirs ${theirs.toString(16)}`, place);
  }
  t.diagnostic(`${decoded} of ${count} encodings compared, ${found.summary()}`);
  found.assertAllNamed();
  const unused = tolerances.filter((known) => !found.counts.has(known.name)).map((known) => known.name);
  assert.deepEqual(unused, [], "tolerances that no encoding needs any more");
});
