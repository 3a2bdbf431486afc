import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { killRepeatedly } from "../../scripts/bench/store-kills.ts";
import { openSqliteStore, openSqliteStores, SqliteDatabase } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { BOUNDS, contract, type Stage } from "./contract.ts";
import { mailroomContract } from "./mailroom-contract.ts";
import { upgrades } from "./upgrades.ts";

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "objreview-store-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return join(made, "state");
}

/** A folder that stores are opened in, and a clock. */
function setting(t: TestContext) {
  const state = folder(t);
  let time = 1_000_000;
  const opened: Store[] = [];
  t.after(() => Promise.all(opened.map((each) => each.close())));
  return {
    async open() {
      const both = await openSqliteStores(state, { ...BOUNDS, now: () => time });
      opened.push(both.store);
      return both;
    },
    async pass(seconds: number) {
      time += seconds * 1000;
    },
    now: () => time,
  };
}

contract("sqlite", async (t): Promise<Stage> => {
  const { open, ...clock } = setting(t);
  return { ...clock, open: async () => (await open()).store };
});

mailroomContract("sqlite", async (t) => {
  const { open, ...clock } = setting(t);
  return { ...clock, open: async () => (await open()).mailroom };
});

test("the state is its owner's alone", async (t) => {
  const state = folder(t);
  await (await openSqliteStore(state)).close();
  assert.equal(statSync(state).mode & 0o777, 0o700);
  assert.equal(statSync(join(state, "objreview.sqlite")).mode & 0o777, 0o600);
});

upgrades(
  "sqlite",
  async (t) => {
    const state = folder(t);
    mkdirSync(state);
    const database = new SqliteDatabase(join(state, "x.sqlite"));
    t.after(() => database.close());
    return database;
  },
  (database) =>
    database.all(`select m.type, m.name, m.sql, c.name as "column" from sqlite_master m
      left join pragma_table_xinfo(m.name) c where m.name <> 'schema_steps' order by 1, 2, 4`),
);

test("processes that start together on an empty folder all get a store", async (t) => {
  const state = folder(t);
  const module = fileURLToPath(new URL("../../src/store/sqlite.ts", import.meta.url));
  const program = `const { openSqliteStore } = await import(${JSON.stringify(module)});
    const store = await openSqliteStore(${JSON.stringify(state)});
    await store.receive({ source: "p", id: String(process.pid) }, []);
    await store.close();`;
  const errors = await Promise.all(
    Array.from({ length: 6 }, () => {
      return new Promise<string>((done) => {
        execFile(process.execPath, ["--input-type=module", "-e", program], (_, __, stderr) => done(stderr));
      });
    }),
  );
  assert.deepEqual(errors, Array(6).fill(""));
  const store = await openSqliteStore(state);
  assert.equal(await store.forgetDeliveries(Number.MAX_SAFE_INTEGER), 6);
  await store.close();
});

test("processes killed while they write break no promise", async (t) => {
  const seen = await killRepeatedly("sqlite", folder(t), "", 12);
  assert.deepEqual(seen.broken, []);
  assert.ok(seen.deliveries > 10 && seen.results > 0 && seen.sends > 0, JSON.stringify(seen));
});
