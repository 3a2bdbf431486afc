import { CLAIM_NONE, CLAIM_SAME, CLAIM_TRUE } from "../../src/unwind/witness-claims.ts";
import { describeHints } from "./hints.ts";
import { reasons } from "./reasons.ts";
import type { Sums, WitnessSum } from "./sums.ts";

// The sums as Markdown: agreement, reasons, what is left.

/** Subjects in the order in which people ask for them. */
const SUBJECTS = ["CFA", "ra", "rbp", "rbx", "r12", "r13", "r14", "r15", "signal"];

const thousands = (n: number): string => n.toString().replaceAll(/\B(?=(\d{3})+$)/g, ",");

/** @param examples whether one example of each is listed below the tables */
export function describeSums(name: string, sums: Sums, examples: boolean): string {
  const lines = [
    `### ${name}`,
    "",
    `| witness | objects | instructions covered | ${SUBJECTS.join(" | ")} |`,
    `| --- | ---: | ---: |${" ---: |".repeat(SUBJECTS.length)}`,
    ...[...sums.witnesses].map(([kind, sum]) => agreementRow(kind, sum)),
    "",
    "| witness | what differs | functions | claims | at calls | predicted, not there |",
    "| --- | --- | ---: | ---: | ---: | ---: |",
    ...[...sums.witnesses].flatMap(([kind, sum]) => reasonRows(kind, sum)),
    "",
  ];
  for (const [kind, sum] of sums.witnesses) lines.push(...remarks(kind, sum));
  lines.push(...describeHints(sums.hints));
  if (sums.unread.length > 0) lines.push(`- not read: ${sums.unread.length}, as ${sums.unread[0]}`);
  if (examples) for (const [kind, sum] of sums.witnesses) lines.push(...exampleLines(kind, sum));
  return lines.join("\n");
}

function agreementRow(kind: string, sum: WitnessSum): string {
  const cells = SUBJECTS.map((subject) => {
    const counts = sum.counts.get(subject);
    if (counts === undefined) return "";
    const said = counts.reduce((all, count) => all + count, 0) - (counts[CLAIM_NONE] as number);
    return said === 0 ? "" : percent((counts[CLAIM_SAME] as number) + (counts[CLAIM_TRUE] as number), said);
  });
  return `| \`${kind}\` | ${thousands(sum.objects)} | ${thousands(sum.covered)} | ${cells.join(" | ")} |`;
}

/** Rounded down: 100 means every one. */
function percent(part: number, all: number): string {
  return part === all ? "100" : (Math.floor((1e6 * part) / all) / 1e4).toFixed(4);
}

function reasonRows(kind: string, sum: WitnessSum): string[] {
  const rows: string[] = [];
  for (const { id } of reasons) {
    const found = sum.reasons.get(id);
    if (found !== undefined) rows.push(`| \`${kind}\` | ${id} | ${figures(found)} | ${thousands(found.notThere)} |`);
  }
  for (const [key, found] of sum.unexplained) rows.push(`| \`${kind}\` | unexplained: ${key} | ${figures(found)} | |`);
  return rows;
}

function figures(group: { functions: ReadonlySet<string>; claims: number; calls: number }): string {
  return [group.functions.size, group.claims, group.calls].map(thousands).join(" | ");
}

function remarks(kind: string, sum: WitnessSum): string[] {
  const unexplained = [...sum.unexplained.values()].reduce((all, { claims }) => all + claims, 0);
  const lines = [
    `- \`${kind}\`: ${thousands(unexplained)} unexplained; ours cannot follow ${thousands(sum.notFollowed.size)} of ${thousands(sum.functions)} functions; ` +
      `no row for ${thousands(sum.absentAssembly)} functions of assembly and ${thousands(sum.absentSource.length)} of C; ` +
      `${thousands(sum.missing.length)} functions with a call that no row covers`,
  ];
  for (const each of [...sum.notFollowed]) lines.push(`  - cannot follow: ${each}`);
  for (const each of sum.missing.slice(0, 10)) lines.push(`  - no row at a call: ${each}`);
  return lines;
}

function exampleLines(kind: string, sum: WitnessSum): string[] {
  const lines: string[] = [];
  for (const [id, { example, notThere, notThereExample }] of sum.reasons) {
    if (example !== "") lines.push(`- ${id}: ${example}`);
    if (notThere > 0) lines.push(`- ${id}, predicted and not there: ${notThereExample}`);
  }
  for (const [key, { example }] of sum.unexplained) lines.push(`- unexplained ${key}: ${example}`);
  for (const each of sum.absentSource.slice(0, 5)) lines.push(`- no row of C: ${each}`);
  return ["", `${kind}, an example each:`, "", ...lines];
}
