import { createHash } from "node:crypto";
import { encodeFacts } from "../../src/facts/encode.ts";
import { readFactFile, type UnitCodes, writeFactFile } from "../../src/facts/fact-file.ts";
import { KernelIndex, type UnitFacts } from "../../src/facts/kernel-index.ts";
import type { ObjectFacts } from "../../src/facts/object-facts.ts";
import type { UnitOptions } from "../../src/facts/unit.ts";

/** The file of facts, with objects named by a digest of what they say. */
export function factFileOf(units: Iterable<UnitFacts>): Uint8Array {
  const facts = new Map<string, ObjectFacts>();
  const codes = [...units].map(({ unit, objects }): UnitCodes => {
    const codeOf = (one: ObjectFacts): string => {
      const code = createHash("sha256").update(encodeFacts(one)).digest("hex");
      facts.set(code, one);
      return code;
    };
    return { unit, objects: new Map([...objects].map(([object, one]) => [object, codeOf(one)])) };
  });
  return writeFactFile(codes, facts);
}

/** As KernelIndex.build, by way of the file that bases keep. */
export function storedIndex(units: Iterable<UnitFacts>, options: UnitOptions): KernelIndex {
  return KernelIndex.open(readFactFile(factFileOf(units)).units, options);
}
