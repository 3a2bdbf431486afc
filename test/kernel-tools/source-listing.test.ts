// A listing that is derived from another, step by step, against the same commit listed from scratch.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  changedPaths,
  digestListing,
  listCommit,
  listCommitFrom,
  memoByListing,
  type SourceListing,
} from "../../src/kernel/source-listing.ts";
import { openTree } from "../../src/kernel/tree.ts";
import { makeRepository, scratchFolder, testState } from "./make-repository.ts";

const sorted = (listing: SourceListing) => [...listing.files].sort(([a], [b]) => (a < b ? -1 : 1));

test("a derived listing says what a fresh one says, and knows what changed", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const commits = [
    await repository.commit("base", {
      "a.c": "0\n",
      "b.c": "0\n",
      Makefile: "0\n",
      "include/x.h": "0\n",
      run: "x\n",
      link: { link: "a.c" },
    }),
    await repository.commit("content", { "a.c": "1\n", "include/x.h": "1\n" }),
    await repository.commit("back, new, gone", { "a.c": "0\n", "new/d.c": "2\n", "b.c": null }),
    await repository.commit("mode, link for file, file for link", {
      run: { executable: "x\n" },
      "new/d.c": { link: "x" },
      link: "file\n",
    }),
    await repository.commit("what was gone comes back", { "b.c": "0\n", Makefile: "4\n" }),
  ];
  const tree = await openTree(repository.dir, testState(dir));
  const fresh = await Promise.all(commits.map((commit) => listCommit(tree.git, commit)));
  const derived: SourceListing[] = [fresh[0] as SourceListing];
  for (const [n, commit] of commits.entries()) {
    if (n > 0) derived.push(await listCommitFrom(tree.git, commits[n - 1] as string, derived[n - 1]!, commit));
  }
  const everything = (path: string) => (path.endsWith(".h") ? "name" : "content");
  for (const [n, listing] of derived.entries()) {
    const other = fresh[n] as SourceListing;
    assert.deepEqual(sorted(listing), sorted(other));
    assert.equal(listing.files.size, other.files.size);
    assert.deepEqual([...listing.files.keys()].sort(), [...other.files.keys()].sort());
    for (const path of ["a.c", "b.c", "link", "new/d.c", "none"]) {
      assert.equal(listing.files.get(path), other.files.get(path));
      assert.equal(listing.files.has(path), other.files.has(path));
    }
    assert.equal(digestListing(listing, everything), digestListing(other, everything));
    // What is known from the way there, and what comparing every file tells.
    for (const [m, from] of derived.entries())
      assert.deepEqual(changedPaths(from, listing), changedPaths(fresh[m] as SourceListing, other), `${m} to ${n}`);
  }
  assert.deepEqual(changedPaths(derived[0]!, derived[4]!), ["Makefile", "include/x.h", "link"]);
});

test("what a listing decides is worked out once for each listing and key, never taken from another", () => {
  let asked = 0;
  const count = memoByListing((listing, key) => {
    asked++;
    return `${listing.files.size} ${key}`;
  });
  const one: SourceListing = { files: new Map([["a", "1"]]) };
  const two: SourceListing = { files: new Map() };
  assert.deepEqual(
    [count(one), count(one), count(one, "x86"), count(two), count(one, "x86")],
    ["1 ", "1 ", "1 x86", "0 ", "1 x86"],
  );
  assert.equal(asked, 3);
});

/** Lists a commit in a process of its own and prints what "how many files end in KEY" gives, and how often that was worked out. */
function countInProcess(dir: string, commit: string, key: string): { answer: string; worked: number } {
  const modules = ["listing-shelf", "source-listing", "tree"].map((name) =>
    JSON.stringify(new URL(`../../src/kernel/${name}.ts`, import.meta.url).href),
  );
  const script = `
    const [{ keptByListing }, { listCommit }, { openTree }] = await Promise.all([${modules}].map((module) => import(module)));
    const count = keptByListing((listing, key) => {
      globalThis.worked = (globalThis.worked ?? 0) + 1;
      return String([...listing.files.keys()].filter((path) => path.endsWith(key)).length);
    });
    const tree = await openTree(${JSON.stringify(join(dir, "tree"))}, ${JSON.stringify(testState(dir))});
    const listing = await listCommit(tree.git, ${JSON.stringify(commit)}, ${JSON.stringify(dir)});
    const answer = [count(listing, ${JSON.stringify(key)}), count(listing, ${JSON.stringify(key)})][1];
    console.log(JSON.stringify({ answer, worked: globalThis.worked ?? 0 }));`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(child.status, 0, child.stderr);
  return JSON.parse(child.stdout);
}

test("what the files of a commit decide is worked out once, and again where it was damaged or its listing went", async (t) => {
  const dir = scratchFolder(t);
  const repository = await makeRepository(join(dir, "tree"));
  const commits: string[] = [];
  for (let n = 0; n < 5; n++) commits.push(await repository.commit(`${n}`, { [`${n}.c`]: `${n}\n`, "x.h": `${n}\n` }));
  const [first = "", ...others] = commits;
  const long = `${"x".repeat(100)}.c`;
  assert.deepEqual(countInProcess(dir, first, ".c"), { answer: "1", worked: 1 });
  assert.deepEqual(countInProcess(dir, first, ".c"), { answer: "1", worked: 0 });
  assert.deepEqual(countInProcess(dir, first, ".h"), { answer: "1", worked: 1 }, "another question");
  assert.deepEqual([countInProcess(dir, first, long).worked, countInProcess(dir, first, long).worked], [1, 0]);
  assert.deepEqual(countInProcess(dir, others[0] as string, ".c"), { answer: "2", worked: 1 }, "another commit");
  const file = join(dir, "listings", `${first}.known`);
  const good = readFileSync(file, "utf8");
  for (const bad of ["", good.slice(0, -1), good.replace('"1"', '"7"'), good.replace(/listing 1 \w/, "listing 1 x")]) {
    writeFileSync(file, bad);
    assert.deepEqual(countInProcess(dir, first, ".c"), { answer: "1", worked: 1 }, JSON.stringify(bad));
  }
  utimesSync(join(dir, "listings", first), new Date(0), new Date(0));
  for (const other of others) {
    countInProcess(dir, other, ".c");
    const past = new Date(Date.now() - 60_000);
    utimesSync(join(dir, "listings", other), past, past);
  }
  const left = readdirSync(join(dir, "listings"));
  assert.ok(!left.some((name) => name.startsWith(first)), "the oldest listing goes with what is known of it");
  assert.deepEqual(left.sort(), others.flatMap((name) => [name, `${name}.known`]).sort());
});
