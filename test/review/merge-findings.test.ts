import assert from "node:assert/strict";
import { test } from "node:test";
import type { FindingClass } from "../../src/analyze/compare.ts";
import { DEFAULT_PROFILE, requireProfile } from "../../src/kernel/profile.ts";
import type { ReviewFault } from "../../src/report/result.ts";
import { faultsSoFar, foldCopies, mergeProfiles } from "../../src/review/merge-findings.ts";
import type { ProfileReview } from "../../src/review/profile-review.ts";
import { findingKeys } from "../../src/review/same-finding.ts";
import type { Blamed } from "../../src/review/walk.ts";
import type { InlineFrame } from "../../src/rules/finding.ts";
import { findingOf } from "./values.ts";

/** `defect` in `name`() at mm/a.c:`line`, innermost; told as `fingerprint` of the two. */
function told(
  name: string,
  line: number,
  inlineStack: InlineFrame[] = [],
  kind: FindingClass = "new",
  defect = "d",
): Blamed {
  const place = { file: "mm/a.c", line, inlineStack };
  const finding = findingOf(`${defect} ${name}`, { function: name, defect, place });
  return {
    compared: { object: "mm/a.o", finding, class: kind },
    patch: 0,
    repairedBy: undefined,
    seenIn: undefined,
    state: 0,
  };
}

function profile(name: string, ...blamed: Blamed[]): ProfileReview {
  return {
    ...{ profile: { ...requireProfile(DEFAULT_PROFILE), name }, compiler: "gcc", objects: [], blamed },
    ...{
      opinions: new Map(),
      fixes: new Map(),
      faults: new Map(),
      broken: [],
      brokenBetween: [],
      warnings: [],
      identical: 0,
      built: 0,
    },
    coverage: { functions: 0, functionsAnalysed: 0, textBytes: 0, textBytesAnalysed: 0, notes: [] },
    weakened: [],
  };
}

const inlined = (from: string, line: number): InlineFrame => ({ function: from, file: "mm/a.c", line });

/** Function, profiles and what is said of others, of what is left with the patch's lines 10 to 19. */
function merge(...profiles: ProfileReview[]): string[] {
  const placed = mergeProfiles(profiles).map((each) => {
    const { place } = each.blamed.compared.finding;
    const lines = [place?.line ?? 0, ...(place?.inlineStack ?? []).map(({ line }) => line)].reverse();
    const line = lines.find((each) => each >= 10 && each < 20);
    return { ...each, placed: { file: "mm/a.c", line: line ?? (lines[0] as number), onDiff: line !== undefined } };
  });
  return foldCopies(placed).map(({ profiles, blamed }) => {
    const { function: name, related } = blamed.compared.finding;
    return [name, profiles.join("+"), ...related.map((one) => `${one.function} ${one.says}`)].join(", ");
  });
}

test("one compiler inlines what the other does not: one finding, of the function that has the line", () => {
  const own = told("alloc", 12);
  const copy = told("dup", 12, [inlined("alloc", 40)]);
  assert.deepEqual(merge(profile("gcc", own), profile("clang", copy, own)), [
    "alloc, gcc+clang, dup has a copy of this code",
  ]);
  assert.deepEqual(merge(profile("gcc", copy), profile("clang", own)), [
    "alloc, gcc+clang, dup has a copy of this code",
  ]);
  assert.deepEqual(merge(profile("gcc", copy), profile("clang", told("dup_all", 12, [inlined("alloc", 50)]))), [
    "dup, gcc+clang, dup_all has a copy of this code",
  ]);
});

test("copies that the compiler makes under other names", () => {
  const clones = [told("alloc.constprop.0", 12), told("alloc.isra.0", 12)];
  assert.deepEqual(merge(profile("gcc", ...clones)), ["alloc.constprop.0, gcc, alloc.isra.0 has a copy of this code"]);
});

test("two defects on one line stay two, and so do two functions that use what the patch leaves alone", () => {
  assert.deepEqual(merge(profile("gcc", told("f", 12, [], "new", "d"), told("f", 12, [], "new", "e"))), [
    "f, gcc",
    "f, gcc",
  ]);
  const users = [told("f", 90, [inlined("get_user", 12)]), told("g", 90, [inlined("get_user", 14)])];
  assert.deepEqual(merge(profile("gcc", ...users)), ["f, gcc", "g, gcc"]);
  const elsewhere = [told("f", 90, [inlined("get_user", 42)]), told("g", 90, [inlined("get_user", 44)])];
  assert.deepEqual(merge(profile("gcc", ...elsewhere)), ["f, gcc", "g, gcc"]);
});

test("what is new under one compiler and worse under another is one; what is old there is not", () => {
  assert.deepEqual(merge(profile("gcc", told("f", 12)), profile("clang", told("f", 12, [], "worsened"))), [
    "f, gcc+clang",
  ]);
  assert.deepEqual(merge(profile("gcc", told("f", 12)), profile("clang", told("f", 12, [], "unchanged"))), [
    "f, gcc",
    "f, clang",
  ]);
});

test("what the trials say belongs to the finding of all its profiles, wherever it was asked", () => {
  const fault = (says: string, own: string): ReviewFault => ({ says, own, trials: [] });
  const tried = (name: string, blamed: Blamed, answer?: ReviewFault): ProfileReview => ({
    ...profile(name, told("other", 14), blamed),
    faults: new Map(answer === undefined ? [] : [[blamed, answer]]),
  });
  const first = tried("gcc", told("f", 12), fault("only gcc", "gcc 12.2.0 -O2"));
  const asked = tried("clang", told("f", 12, [], "worsened"), fault("only clang", "clang 22.1.8 -O2"));
  const spared = tried("clang", told("f", 12, [], "worsened"));
  const words = (...profiles: ProfileReview[]) => mergeProfiles(profiles).map((each) => each.fault?.says);
  assert.deepEqual(words(first, spared), [undefined, "only gcc"]);
  assert.deepEqual(words(spared, first), [undefined, "only gcc"]);
  assert.deepEqual(words(first, asked), [undefined, "only gcc; under clang: only clang"]);
  assert.deepEqual([...faultsSoFar([])], []);
  assert.deepEqual(
    [...faultsSoFar([spared, first]).values()].map(({ says }) => says),
    ["only gcc"],
  );
  const keys = findingKeys(spared.blamed);
  assert.deepEqual(
    spared.blamed.map((each) => faultsSoFar([first]).get(keys.get(each)!)?.says),
    [undefined, "only gcc"],
  );
});
