// Over a real kernel: an object that was built under a profile with witnesses has them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bytesSource } from "../../src/base/bytes.ts";
import { type ElfObject, openObject } from "../../src/elf/object.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { loadProfiles, type Profile } from "../../src/kernel/profile.ts";
import { readSFrame } from "../../src/sframe/object.ts";
import { witnessSFrame } from "../../src/unwind/witness-sframe.ts";
import { openWorkbench } from "../support/kernel-workbench.ts";

const C_OBJECT = "kernel/signal.o";
const ASM_OBJECT = "arch/x86/lib/memcpy_64.o";
/** Made from 32-bit code, for which the assemblers refuse the flag. */
const VDSO_OBJECT = "arch/x86/entry/vdso/vdso-image-32.o";

/** Profiles whose flags ask for .sframe. */
const profiles = [...loadProfiles().values()].filter(({ cFlags }) => cFlags.some((flag) => flag.includes("--gsframe")));

async function buildUnder(profile: Profile): Promise<{ c: ElfObject; asm: ElfObject; command: string }> {
  const bench = await openWorkbench(profile);
  try {
    const { outDir } = await bench.open("base");
    const { built, failed } = await bench.build("base", outDir, [C_OBJECT, ASM_OBJECT, VDSO_OBJECT]);
    assert.deepEqual(failed, []);
    const open = (object: string): ElfObject =>
      openObject(bytesSource(new Uint8Array(readFileSync(built.get(object)!.file))));
    return { c: open(C_OBJECT), asm: open(ASM_OBJECT), command: built.get(C_OBJECT)!.command };
  } finally {
    await bench.close();
  }
}

test("each compiler has a profile with .sframe for speed and for size, and clang one with jump tables", () => {
  assert.deepEqual(
    profiles.map(({ compiler, config }) => `${compiler.command} ${config.fragment.at(-1)}`),
    [
      "gcc # CONFIG_WERROR is not set",
      "gcc CONFIG_CC_OPTIMIZE_FOR_SIZE=y",
      "clang-22 # CONFIG_WERROR is not set",
      "clang-22 CONFIG_CC_OPTIMIZE_FOR_SIZE=y",
      "clang-22 # CONFIG_MITIGATION_RETPOLINE is not set",
    ],
  );
});

// Of each compiler one: to prepare a profile takes a minute, and the others differ from these in one option of the configuration.
for (const profile of profiles.filter(({ name }) => /-gcc-sframe$|-tables$/.test(name)))
  test(`${profile.name}: ${C_OBJECT} has its witnesses`, { timeout: 600_000 }, async () => {
    const { c, asm, command } = await buildUnder(profile);
    assert.match(command, / -O2 /);
    const sframe = readSFrame(c);
    assert.ok(sframe !== undefined);
    assert.deepEqual(sframe.notes, []);
    assert.ok(sframe.functions.length > 30, `${sframe.functions.length} functions`);
    const { witness } = witnessSFrame(x86_64, sframe);
    assert.equal(witness.overlaps, 0);
    assert.ok(witness.rows.length >= sframe.functions.length);
    for (const section of [".debug_frame", ".debug_info", ".debug_line"])
      assert.ok(c.findSection(section) > 0, section);
    // Code has no unwind tables of its own: the kernel's flags are as they were.
    assert.ok(c.findSection(".eh_frame") < 0);
    assert.equal(readSFrame(asm), undefined);
    // Words of a table's address and its count of entries; the kernel's x86 has no jump tables with IBT or retpolines on.
    const sizes = c.findSection(".llvm_jump_table_sizes");
    assert.equal(sizes > 0, profile.name.endsWith("-tables"));
    if (sizes > 0) assert.ok(c.relocs(sizes).length > 0 && c.relocs(sizes).length * 16 === c.bytes(sizes).length);
  });
