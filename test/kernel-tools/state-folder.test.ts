import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UsageError } from "../../src/base/errors.ts";
import { ensureFolder, locateState, treeFolder } from "../../src/kernel/state-folder.ts";
import { scratchFolder } from "./make-repository.ts";

test("own variables first, then XDG, then the home folder", () => {
  const HOME = "/home/u";
  assert.deepEqual(locateState({ HOME }), {
    state: "/home/u/.local/state/objreview",
    cache: "/home/u/.cache/objreview",
  });
  assert.deepEqual(locateState({ HOME, XDG_STATE_HOME: "/s", XDG_CACHE_HOME: "/c" }), {
    state: "/s/objreview",
    cache: "/c/objreview",
  });
  assert.deepEqual(locateState({ HOME, XDG_STATE_HOME: "relative", XDG_CACHE_HOME: "" }), locateState({ HOME }));
  assert.deepEqual(locateState({ OBJREVIEW_STATE: "/a", OBJREVIEW_CACHE: "/b", XDG_STATE_HOME: "/s" }), {
    state: "/a",
    cache: "/b",
  });
  assert.throws(() => locateState({}), UsageError);
  assert.throws(() => locateState({ HOME: "relative" }), UsageError);
});

test("a folder of ours is for this user only, and trees do not share one", (t) => {
  const dir = scratchFolder(t);
  assert.equal(statSync(ensureFolder(dir, "a", "b")).mode & 0o777, 0o700);
  const state = { state: dir, cache: dir };
  assert.notEqual(treeFolder(state, join(dir, "one")), treeFolder(state, join(dir, "two")));
});
