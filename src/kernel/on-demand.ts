import type { BuildRequest, BuiltObject } from "./build.ts";
import { buildObjects } from "./build.ts";

// Objects of the base that a verdict needs and that no patch touches: the callee whose body says whether it returns. They come
// from the object cache or are built now, within a budget that the whole review shares.

export interface OnDemandBudget {
  readonly objects: number;
  readonly millis: number;
}

export interface OnDemandCompiler {
  /** Those of `objects` that could be had. What the budget refused, or kbuild could not build, is missing. */
  compile(objects: readonly string[]): Promise<ReadonlyMap<string, BuiltObject>>;
  readonly spent: { readonly objects: number; readonly millis: number };
  /** Objects that the budget refused. */
  readonly refused: readonly string[];
}

/** A compiler over an opened build folder, as buildObjects. Calls are served one after another. */
export function openOnDemandCompiler(request: Omit<BuildRequest, "objects">, budget: OnDemandBudget): OnDemandCompiler {
  const known = new Map<string, BuiltObject | undefined>();
  const refused: string[] = [];
  const spent = { objects: 0, millis: 0 };
  let queue: Promise<unknown> = Promise.resolve();
  const compile = async (objects: readonly string[]): Promise<ReadonlyMap<string, BuiltObject>> => {
    const missing = [...new Set(objects)].filter((object) => !known.has(object));
    const room = spent.millis >= budget.millis ? 0 : Math.max(0, budget.objects - spent.objects);
    const wanted = missing.slice(0, room);
    refused.push(...missing.slice(room));
    if (wanted.length > 0) {
      const result = await buildObjects({ ...request, objects: wanted });
      for (const object of wanted) known.set(object, result.built.get(object));
      // What the object cache had costs next to nothing and is not counted.
      spent.objects += wanted.filter((object) => result.built.get(object)?.how !== "cache").length;
      spent.millis += result.millis;
    }
    const found = new Map<string, BuiltObject>();
    for (const object of objects) {
      const item = known.get(object);
      if (item !== undefined) found.set(object, item);
    }
    return found;
  };
  return {
    spent,
    refused,
    compile(objects) {
      const turn = queue.then(() => compile(objects));
      queue = turn.catch(() => {});
      return turn;
    },
  };
}
