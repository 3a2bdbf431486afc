import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { bytesSource } from "../../src/base/bytes.ts";
import { NONE } from "../../src/base/table.ts";
import { readCfi } from "../../src/dwarf/cfi.ts";
import { openObject } from "../../src/elf/object.ts";
import { x86_64 } from "../../src/isa/x86-64/index.ts";
import { readSFrame } from "../../src/sframe/object.ts";
import { witnessDwarf } from "../../src/unwind/witness-dwarf.ts";
import {
  CFA_REGISTER,
  describeRule,
  describeWitnessCfa,
  findRule,
  RETURN_ADDRESS,
  type WitnessRows,
} from "../../src/unwind/witness-rows.ts";
import { witnessSFrame } from "../../src/unwind/witness-sframe.ts";
import { witnessSpans } from "../../src/unwind/witness-table.ts";

// .sframe and .debug_frame of one object: the assembler makes both of the same directives, so two readers of ours have to say the same.

/** What a witness says of the CFA and of the registers that .sframe speaks of. */
function saysFrame(witness: WitnessRows, frame: number): string {
  const rules = [x86_64.registers.fp, RETURN_ADDRESS].map((register) => {
    const { rule, base, offset } = witness.rules;
    const r = findRule(witness, frame, register);
    return r === NONE ? "same" : describeRule(x86_64, rule[r]!, base[r]!, offset[r]!);
  });
  return [describeWitnessCfa(x86_64, witness, frame), ...rules].join(", ");
}

/** Compares .sframe with .debug_frame, which the assembler makes of the same directives. Gives the functions that only the second has. */
export function compareWithDwarf(path: string): { bytes: number; without: number } {
  const object = openObject(bytesSource(new Uint8Array(readFileSync(path))));
  const [cfi] = readCfi(object);
  const dwarf = witnessDwarf(x86_64, cfi!);
  const { witness } = witnessSFrame(x86_64, readSFrame(object)!);
  let bytes = 0;
  let without = 0;
  for (let f = 0; f < cfi!.fdes.length; f++) {
    const { section, start, end } = cfi!.fdes;
    let left = 0;
    let isRealigned = false;
    for (const span of witnessSpans([dwarf, witness], section[f]!, start[f]!, end[f]!)) {
      const [theirs, ours] = span.frames as [number, number];
      assert.notEqual(theirs, NONE);
      const base = dwarf.frames.cfaRegister[theirs];
      if (base !== x86_64.registers.sp && base !== x86_64.registers.fp) isRealigned = true;
      if (dwarf.frames.cfa[theirs] !== CFA_REGISTER) isRealigned = true;
      if (ours === NONE) {
        left += span.end - span.start;
        continue;
      }
      bytes += span.end - span.start;
      assert.equal(saysFrame(witness, ours), saysFrame(dwarf, theirs), `${path} section ${section[f]}+${span.start}`);
    }
    assert.equal(left, isRealigned ? end[f]! - start[f]! : 0, `${path} section ${section[f]}+${start[f]}`);
    if (left > 0) without++;
  }
  return { bytes, without };
}
