import { execFileSync } from "node:child_process";
import type { Verdict } from "./compare.ts";
import type { Outcome } from "./run.ts";

const AROUND = 28;

/** Disassembly around the mutation and around the place that a finding names. */
export function excerpt(path: string, outcome: Outcome, verdict: Verdict): string {
  const place = /^(.*)\+0x([0-9a-f]+)$/.exec(verdict.place);
  const parts = [disassemble(path, outcome.section, outcome.offset)];
  if (
    place !== null &&
    (place[1] !== outcome.section || Math.abs(Number.parseInt(place[2] as string, 16) - outcome.offset) > AROUND)
  )
    parts.push(disassemble(path, place[1] as string, Number.parseInt(place[2] as string, 16)));
  return parts.join("\n      ...\n");
}

function disassemble(path: string, section: string, offset: number): string {
  const range = [`--start-address=${Math.max(0, offset - AROUND)}`, `--stop-address=${offset + AROUND}`];
  try {
    const out = execFileSync("objdump", ["-dr", "--no-show-raw-insn", "-j", section, ...range, path], {
      encoding: "utf8",
    });
    return out
      .split("\n")
      .slice(6)
      .filter((line) => line !== "")
      .map((line) => `      ${line}`)
      .join("\n");
  } catch {
    return "      (no disassembly)";
  }
}
