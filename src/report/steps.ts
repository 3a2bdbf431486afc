// One step of a way, one instruction of a block, one witness: the words for them, the same in every form of the report.

import type { ReviewFinding } from "./result.ts";
import { safeProse } from "./safe.ts";

/** "1d4", and "1d4*" for an instruction that is patched over the one at 1d4: its own offset is in another section. */
export function offsetWords(row: { readonly offset: number; readonly insteadOf?: number | undefined }): string {
  return row.insteadOf === undefined ? row.offset.toString(16) : `${row.insteadOf.toString(16)}*`;
}

/** "subq $0x28, %rsp", and "5 pushes, subq $0x28, %rsp" where the step stands for those too. */
export function asmWords(
  step: { readonly asm?: string | undefined; readonly folded?: string | undefined },
  max: number,
): string {
  const asm = safeProse(step.asm ?? "", max).replaceAll(/\s+/g, " ");
  if (asm === "") return "";
  if (step.folded !== undefined) return `${safeProse(step.folded, 40)}, ${asm}`;
  // Operands stand below each other.
  const space = asm.indexOf(" ");
  return space < 0 ? asm : `${asm.slice(0, space).padEnd(6)} ${asm.slice(space + 1)}`;
}

/** What the kernel's own tool says of a finding, one sentence; undefined where nobody asked. */
export function toolWords(finding: Pick<ReviewFinding, "kernelTool">): string | undefined {
  const { kernelTool: tool } = finding;
  if (tool === undefined) return undefined;
  const text = safeProse(tool.text, 200);
  switch (tool.says) {
    case "agrees":
      return `The kernel's own tool says it too: "${text}".`;
    case "silent":
      return "The kernel's own tool does not report it.";
    default:
      return `The kernel's own tool was not asked: ${text}.`;
  }
}

export interface EvidenceWords {
  readonly witness: string;
  readonly says: string;
}

const WITNESS_WORDS: Readonly<Record<string, string>> = {
  entry: "at entry",
  instructions: "here",
  "this way": "one way",
};
const FRAME_WITNESSES: ReadonlySet<string> = new Set(["entry", "instructions", "this way", "the other way"]);

/** The evidence in the order in which one reads it, frames in the words of a maintainer, and what it is all about. */
export function evidenceWords(evidence: readonly EvidenceWords[]): { heading: string; entries: EvidenceWords[] } {
  const isFrames =
    evidence.length > 0 && evidence.every(({ witness, says }) => FRAME_WITNESSES.has(witness) && FRAME_TEXT.test(says));
  if (!isFrames) return { heading: "The witnesses", entries: [...evidence] };
  const atEntry = evidence.filter(({ witness }) => witness === "entry");
  const others = evidence.filter(({ witness }) => witness !== "entry");
  const entries = [...atEntry, ...others].map(({ witness, says }) => ({
    witness: WITNESS_WORDS[witness] ?? witness,
    ...frameWords(says),
  }));
  // Registers that both ways have saved alike are no part of the difference.
  const isSame = entries.length > 1 && entries.every(({ saved }) => saved === entries[0]?.saved);
  const verb = atEntry.length > 0 ? "not restored" : "saved";
  return {
    heading: "The frame, by the instructions",
    entries: entries.map(({ witness, frame, saved }) => ({
      witness,
      says: saved === "" || isSame ? frame : `${frame}; ${saved} ${verb}`,
    })),
  };
}

const FRAME_TEXT = /^(?:before it: )?(?:CFA\b|end of stack)/;
const SAVED = /^(\w+) at (?:CFA|aligned)[+-]\d+$/;

/** "CFA=rsp+48, rbx at CFA-48, r12 at CFA-40": the frame, and the registers that it holds. The slots are in the JSON. */
function frameWords(says: string): { frame: string; saved: string } {
  const parts = says.replace(/^before it: /, "").split(", ");
  const saved = parts.flatMap((part) => SAVED.exec(part)?.[1] ?? []);
  return { frame: parts.filter((part) => !SAVED.test(part)).join(", "), saved: registerRanges(saved) };
}

/** "rbx, r12, r13, r14" -> "rbx, r12-r14". */
function registerRanges(names: readonly string[]): string {
  const ranges: string[] = [];
  for (let n = 0; n < names.length; ) {
    let end = n;
    while (end + 1 < names.length && numberOf(names[end + 1]) === numberOf(names[end]) + 1) end++;
    if (end > n + 1) ranges.push(`${names[n]}-${names[end]}`);
    else ranges.push(...names.slice(n, end + 1));
    n = end + 1;
  }
  return ranges.join(", ");
}

/** 12 of "r12"; not a number for a register without one, so that it begins no range. */
function numberOf(name: string | undefined): number {
  return Number(/^[rx](\d+)$/.exec(name ?? "")?.[1] ?? Number.NaN);
}
