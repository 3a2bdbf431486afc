import type { LinkedReport } from "./linked.ts";

/** Differences that are listed of one kind. */
const MOST = 20;

/**
 * The outcome of a comparison of objects with the linked kernel, for people.
 * @param damage object -> what was done to it, for mutants
 */
export function describeLinked(report: LinkedReport, damage: ReadonlyMap<string, string> = new Map()): string {
  const { objects, instructions, functions, leaves, entered, findings, differences } = report;
  const lines = [
    `${objects} objects, ${functions} functions, ${instructions} instructions by themselves and linked`,
    `findings: ${findings.single} by themselves, ${findings.linked} linked, ${findings.same} the same, ${findings.otherWords} in other words, ${findings.borders} that only an object by itself can see`,
    `${leaves} instructions lead into another object without a call; ${entered} are only reached from another object`,
  ];
  const kinds = new Map<string, number>();
  for (const { what } of differences) kinds.set(what, (kinds.get(what) ?? 0) + 1);
  for (const [what, count] of kinds) {
    lines.push(`${what}: ${count} different`);
    for (const { object, place, function: name, single, linked } of differences
      .filter((each) => each.what === what)
      .slice(0, MOST))
      lines.push(`  ${object} ${place} ${name}: by itself "${single}", linked "${linked}"`);
  }
  for (const object of new Set(differences.map((each) => each.object)))
    if (damage.has(object)) lines.push(`${object} was changed: ${damage.get(object)}`);
  lines.push(`linked: ${differences.length} differences`);
  return lines.join("\n");
}
