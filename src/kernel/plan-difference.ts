import type { DirectoryPlan } from "./build-plan.ts";

export interface PlanChange {
  readonly object: string;
  readonly kind: "added" | "removed" | "flags";
  /** For "flags": what is given only on one side. */
  readonly detail: string;
}

/** What two evaluations of the same directories make of their objects. Objects are those that are built on a side. */
export function comparePlans(
  base: ReadonlyMap<string, DirectoryPlan>,
  head: ReadonlyMap<string, DirectoryPlan>,
): PlanChange[] {
  const changes: PlanChange[] = [];
  const before = allFlags(base);
  const after = allFlags(head);
  for (const [object, flags] of after) {
    const old = before.get(object);
    if (old === undefined) changes.push({ object, kind: "added", detail: "" });
    else if (old !== flags) changes.push({ object, kind: "flags", detail: describeFlags(old, flags) });
  }
  for (const object of before.keys()) if (!after.has(object)) changes.push({ object, kind: "removed", detail: "" });
  return changes.sort((left, right) => (left.object < right.object ? -1 : 1));
}

function allFlags(plans: ReadonlyMap<string, DirectoryPlan>): Map<string, string> {
  const all = new Map<string, string>();
  for (const plan of plans.values()) for (const [object, flags] of plan.flags) all.set(object, flags);
  return all;
}

function describeFlags(old: string, now: string): string {
  const before = new Set(old.split(" "));
  const after = new Set(now.split(" "));
  const gone = [...before].filter((flag) => !after.has(flag)).map((flag) => `-(${flag})`);
  const come = [...after].filter((flag) => !before.has(flag)).map((flag) => `+(${flag})`);
  const parts = [...come, ...gone];
  return parts.length === 0 ? "the order of the flags" : parts.slice(0, 6).join(" ");
}

/** Directories below `dir` that its plan leads to, one level. */
export function subdirectories(plan: DirectoryPlan): string[] {
  const names = [...plan.objY, ...plan.objM].filter((name) => name.endsWith("/"));
  return [...new Set(names)].map((name) => (plan.dir === "." ? name.slice(0, -1) : `${plan.dir}/${name.slice(0, -1)}`));
}
