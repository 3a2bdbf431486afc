import { type AnalyzeOptions, analyzeObject, type ObjectAnalysis } from "../../src/analyze/analyze-object.ts";
import { type Compared, compareFindings, type Located } from "../../src/analyze/compare.ts";
import { bytesSource } from "../../src/base/bytes.ts";
import { assemble } from "./assemble.ts";
import { fixtureFacts, fixtureFolder } from "./rule-fixtures.ts";

/** Object bytes of assembly text that may use the macros of test/rules/macros.inc. */
export function assembleText(source: string): Uint8Array {
  return assemble(`\t.include "${fixtureFolder}/macros.inc"\n${source}\n`).bytes;
}

export function analyzeBytes(bytes: Uint8Array, options: Partial<AnalyzeOptions> = {}): ObjectAnalysis {
  return analyzeObject(bytesSource(bytes), { facts: fixtureFacts, ...options });
}

export function analyzeText(source: string, options: Partial<AnalyzeOptions> = {}): ObjectAnalysis {
  return analyzeBytes(assembleText(source), options);
}

/** Findings of one or more objects, as a comparison takes them. */
export function located(objects: Readonly<Record<string, string>>): Located[] {
  return Object.entries(objects).flatMap(([object, source]) =>
    analyzeText(source).findings.map((finding) => ({ object, finding })),
  );
}

/** The result of a comparison in short: "class object function rule", sorted. */
export function comparison(base: Readonly<Record<string, string>>, head: Readonly<Record<string, string>>): string[] {
  return compareFindings(located(base), located(head))
    .map((c: Compared) => `${c.class} ${c.object} ${c.finding.function} ${c.finding.rule}`)
    .sort();
}

/** A function that returns with one word too many on the stack, and the same repaired. */
export function unbalanced(name: string, body = "movl %edi, %eax"): string {
  return `FUNC ${name}\n\tpushq %rbx\n\t${body}\n\tret\nEND ${name}\n`;
}

export function balanced(name: string, body = "movl %edi, %eax"): string {
  return `FUNC ${name}\n\tpushq %rbx\n\t${body}\n\tpopq %rbx\n\tret\nEND ${name}\n`;
}
