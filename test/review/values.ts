import type { ObjectAnalysis, ObjectFinding } from "../../src/analyze/analyze-object.ts";
import type { Judged } from "../../src/review/judge.ts";

// Findings and judged objects as plain values, for what compares and places them.

export function findingOf(
  fingerprint: string,
  more: Partial<ObjectFinding> & { lines?: { file: string; from: number; to: number } } = {},
): ObjectFinding {
  const { lines, ...rest } = more;
  return {
    rule: "uaccess-return-open",
    severity: "error",
    function: "f",
    section: ".text",
    offset: 0,
    messageKey: "open",
    message: "f() returns with user access open",
    path: [],
    evidence: [],
    related: [],
    fingerprint,
    defect: "",
    content: "",
    functionLines: () => lines,
    graph: () => undefined,
    frames: () => undefined,
    ...rest,
  };
}

export function judgedOf(object: string, findings: readonly ObjectFinding[]): Judged {
  const analysis: ObjectAnalysis = {
    machine: 62,
    findings,
    coverage: { functions: 1, functionsAnalysed: 1, textBytes: 1, textBytesAnalysed: 1, notes: [] },
    knownDefects: [],
    undecided: [],
    missing: new Map(),
    neverReturning: [],
    defined: new Set(),
    codeBytes: () => undefined,
    isImported: () => false,
    symbolAt: () => undefined,
  };
  return { object, file: "", codeKey: "", analysis, error: undefined };
}

/** Object -> its findings' fingerprints. */
export function side(objects: Readonly<Record<string, readonly string[]>>): Map<string, Judged> {
  return new Map(
    Object.entries(objects).map(([object, prints]) => [
      object,
      judgedOf(
        object,
        prints.map((print) => findingOf(print, { function: print })),
      ),
    ]),
  );
}
