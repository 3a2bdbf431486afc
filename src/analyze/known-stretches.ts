import { compilerName } from "../defects/compiler.ts";
import { findDefect } from "../defects/index.ts";
import { type UnwindDataContext, type WrongPlace, wrongPlaces } from "../rules/unwind-data.ts";
import { unwindDataDisagrees } from "../rules/unwind-data-disagrees.ts";
import { shapeOf } from "../rules/unwind-data-shape.ts";
import type { Stretch, WitnessComparison } from "../unwind/witness-compare.ts";
import type { WitnessRows } from "../unwind/witness-rows.ts";
import type { Compilers } from "./compilers.ts";
import { defectPage } from "./known-defects.ts";

// Which runs of wrong rows a known defect of the compiler explains: the same question that decides whether a finding about them is told.

/** A known defect, and whose it is. */
export interface Explained {
  readonly defect: string;
  /** Path of its page in this repository. */
  readonly page: string;
  /** "clang 22.1.8" */
  readonly compiler: string;
}

/** A witness that a compiler wrote, held against the instructions. */
export interface HeardRows {
  readonly rows: WitnessRows;
  readonly comparison: WitnessComparison;
}

export function explainStretches(
  { flow, frames }: Pick<UnwindDataContext, "flow" | "frames">,
  heard: readonly HeardRows[],
  compilers: Compilers,
): ReadonlyMap<Stretch, Explained> {
  const context = { flow, frames, witnesses: { frames: () => heard } };
  const { insns } = flow.code;
  const found = new Map<Stretch, Explained>();
  const byPlace = new Map<string, Explained>();
  const explain = (place: WrongPlace): void => {
    const compiler = compilers.at(insns.section[place.insn] as number, insns.offset[place.insn] as number);
    if (compiler === undefined) return;
    const defect = findDefect(compiler, unwindDataDisagrees.id, shapeOf(context, place));
    if (defect === undefined) return;
    const explained = { defect: defect.id, page: defectPage(defect), compiler: compilerName(compiler) };
    for (const { subject, stretch } of place.said) {
      found.set(stretch, explained);
      byPlace.set(`${stretch.insn} ${subject}`, explained);
    }
  };
  for (const place of wrongPlaces(context)) for (const each of [place, ...place.later]) explain(each);
  // What one witness is explained in, another one says out of the same directives.
  for (const { comparison } of heard)
    for (const { subject, stretches } of comparison.disagreements)
      for (const stretch of stretches) {
        const explained = found.has(stretch) ? undefined : byPlace.get(`${stretch.insn} ${subject}`);
        if (explained !== undefined) found.set(stretch, explained);
      }
  return found;
}
