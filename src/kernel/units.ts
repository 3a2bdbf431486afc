import type { DirectoryPlan } from "./build-plan.ts";
import type { ExcludedUnit } from "./membership.ts";
import { decideMembership } from "./membership.ts";

// Every object of a configuration, by the unit that it belongs to (design, section 4): vmlinux with its libraries, each module, and
// what is built and is neither. From kbuild's lists as make evaluates them, the same that link vmlinux.a and the modules.

/** Unit of an object: vmlinux, or the path of a module without suffix ("net/netfilter/xt_mark"). */
export const VMLINUX = "vmlinux";

export interface KernelUnits {
  /** Object -> unit, in the order of the link as far as the lists tell it. */
  readonly unitOf: ReadonlyMap<string, string>;
  /** Objects that are built and belong to no unit, by what they are. */
  readonly excluded: ReadonlyMap<ExcludedUnit, readonly string[]>;
}

/**
 * Directories whose objects are part of no unit and that kbuild reaches by rules of their own: named so that they can be told. The names are
 * contracts of the tree (see excludedUnit in membership.ts).
 */
export function excludedFolders(sourceArch: string): string[] {
  const inArch = ["boot", "boot/compressed", "realmode/rm", "purgatory", "entry/vdso", "kernel/vdso", "kernel/vdso32"];
  return [...inArch.map((dir) => `arch/${sourceArch}/${dir}`), "drivers/firmware/efi/libstub"];
}

/** Finds the units from the plans of every directory that kbuild descends to (Planner.planBelow from "."), and of excludedFolders. */
export function findUnits(plans: ReadonlyMap<string, DirectoryPlan>): KernelUnits {
  const unitOf = new Map<string, string>();
  const excluded = new Map<ExcludedUnit, string[]>();
  const ordered = linkOrder(plans);
  for (const object of new Set([...ordered, ...[...plans.values()].flatMap(listedObjects)])) {
    const membership = decideMembership(object, plans);
    if (membership.kind === "built-in" || membership.kind === "library") unitOf.set(object, VMLINUX);
    else if (membership.kind === "module") unitOf.set(object, membership.module);
    else if (membership.kind === "excluded") {
      const list = excluded.get(membership.what);
      if (list === undefined) excluded.set(membership.what, [object]);
      else list.push(object);
    }
  }
  return { unitOf, excluded };
}

/** Objects as vmlinux.a has them: directory by directory as the lists name them, the libraries last, each sorted (scripts/Makefile.lib). */
function linkOrder(plans: ReadonlyMap<string, DirectoryPlan>): string[] {
  const objects: string[] = [];
  const visited = new Set<string>();
  const visit = (plan: DirectoryPlan): void => {
    if (visited.has(plan.dir)) return;
    visited.add(plan.dir);
    for (const name of plan.objY) {
      const path = inDirectory(plan, name);
      if (!name.endsWith("/")) {
        const parts = [...plan.partsY].filter(([, wholes]) => wholes.includes(name)).map(([part]) => part);
        objects.push(...(parts.length === 0 ? [path] : parts.map((part) => inDirectory(plan, part))));
        continue;
      }
      const below = plans.get(path.slice(0, -1));
      if (below !== undefined) visit(below);
    }
  };
  const top = plans.get(".");
  if (top !== undefined) visit(top);
  const libraries = top?.linkedLibraries ?? [];
  for (const name of libraries) {
    const plan = plans.get(name.replace(/\/$/, ""));
    if (plan !== undefined) objects.push(...[...plan.lib].sort().map((object) => inDirectory(plan, object)));
  }
  return objects;
}

/** Objects that one directory's file lists. A composite is linked from its parts and is no object of its own. */
function listedObjects(plan: DirectoryPlan): string[] {
  const composites = new Set([...plan.partsY.values(), ...plan.partsM.values()].flat());
  const parts = [...plan.partsY.keys(), ...plan.partsM.keys()];
  const names = [...plan.objY, ...plan.objM, ...plan.lib, ...plan.other].filter((name) => !composites.has(name));
  return [...names, ...parts, ...plan.hostPrograms.map((name) => `${name}.o`)]
    .filter((name) => name.endsWith(".o"))
    .map((name) => inDirectory(plan, name));
}

function inDirectory(plan: DirectoryPlan, name: string): string {
  return plan.dir === "." ? name : `${plan.dir}/${name}`;
}
