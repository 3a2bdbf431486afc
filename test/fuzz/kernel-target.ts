import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { analyzeObject, type TreeFacts } from "../../src/analyze/analyze-object.ts";
import { feedCode } from "../../src/analyze/code-key.ts";
import { brokenContracts, compareFindings } from "../../src/analyze/compare.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { FormatError } from "../../src/base/errors.ts";
import { EM_X86_64 } from "../../src/elf/constants.ts";
import { openObject } from "../../src/elf/object.ts";
import { summarize } from "../../src/facts/summarize.ts";
import { nothingOutside, type Outside } from "../../src/flow/outside.ts";
import { renderCheckedObject } from "../../src/report/check-text.ts";
import { openDisassembler } from "../../src/report/excerpt.ts";
import { printInsn } from "../../src/review/decorate.ts";
import type { Checks } from "../../src/rules/checks.ts";
import { findKernelObjects } from "../support/kernel-objects.ts";
import type { HotRanges } from "../support/mutate.ts";
import type { FuzzTarget } from "./target.ts";

const facts: TreeFacts = { source: "fuzz", noreturn: new Set(["panic", "do_exit"]), accessSafe: new Set(["memcpy"]) };

/** Every rule at work. */
const checks: Checks = {
  source: "fuzz",
  unwinder: "orc",
  unreachable: true,
  noinstr: true,
  landingPads: true,
  retpoline: true,
  returnThunk: true,
  untrain: true,
  straightLine: true,
  kcfi: true,
  entryHook: true,
  staticCalls: true,
  padding: 16,
  module: false,
  kcfiEverywhere: true,
  linkedFirst: true,
};

/** Answers to everything, so that no rule stops for want of one. */
const outside: Outside = {
  ...nothingOutside,
  neverReturns: (symbol) => symbol.length % 7 === 0,
  isNoinstr: (symbol) => symbol.length % 2 === 0,
  landing: (symbol) => (symbol.length % 3 === 0 ? "none" : "pad"),
  untraining: () => "returns-first",
  isFunction: () => true,
  slotTargets: (table) => [table],
};

const MOST_OBJECTS = 80;
const MOST_BYTES = 48 * 1024;
const MIN_OBJECTS = 100;
/** Told in full: it takes longer than finding them. */
const MOST_FINDINGS = 20;

const disassembler = await openDisassembler(EM_X86_64);

/** Everything that a check or a review does to an object of a real kernel, with every check on. */
export const kernelTarget: FuzzTarget = {
  name: "kernel-objects",
  seeds() {
    const small = findKernelObjects(MIN_OBJECTS)
      .map((path) => new Uint8Array(readFileSync(path)))
      .filter((bytes) => bytes.length <= MOST_BYTES);
    const stride = Math.max(1, Math.floor(small.length / MOST_OBJECTS));
    return small.filter((_, n) => n % stride === 0);
  },
  read(bytes) {
    const analysis = analyzeObject(bytesSource(bytes), { facts, checks, outside, forComparison: true });
    const findings = analysis.findings.slice(0, MOST_FINDINGS);
    for (const finding of findings) {
      finding.functionLines();
      finding.graph();
      finding.frames();
    }
    const printed = findings.map(({ path, ...finding }) => ({
      ...finding,
      path: path.map((step) => ({ ...step, asm: printInsn(analysis, disassembler, step.section, step.offset) })),
    }));
    renderCheckedObject({
      path: "fuzz.o",
      findings: printed,
      coverage: analysis.coverage,
      knownDefects: analysis.knownDefects,
    });
    // A patch that changes nothing does nothing.
    const located = analysis.findings.map((finding) => ({ object: "fuzz.o", finding }));
    for (const compared of compareFindings(located, located)) assert.equal(compared.class, "unchanged");
    const own = [{ object: "fuzz.o", analysis }];
    assert.deepEqual(brokenContracts(own, own), []);
    feedCode(bytesSource(bytes), () => {});
    summarize(bytesSource(bytes));
  },
  hot: tableRanges,
};

const ranges = new WeakMap<Uint8Array, HotRanges>();

/** Symbols, relocations and what annotates code: an eighth of an object, and nearly all that can go wrong in it. */
function tableRanges(bytes: Uint8Array): HotRanges {
  let found = ranges.get(bytes);
  if (found === undefined) {
    found = readRanges(bytes);
    ranges.set(bytes, found);
  }
  return found;
}

function readRanges(bytes: Uint8Array): HotRanges {
  try {
    const { sections, sectionName } = openObject(bytesSource(bytes));
    const hot: [number, number][] = [[0, 64]];
    sectionName.forEach((name, s) => {
      if (!/^(\.rela|\.symtab|\.strtab|\.discard|\.altinstr|\.text|\.orc|__)/.test(name)) return;
      const start = sections.fileOffset[s] as number;
      if (name !== ".strtab") hot.push([start, Math.min(bytes.length, start + (sections.size[s] as number))]);
    });
    return hot.filter(([start, end]) => end > start);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return [];
  }
}
