import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesSource } from "../../src/base/bytes.ts";
import { openObject } from "../../src/elf/object.ts";
import { checkLinked, type LinkedOptions, type LinkedReport } from "./linked.ts";
import { mutationClasses } from "./mutations.ts";
import { ObjectEdit } from "./object-edit.ts";
import { openModel } from "./object-model.ts";
import { memberObjects } from "./objects.ts";
import { planMutants } from "./plan.ts";
import { seededRandom } from "./random.ts";

export interface LinkedMutants {
  readonly count: number;
  readonly seed: number;
  /** Whole kernels that are linked; each has one mutant of an object at most. */
  readonly most: number;
}

/** Mutants by whole kernels: one of every object that has one in each. */
export function checkLinkedMutants(
  build: string,
  options: LinkedOptions,
  { count, seed, most }: LinkedMutants,
): { readonly mutants: number; readonly report: LinkedReport }[] {
  const { facts } = options;
  const random = seededRandom(seed);
  const raw = (object: string): Uint8Array => readFileSync(join(build, object));
  const plan = planMutants(raw, memberObjects(build), count, random, facts, () => {});
  const left = new Map<string, typeof plan>();
  for (const planned of plan) left.set(planned.object, [...(left.get(planned.object) ?? []), planned]);
  const reports: { mutants: number; report: LinkedReport }[] = [];
  for (let round = 0; round < most; round++) {
    const instead = new Map<string, Uint8Array>();
    for (const [object, queue] of left) {
      for (let planned = queue.shift(); planned !== undefined; planned = queue.shift()) {
        const model = openModel(object, raw(object));
        const row = mutationClasses[planned.class] as (typeof mutationClasses)[number];
        const edit = new ObjectEdit(model.bytes);
        const site = row.sites(model, facts)[planned.site] as number;
        if (row.apply(model, edit, site, seededRandom(planned.seed), facts) === undefined) continue;
        // Two objects that were given one name do not link.
        if (namesOf(edit.bytes) !== namesOf(model.bytes)) continue;
        instead.set(object, edit.bytes);
        break;
      }
    }
    if (instead.size === 0) break;
    reports.push({ mutants: instead.size, report: checkLinked(build, { ...options, instead }) });
  }
  return reports;
}

function namesOf(bytes: Uint8Array): string {
  return openObject(bytesSource(bytes)).symbolName.join("\n");
}
