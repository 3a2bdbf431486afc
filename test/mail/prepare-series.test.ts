import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openTree } from "../../src/kernel/tree.ts";
import { mailConfigSchema, type TreeConfig } from "../../src/mail/config.ts";
import {
  type PreparedSeries,
  type PrepareParts,
  prepareSeries,
  type SeriesToPrepare,
} from "../../src/mail/prepare-series.ts";
import { splitMbox } from "../../src/patch/mbox.ts";
import type { Prerequisite } from "../../src/patch/message.ts";
import { readSeries } from "../../src/patch/series.ts";
import {
  makeRepository,
  numbered,
  scratchFolder,
  type TestRepository,
  testState,
} from "../kernel-tools/make-repository.ts";

function treeConfig(name: string, at: string, more: Record<string, unknown> = {}): TreeConfig {
  const config = mailConfigSchema.parse({
    address: "bot@example.org",
    sources: [{ kind: "stdin" }],
    trees: [{ name, at, branches: ["main"], ...more }],
    lists: [{ address: "list@example.org", trees: [name] }],
  });
  return config.trees[0] as TreeConfig;
}

class Mails {
  readonly #raw = new Map<string, Uint8Array>();

  /** The mails of a range with Message-IDs "<lead>-<n>@example.org", n from 1; more text below the first one's diff. */
  async add(repository: TestRepository, lead: string, range: string, below = ""): Promise<SeriesToPrepare> {
    const mails = await repository.mails(range);
    const patches = mails.map((mail, index) => {
      const messageId = `${lead}-${index + 1}@example.org`;
      const text = Buffer.from(mail)
        .toString("latin1")
        .replace(/^From .*\n/, `Message-ID: <${messageId}>\n`);
      this.put(messageId, index === 0 ? text.replace(/\n-- \n[^\n]*\n*$/, `\n${below}\n-- \n2.39.5\n`) : text);
      return { number: index + 1, messageId };
    });
    return { patches, isPullRequest: false, date: 1_700_100_000_000 };
  }

  put(messageId: string, text: string): void {
    this.#raw.set(messageId, Buffer.from(text, "latin1"));
  }

  text(messageId: string): string {
    return Buffer.from(this.#raw.get(messageId) as Uint8Array).toString("latin1");
  }

  readonly raw = async (messageId: string) => this.#raw.get(messageId);
}

function partsOf(
  dir: string,
  trees: readonly TreeConfig[],
  mails: Mails,
  more: Partial<PrepareParts> = {},
): PrepareParts {
  const scratch = join(dir, "scratch");
  mkdirSync(scratch, { recursive: true });
  return {
    state: testState(dir),
    trees,
    maxPatches: 60,
    scratch,
    raw: mails.raw,
    findPrerequisite: async () => undefined,
    signal: new AbortController().signal,
    ...more,
  };
}

function ready(prepared: PreparedSeries) {
  assert.equal(prepared.kind, "ready", JSON.stringify(prepared));
  if (prepared.kind !== "ready" || !("mbox" in prepared.series)) throw new Error("unreachable");
  return { ...prepared, mbox: readFileSync(prepared.series.mbox) };
}

async function scene(t: TestContext) {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "linux"));
  const one = await repository.commit("one", { "a.c": numbered(40), "b.c": numbered(40) });
  const two = await repository.commit("two", { "a.c": numbered(40, { 5: "two" }) });
  await repository.git("checkout", "--quiet", "-b", "work");
  const w1 = await repository.commit("w1", { "a.c": numbered(40, { 5: "two", 30: "w1" }) });
  const w2 = await repository.commit("w2", { "b.c": numbered(40, { 3: "w2" }), "From there": "From a\nFrom b\n" });
  return { dir, repository, one, two, w1, w2, mails: new Mails() };
}

test("a series becomes the tree, the base and a mailbox that reads as the same series", async (t) => {
  const { dir, repository, two, mails } = await scene(t);
  const series = await mails.add(repository, "s", `${two}..work`, `base-commit: ${two}`);
  const prepared = ready(await prepareSeries(partsOf(dir, [treeConfig("linux", repository.dir)], mails), series));
  assert.deepEqual([prepared.base, prepared.baseCommit, prepared.chosenBy], [two, two, "your base-commit"]);
  assert.deepEqual([prepared.tree.name, prepared.notes, prepared.prerequisites], ["linux", [], []]);
  const read = await readSeries([{ name: "mbox", bytes: prepared.mbox }]);
  assert.ok(read.state === "complete");
  assert.deepEqual(
    read.series.patches.map(({ messageId, title }) => [messageId, title]),
    [
      ["s-1@example.org", "w1"],
      ["s-2@example.org", "w2"],
    ],
  );
});

test("mails whose subjects do not number them are numbered as they were put together", async (t) => {
  const { dir, repository, two, mails } = await scene(t);
  const series = await mails.add(repository, "s", `${two}..work`);
  for (const { messageId } of series.patches)
    mails.put(messageId, mails.text(messageId).replace(/^Subject: \[PATCH [^\]]*\]/m, "Subject: [PATCH v3 1/1]"));
  const prepared = ready(await prepareSeries(partsOf(dir, [treeConfig("linux", repository.dir)], mails), series));
  const read = await readSeries([{ name: "mbox", bytes: prepared.mbox }]);
  assert.ok(read.state === "complete", read.reason);
  assert.deepEqual(
    [read.series.version, read.series.patches.map(({ messageId, title }) => [messageId, title])],
    [3, series.patches.map(({ messageId }, index) => [messageId, `w${index + 1}`])],
  );
  assert.equal(splitMbox(prepared.mbox).length, 2);
});

test("prerequisites are in the base that the child is given, in the store that it opens", async (t) => {
  const { dir, repository, two, w1, mails } = await scene(t);
  await mails.add(repository, "before", `${two}..work~1`);
  const below = `base-commit: ${two}\nprerequisite-message-id: <before-1@example.org>`;
  const series = await mails.add(repository, "s", "work~1..work", below);
  const asked: Prerequisite[] = [];
  const parts = partsOf(dir, [treeConfig("linux", repository.dir)], mails, {
    findPrerequisite: async (prerequisite) => {
      asked.push(prerequisite);
      return [prerequisite.value];
    },
  });
  const prepared = ready(await prepareSeries(parts, series));
  assert.deepEqual(asked, [{ kind: "message-id", value: "before-1@example.org" }]);
  assert.deepEqual(prepared.prerequisites, ["before-1@example.org"]);
  assert.equal(prepared.baseCommit, two);
  assert.notEqual(prepared.base, two);
  const childs = await openTree(prepared.tree.at, testState(dir));
  const { commit } = await childs.resolve(prepared.base);
  assert.deepEqual(await childs.readFile(commit, "a.c"), await childs.readFile(w1, "a.c"));
  assert.deepEqual(await childs.commitsBetween(two, commit), [commit]);
  await assert.rejects(repository.git("cat-file", "-e", commit), "the tree itself was not written to");
  const again = ready(await prepareSeries(parts, series));
  assert.equal(again.base, prepared.base, "the same commit again");
});

test("of several trees the one that knows the base best", async (t) => {
  const { dir, repository, two, mails } = await scene(t);
  const other = await makeRepository(join(dir, "other"));
  await other.commit("other", { "a.c": numbered(40, { 5: "two", 39: "another" }), "b.c": numbered(40) });
  const trees = [treeConfig("other", other.dir), treeConfig("linux", repository.dir)];
  const named = await mails.add(repository, "n", `${two}..work`, `base-commit: ${two}`);
  const byTrailer = ready(await prepareSeries(partsOf(dir, trees, mails), named));
  assert.equal(byTrailer.tree.name, "linux");
  assert.equal(byTrailer.notes.length, 1);
  assert.match(
    byTrailer.notes[0] ?? "",
    /^tree linux was taken before other: your base-commit, against 1 of 2 blobs match /,
  );
  const plain = await mails.add(repository, "p", `${two}..work`);
  const byBlobs = ready(await prepareSeries(partsOf(dir, trees, mails), plain));
  assert.deepEqual([byBlobs.tree.name, byBlobs.baseCommit], ["linux", two]);
  const twice = [treeConfig("first", repository.dir), treeConfig("second", repository.dir)];
  assert.equal(ready(await prepareSeries(partsOf(dir, twice, mails), plain)).tree.name, "first");
  const gone = [treeConfig("gone", join(dir, "gone")), ...trees];
  const without = ready(await prepareSeries(partsOf(dir, gone, mails), plain));
  assert.equal(without.tree.name, "linux");
  assert.ok(without.notes.some((note) => note.startsWith("tree gone: ")));
});

test("a base-commit that no tree has is told", async (t) => {
  const { dir, repository, two, mails } = await scene(t);
  const series = await mails.add(repository, "s", `${two}..work`, `base-commit: ${"9".repeat(40)}`);
  const prepared = ready(await prepareSeries(partsOf(dir, [treeConfig("linux", repository.dir)], mails), series));
  assert.deepEqual(prepared.notes, ["your base-commit 999999999999 is not in any tree here"]);
  assert.match(prepared.chosenBy, /^2 of 2 blobs match /);
});

test("conflict, already upstream, too big and what cannot be read", async (t) => {
  const { dir, repository, one, two, mails } = await scene(t);
  const trees = [treeConfig("linux", repository.dir)];
  const series = await mails.add(repository, "s", `${two}..work`);
  await repository.git("checkout", "--quiet", "main");
  await repository.commit("rewritten", { "a.c": numbered(40, { 29: "other", 30: "other", 31: "other" }) });
  await repository.git("branch", "-D", "work");
  const conflict = await prepareSeries(partsOf(dir, trees, mails), { ...series, askedBase: "main" });
  assert.ok(conflict.kind === "conflict", JSON.stringify(conflict));
  assert.deepEqual([conflict.patch, conflict.files], [1, ["a.c"]]);
  assert.match(conflict.reason, /^patch 1 of 2 does not apply to main: patch failed: a\.c:\d+$/);
  const there = await mails.add(repository, "t", `${one}..${two}`);
  const upstream = await prepareSeries(partsOf(dir, trees, mails), { ...there, askedBase: two });
  assert.equal(upstream.kind, "already-upstream");
  const big = await prepareSeries(partsOf(dir, trees, mails, { maxPatches: 1 }), series);
  assert.deepEqual(big, { kind: "too-big", reason: "2 patches, at most 1 are reviewed", notes: [] });
  const lost = await prepareSeries(partsOf(dir, trees, mails), {
    ...series,
    patches: [{ number: 1, messageId: "lost@example.org" }],
  });
  assert.deepEqual(lost, { kind: "inconclusive", reason: "the mail lost@example.org is no longer here", notes: [] });
  mails.put("bad@example.org", mails.text("s-1@example.org").replaceAll("a/a.c", "a/../../etc/passwd"));
  const bad = await prepareSeries(partsOf(dir, trees, mails), {
    ...series,
    patches: [{ number: 1, messageId: "bad@example.org" }],
  });
  assert.equal(bad.kind, "inconclusive");
});
