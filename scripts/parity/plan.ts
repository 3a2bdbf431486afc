import { mutationClasses } from "./mutations.ts";
import { openModel } from "./object-model.ts";
import { below, pick, type Random } from "./random.ts";
import type { TreeLists } from "./sites.ts";

/** One mutant to make: which class, at which of its sites in which object. */
export interface Planned {
  readonly number: number;
  readonly object: string;
  /** Row of mutationClasses. */
  readonly class: number;
  readonly site: number;
  /** Seed of the choices that the class makes. */
  readonly seed: number;
}

export interface MutantChoice {
  /** Objects that are parts of modules. */
  readonly modules?: ReadonlySet<string>;
  /** Names of classes; all. */
  readonly only?: readonly string[];
}

/** `count` mutants, as many of every class as the objects have sites for; the same for the same objects, count and random. */
export function planMutants(
  raw: (object: string) => Uint8Array,
  objects: readonly string[],
  count: number,
  random: Random,
  lists: TreeLists,
  progress: (done: number) => void,
  choice: MutantChoice = {},
): Planned[] {
  const holders: { object: string; sites: number }[][] = mutationClasses.map(() => []);
  objects.forEach((object, done) => {
    const model = openModel(object, raw(object), choice.modules?.has(object));
    mutationClasses.forEach((each, row) => {
      const sites = each.sites(model, lists).length;
      if (sites > 0) (holders[row] as (typeof holders)[number]).push({ object, sites });
    });
    progress(done + 1);
  });
  const usable = mutationClasses
    .map((_, row) => row)
    .filter((row) => (holders[row] as unknown[]).length > 0)
    .filter((row) => choice.only?.includes((mutationClasses[row] as { name: string }).name) ?? true);
  const plan: Planned[] = [];
  for (let number = 0; number < count && usable.length > 0; number++) {
    const row = usable[number % usable.length] as number;
    const holder = pick(holders[row] as (typeof holders)[number], random);
    plan.push({
      number,
      object: holder.object,
      class: row,
      site: below(holder.sites, random),
      seed: below(0x1_0000_0000, random),
    });
  }
  return plan.sort((a, b) => (a.object < b.object ? -1 : a.object > b.object ? 1 : a.number - b.number));
}
