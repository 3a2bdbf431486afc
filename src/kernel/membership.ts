import type { DirectoryPlan } from "./build-plan.ts";

// Which unit an object belongs to (design, section 4), from kbuild's own lists as make evaluates them: never from the presence
// of a file, and never from whether kbuild would compile it on request, which it does for anything.

export type Membership =
  /** Linked into vmlinux. */
  | { readonly kind: "built-in" }
  /** A member of a lib.a that vmlinux is linked with. */
  | { readonly kind: "library" }
  /** `module` is the path of the module without suffix: "net/netfilter/xt_mark". */
  | { readonly kind: "module"; readonly module: string }
  /** Built, and no part of the running kernel's units. */
  | { readonly kind: "excluded"; readonly what: ExcludedUnit }
  /** Not built in this configuration. `blockers` are the lists that would have to change, outermost first. */
  | { readonly kind: "not-built"; readonly blockers: readonly Blocker[] };

export type ExcludedUnit = "vdso" | "realmode" | "purgatory" | "boot" | "EFI stub" | "host tool" | "other";

export interface Blocker {
  /** The directory whose Kbuild file decides. */
  readonly dir: string;
  /** The name it is listed under, or would be: "foo.o" or "sub/". */
  readonly name: string;
  /** The file names it in a list that is off; false: it is in no list at all. */
  readonly isListed: boolean;
}

/** The directories whose plans decide about `object`, outermost first: "net/ipv4/tcp.o" -> ".", "net", "net/ipv4". */
export function decidingDirectories(object: string): string[] {
  const parts = object.split("/").slice(0, -1);
  return [".", ...parts.map((_, index) => parts.slice(0, index + 1).join("/"))];
}

type Reach = "built-in" | "module" | "library" | "visited" | "none";

/** Decides from the plans of at least `decidingDirectories(object)`. */
export function decideMembership(object: string, plans: ReadonlyMap<string, DirectoryPlan>): Membership {
  const excluded = excludedUnit(object);
  const { reach, holder, blockers } = reachDirectory(object, plans);
  if (holder === undefined) {
    if (excluded !== undefined) return { kind: "excluded", what: excluded };
    return { kind: "not-built", blockers };
  }
  const name = relativeTo(holder.dir, object);
  const lists = nameLists(holder, name);
  if (reach === "built-in" && lists.builtIn) return { kind: "built-in" };
  if (lists.library && holder.linkedLibraries.includes(`${holder.dir}/`)) return { kind: "library" };
  if (lists.module !== undefined && reach !== "visited")
    return { kind: "module", module: joinPath(holder.dir, lists.module) };
  if (excluded !== undefined) return { kind: "excluded", what: excluded };
  if (holder.hostPrograms.some((program) => name === `${program}.o`)) return { kind: "excluded", what: "host tool" };
  if (lists.library || holder.other.includes(name) || (reach === "visited" && lists.builtIn)) {
    return { kind: "excluded", what: "other" };
  }
  const isListed = holder.off.includes(name) || lists.builtIn || lists.module !== undefined;
  return { kind: "not-built", blockers: [{ dir: holder.dir, name, isListed }] };
}

/** Walks from the top to the directory whose file lists the object, as far as the lists lead. */
function reachDirectory(
  object: string,
  plans: ReadonlyMap<string, DirectoryPlan>,
): { reach: Reach; holder: DirectoryPlan | undefined; blockers: Blocker[] } {
  let reach: Reach = "built-in";
  let current = plans.get(".");
  let best: { reach: Reach; holder: DirectoryPlan } | undefined;
  let linked: typeof best;
  const blockers: Blocker[] = [];
  // arch/x86/Makefile adds arch/x86/ and arch/x86/lib/ to the top lists; a directory may be listed two levels up ("dir/sub/").
  while (current !== undefined) {
    if (current.dir !== "." || !object.includes("/")) best = { reach, holder: current };
    // A directory may list an object of one below it: drivers/gpu/drm/Makefile has bridge/panel.o, bridge/Makefile has not.
    if (isLinked(current, relativeTo(current.dir, object))) linked = { reach, holder: current };
    const next = nextDirectory(object, current, plans);
    if (next === undefined) {
      const rest = relativeTo(current.dir, object);
      const slash = rest.indexOf("/");
      if (slash > 0 && !isNamed(current, rest)) {
        const name = `${rest.slice(0, slash)}/`;
        blockers.push({ dir: current.dir, name, isListed: current.off.some((entry) => entry.startsWith(name)) });
        return { reach: linked?.reach ?? "none", holder: linked?.holder, blockers };
      }
      break;
    }
    reach = reach === "built-in" ? next.reach : reach === "module" && next.reach !== "visited" ? "module" : "visited";
    current = next.plan;
  }
  best = linked ?? best;
  return { reach: best?.reach ?? "none", holder: best?.holder, blockers };
}

function nextDirectory(
  object: string,
  plan: DirectoryPlan,
  plans: ReadonlyMap<string, DirectoryPlan>,
): { plan: DirectoryPlan; reach: Reach } | undefined {
  const rest = relativeTo(plan.dir, object);
  // The longest listed folder wins: the top lists name both arch/x86/ and arch/x86/lib/.
  const find = (list: readonly string[], suffix: string): string | undefined =>
    list
      .map((entry) => (entry.endsWith("/") ? entry : entry + suffix))
      .filter((entry) => entry.endsWith("/") && rest.startsWith(entry))
      .sort((left, right) => right.length - left.length)[0];
  const choices: [string | undefined, Reach][] = [
    [find(plan.objY, ""), "built-in"],
    [find(plan.objM, ""), "module"],
    [find(plan.visited, "/"), "visited"],
  ];
  for (const [entry, reach] of choices) {
    if (entry === undefined) continue;
    const next = plans.get(joinPath(plan.dir, entry.slice(0, -1)));
    if (next !== undefined && next.file !== undefined) return { plan: next, reach };
  }
  return undefined;
}

function isLinked(plan: DirectoryPlan, name: string): boolean {
  const lists = nameLists(plan, name);
  return lists.builtIn || lists.library || lists.module !== undefined;
}

function isNamed(plan: DirectoryPlan, name: string): boolean {
  return isLinked(plan, name) || plan.off.includes(name) || plan.other.includes(name);
}

function nameLists(
  plan: DirectoryPlan,
  name: string,
): { builtIn: boolean; library: boolean; module: string | undefined } {
  const composite = (plan.partsY.get(name) ?? []).filter((whole) => plan.objY.includes(whole));
  const modules = (plan.partsM.get(name) ?? []).filter((whole) => plan.objM.includes(whole));
  const own = plan.objM.includes(name) ? name : modules[0];
  return {
    builtIn: plan.objY.includes(name) || composite.length > 0,
    library: plan.lib.includes(name),
    module: own?.replace(/\.o$/, ""),
  };
}

/**
 * Code that runs outside the kernel proper, by where it stands. The folders are contracts of the tree: arch/x86/{boot,realmode/rm,
 * purgatory,entry/vdso}, drivers/firmware/efi/libstub, and their namesakes on other architectures.
 */
function excludedUnit(object: string): ExcludedUnit | undefined {
  if (/^arch\/[^/]+\/boot\//.test(object)) return "boot";
  if (/^arch\/[^/]+\/realmode\/rm\//.test(object)) return "realmode";
  if (/^arch\/[^/]+\/purgatory\//.test(object)) return "purgatory";
  if (object.startsWith("drivers/firmware/efi/libstub/")) return "EFI stub";
  if (/^arch\/[^/]+\/(entry|kernel)\/vdso(32|64)?\//.test(object) || object.startsWith("lib/vdso/")) return "vdso";
  if (/^(scripts|tools|usr)\//.test(object) || /^arch\/[^/]+\/tools\//.test(object)) return "host tool";
  return undefined;
}

function relativeTo(dir: string, path: string): string {
  return dir === "." ? path : path.slice(dir.length + 1);
}

function joinPath(dir: string, name: string): string {
  return dir === "." ? name : `${dir}/${name}`;
}
