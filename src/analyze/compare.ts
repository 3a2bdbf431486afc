import type { Severity } from "../rules/finding.ts";
import type { ObjectAnalysis, ObjectFinding } from "./analyze-object.ts";
import { stableName } from "./names.ts";

// What a patch did: the multiset difference of the findings of two sides.

export type FindingClass = "new" | "worsened" | "unchanged" | "fixed";

/** A finding and the object that it stands in. */
export interface Located {
  readonly object: string;
  readonly finding: ObjectFinding;
}

export interface Compared extends Located {
  readonly class: FindingClass;
  /** The base's finding that an unchanged one corresponds to. */
  readonly before?: Located;
}

const weight: Readonly<Record<Severity, number>> = { note: 0, warning: 1, error: 2 };

/**
 * Pairs the findings of base and head: first in the same object by fingerprint, then anywhere by fingerprint (the function moved), then by
 * rule, message and what the function does (it was renamed). What is left of the head is new; or worsened, where the function had a
 * finding of that rule already; what is left of the base is fixed.
 */
export function compareFindings(base: readonly Located[], head: readonly Located[]): Compared[] {
  const openBase = new Set(base);
  const openHead = new Set(head);
  const result: Compared[] = [];
  const keys: readonly ((l: Located) => string)[] = [
    (l) => `${l.object}\n${l.finding.fingerprint}`,
    (l) => l.finding.fingerprint,
    (l) => (l.finding.content === "" ? "" : `${l.finding.rule}\n${l.finding.messageKey}\n${l.finding.content}`),
  ];
  for (const key of keys) {
    const byKey = new Map<string, Located[]>();
    for (const located of openBase) {
      const k = key(located);
      if (k !== "") byKey.set(k, [...(byKey.get(k) ?? []), located]);
    }
    for (const located of [...openHead]) {
      const before = byKey.get(key(located))?.shift();
      if (before === undefined) continue;
      openBase.delete(before);
      openHead.delete(located);
      const graver = weight[located.finding.severity] > weight[before.finding.severity];
      result.push({ ...located, before, class: graver ? "worsened" : "unchanged" });
    }
  }
  const had = new Set(base.map(functionAndRule));
  for (const located of openHead)
    result.push({ ...located, class: had.has(functionAndRule(located)) ? "worsened" : "new" });
  for (const located of openBase) result.push({ ...located, class: "fixed" });
  const order = new Map([...head, ...base].map((located, index) => [located.finding, index]));
  return result.sort((a, b) => (order.get(a.finding) as number) - (order.get(b.finding) as number));
}

function functionAndRule(located: Located): string {
  return `${located.finding.rule}\n${stableName(located.finding.function)}`;
}

/** An object that was looked at. */
export interface Analyzed {
  readonly object: string;
  readonly analysis: ObjectAnalysis;
}

/**
 * Contracts with callers that the head breaks and the base kept for the same function, whichever object it stands in: findings. One that the base
 * broke too is a fact, and so is what a function that is new does. Both sides were analysed for comparison.
 */
export function brokenContracts(base: readonly Analyzed[], head: readonly Analyzed[]): Located[] {
  const checked = new Set<string>();
  const broken = new Set<string>();
  const labels = new Set<string>();
  for (const { analysis } of base) {
    for (const [name, whyNot] of analysis.comparison?.watch.functions ?? []) if (whyNot === "") checked.add(name);
    for (const name of analysis.comparison?.watch.labels ?? []) labels.add(name);
    for (const finding of analysis.comparison?.contracts ?? []) broken.add(finding.fingerprint);
  }
  return head.flatMap(({ object, analysis }) =>
    (analysis.comparison?.contracts ?? [])
      .filter(({ function: name, fingerprint }) => {
        // Assembly that is no function has its contracts too, where it was none before.
        const isLabel = labels.has(name) && analysis.comparison?.watch.labels.has(name) === true;
        return (checked.has(stableName(name)) || isLabel) && !broken.has(fingerprint);
      })
      .map((finding) => ({ object, finding })),
  );
}
