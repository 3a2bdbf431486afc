import type { DirectoryPlan, MakeEnvironment } from "./build-plan.ts";
import { planDirectories, readMakeEnvironment } from "./build-plan.ts";
import type { SandboxedRun } from "./kbuild.ts";
import type { Membership } from "./membership.ts";
import { decideMembership, decidingDirectories } from "./membership.ts";
import { subdirectories } from "./plan-difference.ts";
import type { PlanMemo } from "./plan-memo.ts";

/** The build plan of one side, evaluated as far as it was asked for. */
export interface Planner {
  /** Plans of the directories, each evaluated once, and of what was asked for before. */
  plan(dirs: readonly string[]): Promise<ReadonlyMap<string, DirectoryPlan>>;
  /** `dirs` and everything that kbuild descends to from them, at most `cap` directories. */
  planBelow(
    dirs: readonly string[],
    cap: number,
  ): Promise<{ plans: ReadonlyMap<string, DirectoryPlan>; isWhole: boolean }>;
  membership(objects: readonly string[]): Promise<ReadonlyMap<string, Membership>>;
  /** What the top Makefile exports. */
  environment(): Promise<MakeEnvironment>;
}

/**
 * A planner over an opened build folder. Makefiles of a patch run in it: `open` gives a run that is sandboxed like a build, and is asked
 * once, when the first directory has to be evaluated.
 * @param memo what earlier evaluations of the same trusted sources gave; never given for sources that a patch has a part in
 */
export function openPlanner(open: () => Promise<SandboxedRun>, memo?: PlanMemo): Planner {
  const known = new Map<string, DirectoryPlan>();
  let run: Promise<SandboxedRun> | undefined;
  let environment: Promise<MakeEnvironment> | undefined = memo?.environment && Promise.resolve(memo.environment);
  const opened = (): Promise<SandboxedRun> => {
    run ??= open();
    return run;
  };
  const readEnvironment = (): Promise<MakeEnvironment> => {
    environment ??= opened().then(readMakeEnvironment);
    return environment;
  };
  const plan = async (dirs: readonly string[]): Promise<ReadonlyMap<string, DirectoryPlan>> => {
    for (const dir of dirs) {
      const kept = known.has(dir) ? undefined : memo?.plans.get(dir);
      if (kept !== undefined) known.set(dir, kept);
    }
    const missing = [...new Set(dirs)].filter((dir) => !known.has(dir));
    if (missing.length > 0) {
      const from = await readEnvironment();
      const made = await planDirectories(await opened(), from, missing);
      for (const [dir, plan] of made) known.set(dir, plan);
      memo?.keep(from, known);
    }
    return known;
  };
  return {
    plan,
    environment: readEnvironment,
    async planBelow(dirs, cap) {
      const plans = new Map<string, DirectoryPlan>();
      let front = [...new Set(dirs)];
      while (front.length > 0 && plans.size < cap) {
        const room = front.slice(0, cap - plans.size);
        const all = await plan(room);
        const made = room.map((dir) => all.get(dir)).filter((item) => item !== undefined);
        for (const item of made) plans.set(item.dir, item);
        front = [...new Set([...front.slice(room.length), ...made.flatMap(subdirectories)])].filter(
          (dir) => !plans.has(dir),
        );
        if (made.length === 0) break;
      }
      return { plans, isWhole: front.length === 0 };
    },
    async membership(objects) {
      const plans = await plan(objects.flatMap(decidingDirectories));
      return new Map(objects.map((object) => [object, decideMembership(object, plans)]));
    },
  };
}

/** The object is judged: part of vmlinux or of a module. */
export function isJudged(membership: Membership): boolean {
  return membership.kind === "built-in" || membership.kind === "library" || membership.kind === "module";
}
