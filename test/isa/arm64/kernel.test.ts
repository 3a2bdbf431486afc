import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { NONE } from "../../../src/base/table.ts";
import { EM_AARCH64, STT_FUNC } from "../../../src/elf/constants.ts";
import type { ElfObject } from "../../../src/elf/object.ts";
import { findArch } from "../../../src/isa/index.ts";
import {
  FLAG_PC_RELATIVE,
  findInsnAt,
  KIND_BRANCH,
  KIND_CALL,
  KIND_JUMP,
  KIND_LANDING_PAD,
  KIND_RETURN,
  KIND_TRAP,
  KIND_UNKNOWN,
  kindName,
  newDecodeOutput,
  OP_LOAD,
  OP_STORE,
} from "../../../src/isa/insn-table.ts";
import { codeSections, readArm64Objects } from "../../support/arm64-objects.ts";
import { factsOfText } from "../../support/arm64-text.ts";
import { type Disassembler, openCapstone } from "../../support/capstone-arm64.ts";

// Everything here goes through the neutral contract alone, as src/flow does.

const arch = findArch(EM_AARCH64)!;
const objects = readArm64Objects();

let capstone: Disassembler;
before(async () => {
  capstone = await openCapstone();
});
after(() => capstone.close());

function decodeSection(object: ElfObject, section: number) {
  const bytes = object.bytes(section);
  const out = newDecodeOutput(bytes.length);
  arch.decode(bytes, section, 0, bytes.length, out);
  return { bytes, insns: out.insns.finish(), ops: out.ops.finish() };
}

test("decode: agrees with capstone on every word of nine kernel objects", () => {
  let compared = 0;
  let filling = 0;
  for (const { name, object } of objects) {
    for (const section of codeSections(object)) {
      const { bytes, insns } = decodeSection(object, section);
      for (let row = 0; row < insns.length; row++) {
        const at = insns.offset[row] as number;
        const text = capstone.word(bytes.subarray(at, at + 4), at);
        if (text === undefined) {
          // capstone 5 knows no udf: the only words that it leaves are the zero filling between exception vectors.
          const word = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
          assert.equal(word, 0, `${name} ${at.toString(16)}`);
          assert.equal(insns.kind[row], KIND_TRAP);
          filling++;
          continue;
        }
        compared++;
        const facts = factsOfText(text.mnemonic, text.operands);
        const target = facts.target === NONE ? NONE : Number(BigInt.asIntN(32, BigInt(facts.target)));
        assert.deepEqual(
          { kind: kindName[insns.kind[row] as number], target: insns.target[row], writes: insns.writes[row] },
          { kind: kindName[facts.kind], target, writes: facts.writes },
          `${name} ${object.sectionName[section]} ${at.toString(16)}: ${text.mnemonic} ${text.operands}`,
        );
      }
    }
  }
  assert.ok(compared > 9_000, `${compared} compared`);
  assert.ok(filling > 0);
});

test("flow: functions begin and end on instructions, branches land on instructions or carry a relocation", () => {
  let functions = 0;
  let local = 0;
  let relocated = 0;
  for (const { name, object } of objects) {
    for (const section of codeSections(object)) {
      const { insns } = decodeSection(object, section);
      const relocs = object.relocs(section);
      const branchReloc = new Map<number, number>();
      for (let i = 0; i < relocs.length; i++) {
        if (arch.relocs.isBranch(relocs.type[i] as number)) branchReloc.set(relocs.offset[i] as number, i);
      }
      for (let row = 0; row < insns.length; row++) {
        const kind = insns.kind[row] as number;
        const at = insns.offset[row] as number;
        const isBranch = kind === KIND_JUMP || kind === KIND_BRANCH || kind === KIND_CALL;
        assert.equal(insns.target[row] !== NONE, isBranch);
        if (!isBranch) {
          assert.ok(!branchReloc.has(at), `${name}: a branch relocation on a ${kindName[kind]}`);
          continue;
        }
        let target = insns.target[row] as number;
        const reloc = branchReloc.get(at);
        if (reloc !== undefined) {
          relocated++;
          const symbol = relocs.symbol[reloc] as number;
          if (object.symbols.section[symbol] !== section) continue;
          target = (object.symbols.value[symbol] as number) + (relocs.addend[reloc] as number);
        } else local++;
        assert.notEqual(findInsnAt(insns, target, 0, insns.length), NONE, `${name} ${at.toString(16)}: lands nowhere`);
      }
      for (let symbol = 1; symbol < object.symbols.length; symbol++) {
        if (object.symbols.type[symbol] !== STT_FUNC || object.symbols.section[symbol] !== section) continue;
        functions++;
        const start = object.symbols.value[symbol] as number;
        const first = findInsnAt(insns, start, 0, insns.length);
        assert.notEqual(first, NONE);
        assert.notEqual(insns.kind[first], KIND_UNKNOWN);
        const end = start + (object.symbols.size[symbol] as number);
        assert.ok(end === object.sections.size[section] || findInsnAt(insns, end, 0, insns.length) !== NONE);
      }
    }
  }
  assert.ok(functions >= 50, `${functions} functions`);
  assert.ok(local > 500 && relocated > 200, `${local} local, ${relocated} relocated`);
});

test("frames: compiled functions save and restore x29 and x30 in pairs and return with the stack where it was", () => {
  const object = objects.find(({ name }) => name === "exit.o")!.object;
  const { sp, fp, link } = arch.registers;
  let framed = 0;
  for (const section of codeSections(object)) {
    const { insns, ops } = decodeSection(object, section);
    const saves = new Map<number, number>();
    const restores = new Map<number, number>();
    for (let op = 0; op < ops.length; op++) {
      const add = (map: Map<number, number>, register: number) => map.set(register, (map.get(register) ?? 0) + 1);
      if (ops.op[op] === OP_STORE && ops.dst[op] === sp) add(saves, ops.src[op] as number);
      if (ops.op[op] === OP_LOAD && ops.src[op] === sp) add(restores, ops.dst[op] as number);
    }
    assert.equal(saves.get(fp), saves.get(link));
    assert.equal(restores.get(fp), restores.get(link));
    framed += saves.get(fp) ?? 0;
    const pads = insns.kind.filter((kind) => kind === KIND_LANDING_PAD).length;
    if (insns.kind.includes(KIND_RETURN)) assert.ok(pads > 0);
  }
  assert.ok(framed >= 20, `${framed} frames`);
});

test("relocations: every type in the objects is known, and PC-relative ones stand on what can take them", () => {
  const seen = new Set<string>();
  for (const { object } of objects) {
    for (const section of codeSections(object)) {
      const { insns } = decodeSection(object, section);
      const relocs = object.relocs(section);
      for (let i = 0; i < relocs.length; i++) {
        const type = relocs.type[i] as number;
        const name = arch.relocs.name(type);
        assert.doesNotMatch(name, /^R_AARCH64_\d+$/);
        seen.add(name);
        if (/ADR|LD_PREL/.test(name)) {
          const row = findInsnAt(insns, relocs.offset[i] as number, 0, insns.length);
          assert.equal((insns.flags[row] as number) & FLAG_PC_RELATIVE, FLAG_PC_RELATIVE);
          assert.ok(arch.relocs.isPcRelative(type) && !arch.relocs.isBranch(type));
        }
      }
    }
  }
  for (const name of [
    "R_AARCH64_CALL26",
    "R_AARCH64_JUMP26",
    "R_AARCH64_ADR_PREL_PG_HI21",
    "R_AARCH64_ADD_ABS_LO12_NC",
  ]) {
    assert.ok(seen.has(name), `${name} in ${[...seen]}`);
  }
});
