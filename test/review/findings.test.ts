import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_PROFILE, requireProfile } from "../../src/kernel/profile.ts";
import { openTree } from "../../src/kernel/tree.ts";
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
