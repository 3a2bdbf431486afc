import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_PROFILE, requireProfile } from "../../src/kernel/profile.ts";
import { openTree } from "../../src/kernel/tree.ts";
import type { ReviewFix, ReviewObject } from "../../src/report/result.ts";
import { Decorator } from "../../src/review/decorate.ts";
import { describeFindings } from "../../src/review/findings.ts";
import type { ProfileReview } from "../../src/review/profile-review.ts";
import { blame } from "../../src/review/walk.ts";
import { makeRepository, scratchFolder, testState } from "../kernel-tools/make-repository.ts";
import { side } from "./values.ts";

function profileReview(name: string, base: Record<string, string[]>, head: Record<string, string[]>): ProfileReview {
  const histories = new Map(Object.keys(head).map((object) => [object, { patches: [0], between: [] }]));
  return {
    profile: { ...requireProfile(DEFAULT_PROFILE), name },
    compiler: "gcc",
    objects: [],
    blamed: blame(side(base), side(head), histories, 0),
    opinions: new Map(),
    fixes: new Map(),
    faults: new Map(),
    broken: [],
    brokenBetween: [],
    warnings: [],
    coverage: { functions: 0, functionsAnalysed: 0, textBytes: 0, textBytesAnalysed: 0, notes: [] },
    identical: 0,
    built: 0,
    weakened: [],
  };
}

test("a finding of several profiles is one with a list; what differs between them stays apart", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(dir);
  const commit = await repository.commit("x", { "lib/a.c": "int a;\n" });
  const decorator = new Decorator(await openTree(dir, testState(scratchFolder(t))));
  t.after(() => decorator.close());
  const { findings } = await describeFindings({
    profiles: [
      profileReview("one", { "lib/a.o": ["old"] }, { "lib/a.o": ["old", "fresh", "twice", "twice"] }),
      profileReview("two", { "lib/a.o": [] }, { "lib/a.o": ["old", "fresh", "twice"] }),
    ],
    patches: [[]],
    titles: ["lib: a"],
    commitBehind: () => commit,
    diffBehind: async () => [],
    decorator,
  });
  assert.deepEqual(findings.map((f) => [f.id, f.class, f.fingerprint, f.profiles, f.patch?.number]).sort(), [
    ["f1", "unchanged", "old", ["one"], undefined],
    ["f2", "new", "fresh", ["one", "two"], 1],
    ["f3", "new", "twice", ["one", "two"], 1],
    ["f4", "new", "twice", ["one"], 1],
    ["f5", "new", "old", ["two"], 1],
  ]);
  assert.deepEqual(new Set(findings.map((f) => f.file)), new Set(["lib/a.c"]));
  assert.match(findings[1]?.consequence ?? "", /^[A-Z].*\.$/);
});

test("a change is carried where every profile that builds the object tried it out", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(dir);
  const commit = await repository.commit("x", { "lib/a.c": "int a;\n" });
  const decorator = new Decorator(await openTree(dir, testState(scratchFolder(t))));
  t.after(() => decorator.close());
  const one: ReviewFix = { path: "lib/a.S", from: 1, to: 1, replaced: ["a"], lines: ["a", "b"], why: "It helps." };
  const built: ReviewObject = {
    ...{
      path: "lib/a.o",
      profile: "x",
      reason: "touched",
      state: "analysed",
      functions: 1,
      textBytes: 1,
      fromCache: false,
    },
  };
  /** Of each profile: whether it has the finding, the change that it tried, and what became of the object. */
  const carried = async (profiles: [has: boolean, fix: ReviewFix | undefined, state: ReviewObject["state"]][]) => {
    const { findings } = await describeFindings({
      profiles: profiles.map(([has, fix, state], n) => {
        const review = profileReview(`${n}`, { "lib/a.o": [] }, { "lib/a.o": has ? ["fresh"] : [] });
        const fixes = new Map(fix === undefined ? [] : review.blamed.map((item) => [item, fix]));
        return { ...review, fixes, objects: [{ ...built, state }] };
      }),
      ...{ patches: [[]], titles: ["lib: a"], commitBehind: () => commit, diffBehind: async () => [], decorator },
    });
    return findings[0]?.fix;
  };
  assert.deepEqual(await carried([[true, one, "analysed"]]), one);
  assert.deepEqual(
    await carried([
      [true, one, "analysed"],
      [true, { ...one }, "new"],
    ]),
    one,
  );
  assert.equal(
    await carried([
      [true, one, "analysed"],
      [true, undefined, "analysed"],
    ]),
    undefined,
    "did not help there",
  );
  assert.equal(
    await carried([
      [true, undefined, "analysed"],
      [true, one, "analysed"],
    ]),
    undefined,
  );
  assert.equal(
    await carried([
      [true, one, "analysed"],
      [true, { ...one, from: 2 }, "analysed"],
    ]),
    undefined,
    "another one",
  );
  assert.equal(
    await carried([
      [true, one, "analysed"],
      [false, undefined, "identical"],
    ]),
    undefined,
    "not tried there",
  );
  assert.deepEqual(
    await carried([
      [true, one, "analysed"],
      [false, undefined, "not-built"],
    ]),
    one,
  );
});
