import { readFileSync } from "node:fs";
import { join } from "node:path";
import { namesDefinedTwice, type Unlinkable, whyUnlinkable } from "./linkable.ts";
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

export interface LinkedRound {
  readonly mutants: number;
  /** Mutants that were passed over, by the reason. */
  readonly unlinkable: ReadonlyMap<Unlinkable, number>;
  readonly report: LinkedReport;
  /** Object -> what was done to it. */
  readonly damage: ReadonlyMap<string, string>;
}

/** Mutants by whole kernels: one of every object that has one in each. */
export function* checkLinkedMutants(
  build: string,
  options: LinkedOptions,
  { count, seed, most }: LinkedMutants,
): Generator<LinkedRound> {
  const { facts } = options;
  const random = seededRandom(seed);
  const raw = (object: string): Uint8Array => readFileSync(join(build, object));
  const members = memberObjects(build);
  const plan = planMutants(raw, members, count, random, facts, () => {});
  const definedTwice = namesDefinedTwice(members.map(raw));
  const left = new Map<string, typeof plan>();
  for (const planned of plan) left.set(planned.object, [...(left.get(planned.object) ?? []), planned]);
  for (let round = 0; round < most; round++) {
    const instead = new Map<string, Uint8Array>();
    const damage = new Map<string, string>();
    const unlinkable = new Map<Unlinkable, number>();
    for (const [object, queue] of left) {
      for (let planned = queue.shift(); planned !== undefined; planned = queue.shift()) {
        const model = openModel(object, raw(object));
        const row = mutationClasses[planned.class] as (typeof mutationClasses)[number];
        const edit = new ObjectEdit(model.bytes);
        const site = row.sites(model, facts)[planned.site] as number;
        const done = row.apply(model, edit, site, seededRandom(planned.seed), facts);
        if (done === undefined) continue;
        const why = whyUnlinkable(model.bytes, edit.bytes, definedTwice, facts.formats);
        if (why !== undefined) {
          unlinkable.set(why, (unlinkable.get(why) ?? 0) + 1);
          continue;
        }
        instead.set(object, edit.bytes);
        const section = model.code.object.sectionName[done.section] as string;
        damage.set(object, `${row.name} ${section}+0x${done.offset.toString(16)}: ${done.before} -> ${done.after}`);
        break;
      }
    }
    if (instead.size === 0) break;
    yield { mutants: instead.size, unlinkable, damage, report: checkLinked(build, { ...options, instead }) };
  }
}
