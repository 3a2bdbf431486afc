// A listing that is derived from another, step by step, against the same commit listed from scratch.

import assert from "node:assert/strict";
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
