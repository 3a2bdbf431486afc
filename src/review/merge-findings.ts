import { stableName } from "../analyze/names.ts";
import type { ReviewFault, ReviewFix } from "../report/result.ts";
import { outerPlace } from "../rules/finding.ts";
import type { Placed } from "./place.ts";
import type { ProfileReview } from "./profile-review.ts";
import { findingKeys, speaks } from "./same-finding.ts";
import type { Opinion } from "./second-opinion.ts";
import type { Blamed } from "./walk.ts";
import { joinFaults } from "./whose-fault-clause.ts";

// What several profiles, and several copies of one piece of code, say of one defect.

/** What the profiles say of one finding. */
export interface Merged {
  readonly blamed: Blamed;
  /** Names, in the order of the review. */
  readonly profiles: readonly string[];
  readonly opinion: Opinion | undefined;
  /** One a profile. */
  readonly fixes: readonly (ReviewFix | undefined)[];
  /** Of the first profile that has one, with what a later one has besides. */
  readonly fault: ReviewFault | undefined;
}

export interface PlacedFinding extends Merged {
  readonly placed: Placed;
}

/** One finding for each defect, with the list of profiles that have it. */
export function mergeProfiles(profiles: readonly ProfileReview[]): Merged[] {
  const merged = new Map<string, { -readonly [K in keyof Merged]: Merged[K] }>();
  for (const { profile, blamed, opinions, fixes, faults } of profiles) {
    for (const [item, key] of findingKeys(blamed)) {
      const known = merged.get(key);
      if (known === undefined) {
        merged.set(key, {
          blamed: item,
          profiles: [profile.name],
          opinion: opinions.get(item),
          fixes: [fixes.get(item)],
          fault: faults.get(item),
        });
      } else {
        known.profiles = [...known.profiles, profile.name];
        known.fault = joinFaults(known.fault, faults.get(item), profile.name);
        known.fixes = [...known.fixes, fixes.get(item)];
      }
    }
  }
  return [...merged.values()];
}

/** Answers to the findings of these profiles, by what findingKeys has for the same findings of another. */
export function faultsSoFar(profiles: readonly ProfileReview[]): ReadonlyMap<string, ReviewFault> {
  const found = new Map<string, ReviewFault>();
  for (const { profile, blamed, faults } of profiles)
    for (const [item, key] of findingKeys(blamed)) {
      const fault = joinFaults(found.get(key), faults.get(item), profile.name);
      if (fault !== undefined) found.set(key, fault);
    }
  return found;
}

/**
 * A line of the patch that is wrong is wrong in every function that it was inlined into, and compilers inline differently: one finding, told of the
 * function that the line belongs to where that is among them, with the others beside it. Lines that the patch leaves alone are not looked at: what
 * two of its functions do wrong inside of somebody else's inline function are two defects.
 */
export function foldCopies(all: readonly PlacedFinding[]): PlacedFinding[] {
  const groups = new Map<string, PlacedFinding[]>();
  for (const each of all) {
    const key = copyKey(each);
    const group = key === undefined ? undefined : groups.get(key);
    if (group !== undefined) group.push(each);
    else if (key !== undefined) groups.set(key, [each]);
  }
  const shown = new Map<PlacedFinding, PlacedFinding>();
  const folded = new Set<PlacedFinding>();
  for (const group of groups.values()) {
    if (group.length === 1) continue;
    const first = group.find((each) => each.placed.line === outerLine(each)) ?? (group[0] as PlacedFinding);
    for (const each of group) if (each !== first) folded.add(each);
    shown.set(first, withCopies(first, group));
  }
  return all.flatMap((each) => (folded.has(each) ? [] : [shown.get(each) ?? each]));
}

/** Equal for findings of one line, inlined or not; undefined for what is never folded. */
function copyKey({ blamed, placed }: PlacedFinding): string | undefined {
  const { compared, patch, repairedBy } = blamed;
  const { finding } = compared;
  if (!speaks(compared) || !placed.onDiff || finding.place === undefined) return undefined;
  const { inlineStack } = finding.place;
  // Each line stands in the function that was inlined at the next one; the outermost in the object's own.
  const at = [finding.place, ...inlineStack].findLastIndex(
    ({ file, line }) => file === placed.file && line === placed.line,
  );
  const home = inlineStack[at]?.function ?? stableName(finding.function);
  return at < 0 || home === ""
    ? undefined
    : [finding.defect, home, placed.file, placed.line, patch, repairedBy].join("\n");
}

/** Line of the function itself. */
function outerLine({ blamed }: PlacedFinding): number {
  const { place } = blamed.compared.finding;
  return place === undefined ? 0 : outerPlace(place).line;
}

function withCopies(first: PlacedFinding, group: readonly PlacedFinding[]): PlacedFinding {
  const { compared } = first.blamed;
  const names = new Set(group.map(({ blamed }) => blamed.compared.finding.function));
  names.delete(compared.finding.function);
  const copies = [...names].map((name) => ({ function: name, says: "has a copy of this code" }));
  const finding = { ...compared.finding, related: [...compared.finding.related, ...copies] };
  const profiles = [...new Set(group.flatMap((each) => each.profiles))];
  const fixes = group.flatMap((each) => each.fixes);
  const fault = first.fault ?? group.find((each) => each.fault !== undefined)?.fault;
  return { ...first, blamed: { ...first.blamed, compared: { ...compared, finding } }, profiles, fixes, fault };
}
