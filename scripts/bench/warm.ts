import { readFileSync } from "node:fs";
import { join } from "node:path";
import { analyzeObject } from "../../src/analyze/analyze-object.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { SHF_EXECINSTR } from "../../src/elf/constants.ts";
import { openObject } from "../../src/elf/object.ts";
import { openBuild } from "../parity/build.ts";
import { memberObjects } from "../parity/objects.ts";
import { print, spread } from "./measure.ts";

const TEXT_BYTES = 30_000;
const WARM_UPS = 60;
const ROUNDS = 41;

/** One object of about 30 KB of code in a process that has checked others before. */
export function benchWarmObject(folder: string, tree: string | undefined): void {
  const build = openBuild(folder, tree);
  const sized = memberObjects(folder).map((name) => {
    const bytes = readFileSync(join(folder, name));
    return { name, bytes, text: textBytes(bytes) };
  });
  const near = sized.sort((a, b) => Math.abs(a.text - TEXT_BYTES) - Math.abs(b.text - TEXT_BYTES)).slice(0, 12);
  const check = (bytes: Uint8Array): number => {
    const began = performance.now();
    analyzeObject(bytesSource(bytes), { facts: build.facts, checks: build.checks });
    return performance.now() - began;
  };
  for (let n = 0; n < WARM_UPS; n++) check(near[n % near.length]!.bytes);
  print(`objects of about ${TEXT_BYTES / 1000} KB of code in a warm process, all rules, ${ROUNDS} rounds`);
  for (const { name, bytes, text } of near.slice(0, 3)) {
    const millis = Array.from({ length: ROUNDS }, () => check(bytes));
    print(`  ${name} (${text} bytes)  ${spread(millis)} ms`);
  }
}

function textBytes(bytes: Uint8Array): number {
  const { sections } = openObject(bytesSource(bytes));
  let sum = 0;
  for (let s = 1; s < sections.length; s++)
    if (((sections.flags[s] as number) & SHF_EXECINSTR) !== 0) sum += sections.size[s] as number;
  return sum;
}
