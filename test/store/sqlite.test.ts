import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { BOUNDS, contract, type Stage } from "./contract.ts";

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "objreview-store-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return join(made, "state");
}

contract("sqlite", async (t): Promise<Stage> => {
  const state = folder(t);
  let time = 1_000_000;
  const opened: Store[] = [];
  t.after(() => Promise.all(opened.map((each) => each.close())));
  return {
    async open() {
      const store = await openSqliteStore(state, { ...BOUNDS, now: () => time });
      opened.push(store);
      return store;
    },
    async pass(seconds) {
      time += seconds * 1000;
    },
    now: () => time,
  };
});

test("the state is its owner's alone", async (t) => {
  const state = folder(t);
  await (await openSqliteStore(state)).close();
  assert.equal(statSync(state).mode & 0o777, 0o700);
  assert.equal(statSync(join(state, "objreview.sqlite")).mode & 0o777, 0o600);
});
