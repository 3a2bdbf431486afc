import type { LinkedReport } from "./linked.ts";
import type { OrcParity } from "./orc.ts";

// What the comparisons of a whole kernel's objects with their link, and of its ORC, come to in words.

const MOST = 40;

export function describeLinked(report: LinkedReport): string {
  const { objects, instructions, functions, leaves, findings, differences } = report;
  const lines = [
    `objects against their link: ${objects} objects, ${functions} functions, ${instructions} instructions, ${leaves} that lead to another object`,
    `findings: ${findings.single} by themselves, ${findings.linked} linked, ${findings.same} the same`,
    `differences: ${differences.length}`,
  ];
  for (const each of differences.slice(0, MOST))
    lines.push(
      `  ${each.what} ${each.object} ${each.function} ${each.place}: by itself ${each.single}, linked ${each.linked}`,
    );
  return lines.join("\n");
}

export function describeOrc(parity: OrcParity): string {
  const { instructions, differing, ourRows, theirRows, samples, inexpressible } = parity;
  return [
    `ORC: ${differing} of ${instructions} instructions differ; ${ourRows} rows of ours, ${theirRows} of theirs`,
    ...samples.map((text) => `  ${text}`),
    ...inexpressible.map((text) => `  no row: ${text}`),
  ].join("\n");
}
