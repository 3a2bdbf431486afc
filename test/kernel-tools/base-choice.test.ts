import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  type BaseChoice,
  chooseBase,
  type FindPrerequisite,
  type MailedPatch,
  readBasedOn,
  type SeriesForBase,
} from "../../src/kernel/base-choice.ts";
import { openTree } from "../../src/kernel/tree.ts";
import { readSeries } from "../../src/patch/series.ts";
import { makeRepository, numbered, scratchFolder, type TestRepository, testState } from "./make-repository.ts";

interface Scene {
  readonly repository: TestRepository;
  /** What the commits of a range are as mails, with the trailers that the text holds. */
  series(range: string, more?: string): Promise<SeriesForBase>;
  choose(
    series: Partial<SeriesForBase> & SeriesForBase,
    branches?: readonly string[],
    find?: FindPrerequisite,
  ): Promise<BaseChoice>;
  git(...args: string[]): Promise<string>;
}

async function scene(t: TestContext): Promise<Scene> {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  return {
    repository,
    async series(range, more = "") {
      const mails = await repository.mails(range);
      const bytes = Buffer.concat([...mails, Buffer.from(more)]);
      const read = await readSeries([{ name: "mbox", bytes }]);
      assert.equal(read.state, "complete");
      if (read.state !== "complete") throw new Error();
      const { patches, baseCommit, prerequisites } = read.series;
      return { patches, baseCommit, prerequisites, basedOn: readBasedOn(more), date: new Date(1_700_100_000_000) };
    },
    async choose(series, branches = ["main"], find = async () => undefined) {
      const tree = await openTree(repository.dir, testState(dir));
      return chooseBase({ tree, branches, findPrerequisite: find, scratch: join(dir, "scratch") }, series);
    },
    git: async (...args) => {
      const tree = await openTree(repository.dir, testState(dir));
      return (await tree.git.runOk(args)).stdout.trim();
    },
  };
}

/** The common part of the two results that have a base. */
function placed(choice: BaseChoice, kind: BaseChoice["kind"] = "applies") {
  assert.equal(choice.kind, kind, JSON.stringify(choice));
  if (choice.kind === "none") throw new Error("unreachable");
  return choice;
}

/** Three commits of main, with a tag on the second, and a series made on the second. */
async function history(s: Scene) {
  const { repository } = s;
  const one = await repository.commit("one", { "a.c": numbered(40), "b.c": numbered(40), "c.c": numbered(9) });
  const two = await repository.commit("two", { "a.c": numbered(40, { 5: "two" }) });
  await repository.git("tag", "-a", "-m", "two", "v2");
  const three = await repository.commit("three", { "a.c": numbered(40, { 5: "three" }), "c.c": "three\n" });
  await repository.git("checkout", "--quiet", "-b", "work", two);
  await repository.commit("w1", { "a.c": numbered(40, { 5: "two", 30: "w1" }) });
  const w2 = await repository.commit("w2", {
    "a.c": numbered(40, { 5: "two", 30: "w2" }),
    "b.c": numbered(40, { 3: "w2" }),
    "new.c": "new\n",
  });
  return { one, two, three, w2 };
}

test("base-commit comes before everything but a prerequisite's", async (t) => {
  const s = await scene(t);
  const { one, two } = await history(s);
  const series = await s.series(`${two}..work`);
  const base = placed(await s.choose({ ...series, baseCommit: two }));
  assert.deepEqual([base.rule, base.commit, base.start, base.name], ["base-commit", two, two, "v2"]);
  assert.equal(base.chosenBy, "your base-commit");
  const before = placed(
    await s.choose({ ...series, baseCommit: two, prerequisites: [{ kind: "base-commit", value: one }] }),
  );
  // Three-way: `one` has another line 5.
  assert.deepEqual([before.rule, before.commit], ["prerequisite-base-commit", one]);
});

test("a base-commit that is nowhere is named, and the blobs find the base", async (t) => {
  const s = await scene(t);
  const { two } = await history(s);
  const series = await s.series(`${two}..work`);
  const missing = "0123456789abcdef0123456789abcdef01234567";
  const base = placed(await s.choose({ ...series, baseCommit: missing }));
  assert.deepEqual([base.rule, base.commit, base.name], ["blobs", two, "v2"]);
  assert.deepEqual(base.absent, ["your base-commit 0123456789ab"]);
  assert.deepEqual(base.score, { matched: 2, of: 2 });
  assert.equal(base.chosenBy, "2 of 2 blobs match v2");
});

test("the text says what it is based on", async (t) => {
  const s = await scene(t);
  const { two } = await history(s);
  const series = await s.series(`${two}..work`);
  const base = placed(await s.choose({ ...series, basedOn: readBasedOn(`This is based on ${two} (v2).\n`) }));
  assert.deepEqual([base.rule, base.commit], ["based-on", two]);
  assert.deepEqual(readBasedOn(`Based on net-next commit ${two}, and unrelated ${"0".repeat(39)}`), [two]);
  assert.deepEqual(readBasedOn(`see ${two}`), []);
});

test("between tags the history of the files tells", async (t) => {
  const s = await scene(t);
  const { repository } = s;
  await repository.commit("start", { "a.c": numbered(40), "b.c": numbered(40) });
  const commits: string[] = [];
  for (let i = 1; i <= 30; i++) {
    const files = i % 2 === 0 ? { "a.c": numbered(40, { 7: `a ${i}` }) } : { "b.c": numbered(40, { 7: `b ${i}` }) };
    commits.push(await repository.commit(`c${i}`, files));
    commits.push(await repository.commit(`d${i}`, { "other.c": `${i}\n` }));
  }
  for (const at of [12, 13, 33, 59]) {
    const parent = commits[at] as string;
    await repository.git("checkout", "--quiet", "-B", "work", parent);
    const both = (text: string) => `${text}\nlast\n`;
    await repository.commit("work", {
      "a.c": both(await repository.git("show", `${parent}:a.c`)),
      "b.c": both(await repository.git("show", `${parent}:b.c`)),
    });
    const series = await s.series(`${parent}..work`);
    const base = placed(await s.choose(series));
    assert.deepEqual(base.score, { matched: 2, of: 2 }, String(at));
    const wanted = ["a.c", "b.c"].map((path) => s.git("rev-parse", `${parent}:${path}`));
    const found = ["a.c", "b.c"].map((path) => s.git("rev-parse", `${base.commit}:${path}`));
    assert.deepEqual(await Promise.all(found), await Promise.all(wanted), "the same files");
    // The newest of the commits with these files is what its author most likely had.
    assert.equal(base.commit, commits[at % 2 === 0 ? at + 1 : at], String(at));
  }
});

test("no blob says anything: the branches in order, the first where it applies", async (t) => {
  const s = await scene(t);
  const { repository } = s;
  const one = await repository.commit("one", { "a.c": numbered(40) });
  await repository.git("branch", "old", one);
  await repository.commit("two", { "a.c": "all is new\n" });
  await repository.git("checkout", "--quiet", "-b", "work", one);
  await repository.commit("w", { "a.c": numbered(40, { 30: "w" }) });
  const series = await s.series(`${one}..work`);
  const bare = series.patches.map((patch) => ({
    ...patch,
    mail: Buffer.from(
      Buffer.from(patch.mail)
        .toString()
        .replace(/^index .*\n/m, ""),
    ),
    files: patch.files.map((file) => ({ ...file, oldBlob: undefined, newBlob: undefined })),
  }));
  const base = placed(await s.choose({ ...series, patches: bare }, ["main", "gone", "old"]));
  assert.deepEqual([base.rule, base.commit, base.name], ["branch", one, "old"]);
  assert.deepEqual(base.notes, ["the tree has no branch gone"]);
  const stuck = placed(await s.choose({ ...series, patches: bare }, ["main"]), "conflict");
  assert.ok(stuck.kind === "conflict");
  assert.deepEqual([stuck.patch, stuck.files], [0, ["a.c"]]);
  assert.equal((await s.choose(series, ["gone"])).kind, "none");
});

test("what the branch has already is upstream, a series that is there in part applies", async (t) => {
  const s = await scene(t);
  const { two, w2 } = await history(s);
  const series = await s.series(`${two}..work`);
  const all = placed(await s.choose({ ...series, baseCommit: w2 }), "already-upstream");
  assert.equal(all.commit, w2);
  const part = placed(await s.choose({ ...series, baseCommit: `${await s.git("rev-parse", "work~1")}` }));
  assert.equal(part.commit, await s.git("rev-parse", "work~1"));
});

test("prerequisites are applied first, and are the base's", async (t) => {
  const s = await scene(t);
  const { two } = await history(s);
  const first = await s.series(`${two}..work~1`);
  const series = await s.series("work~1..work");
  const prerequisites = [
    { kind: "change-id", value: "2026-thing:v1" },
    { kind: "patch-id", value: "1".repeat(40) },
    { kind: "message-id", value: "gone@example.org" },
  ] as const;
  const patches = first.patches.map((patch): MailedPatch => ({ ...patch, messageId: "p1@example.org" }));
  const find: FindPrerequisite = async ({ kind }) => (kind === "message-id" ? undefined : patches);
  const base = placed(await s.choose({ ...series, baseCommit: two, prerequisites }, ["main"], find));
  assert.deepEqual([base.rule, base.commit], ["base-commit", two]);
  assert.deepEqual(base.prerequisites, ["p1@example.org"], "once, though two trailers name it");
  assert.deepEqual(base.notes, ["prerequisite message-id gone@example.org not found"]);
  assert.equal(await s.git("rev-parse", `${base.start}^`), two);
  assert.equal(await s.git("rev-parse", `${base.start}:a.c`), await s.git("rev-parse", "work~1:a.c"));
  // Where the base has them by now, nothing is applied.
  const merged = placed(
    await s.choose({ ...series, baseCommit: await s.git("rev-parse", "work~1"), prerequisites }, ["main"], find),
  );
  assert.deepEqual([merged.prerequisites, merged.start], [[], merged.commit]);
  // A base that the blobs find counts what the prerequisites make as theirs.
  const guessed = placed(await s.choose({ ...series, prerequisites }, ["main"], find));
  assert.deepEqual([guessed.rule, guessed.commit, guessed.prerequisites], ["blobs", two, ["p1@example.org"]]);
});

test("the operator's repository is only read", async (t) => {
  const s = await scene(t);
  const { two } = await history(s);
  const count = () => s.repository.git("count-objects", "-v");
  const series = await s.series(`${two}..work`);
  const before = await count();
  placed(await s.choose({ ...series, baseCommit: two }));
  placed(await s.choose(series));
  assert.equal(await count(), before);
});

test("a revision that somebody asked for is the only one", async (t) => {
  const s = await scene(t);
  const { two, three } = await history(s);
  const series = await s.series(`${two}..work`);
  const base = placed(await s.choose({ ...series, baseCommit: two, asked: "v2" }));
  assert.deepEqual([base.rule, base.chosenBy], ["asked", "as asked by base=v2"]);
  const none = await s.choose({ ...series, asked: "no such" });
  assert.ok(none.kind === "none");
  assert.equal(none.reason, 'there is no commit "no such" in the tree');
  const other = await s.choose({ ...series, asked: three });
  assert.equal(placed(other).commit, three);
});

test("a patch-id of a patch that a change-id brought is found with it; many that are missing are counted", async (t) => {
  const s = await scene(t);
  const { two } = await history(s);
  const first = await s.series(`${two}..work~1`);
  const series = await s.series("work~1..work");
  const own = await (await openTree(s.repository.dir, testState(scratchFolder(t)))).patchIds(two, "work~1");
  const [known] = own.keys();
  const gone = ["1", "2", "3", "4"].map((digit) => ({ kind: "patch-id" as const, value: digit.repeat(40) }));
  const prerequisites = [
    { kind: "change-id" as const, value: "2026-thing:v1" },
    { kind: "patch-id" as const, value: known as string },
  ];
  const find: FindPrerequisite = async ({ kind }) => (kind === "change-id" ? first.patches : undefined);
  const whole = placed(await s.choose({ ...series, baseCommit: two, prerequisites }, ["main"], find));
  assert.deepEqual(whole.notes, []);
  const some = { ...series, baseCommit: two, prerequisites: [...prerequisites, ...gone] };
  assert.deepEqual(placed(await s.choose(some, ["main"], find)).notes, [
    "prerequisites patch-id 111111111111, patch-id 222222222222, patch-id 333333333333 and 1 more not found",
  ]);
});

test("odd names, renames, modes and binary files go through the whole index", async (t) => {
  const s = await scene(t);
  const { repository } = s;
  const one = await repository.commit("one", {
    "odd n\u00e4me.c": numbered(20),
    "old.c": numbered(30),
    bin: "\u0000\u0001one",
    "tool.sh": "#!/bin/sh\n",
  });
  await repository.git("checkout", "--quiet", "-b", "work");
  await repository.commit("w1", { "odd n\u00e4me.c": numbered(20, { 3: "w1" }), "old.c": null, "new.c": numbered(30) });
  await repository.commit("w2", {
    "new.c": numbered(30, { 4: "w2" }),
    "tool.sh": { executable: "#!/bin/sh\n" },
    bin: "\u0000\u0001two",
  });
  const series = await s.series(`${one}..work`);
  const base = placed(await s.choose(series));
  // A rename alone and a mode alone name no blob.
  assert.deepEqual([base.rule, base.commit, base.score], ["blobs", one, { matched: 2, of: 2 }]);
  const first = await s.series(`${one}..work~1`);
  const second = await s.series("work~1..work");
  const prerequisites = [{ kind: "message-id" as const, value: "x@example.org" }];
  const needs = placed(
    await s.choose({ ...second, baseCommit: one, prerequisites }, ["main"], async () => first.patches),
  );
  assert.equal(await s.git("rev-parse", `${needs.start}^{tree}`), await s.git("rev-parse", "work~1^{tree}"));
});

test("a series of 310 files has its base", async (t) => {
  const s = await scene(t);
  const { repository } = s;
  const files = (text: string) =>
    Object.fromEntries(Array.from({ length: 310 }, (_, i) => [`d${i % 7}/f${i}.c`, `${i}\n${text}`]));
  const one = await repository.commit("one", files("one\n"));
  await repository.git("checkout", "--quiet", "-b", "work");
  await repository.commit("w", files("w\n"));
  const base = placed(await s.choose(await s.series(`${one}..work`)));
  assert.deepEqual([base.commit, base.score], [one, { matched: 200, of: 200 }]);
});
