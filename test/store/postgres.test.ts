import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { PgBoss, TestClock } from "pg-boss";
import { killRepeatedly } from "../../scripts/bench/store-kills.ts";
import { DEBIAN_POSTGRES, type PostgresServer, startPostgres } from "../../scripts/setup/postgres.ts";
import { openPostgresStore, openPostgresStores, PostgresDatabase } from "../../src/store/postgres.ts";
import type { Store } from "../../src/store/store.ts";
import { BOUNDS, contract, type Stage } from "./contract.ts";
import { mailroomContract } from "./mailroom-contract.ts";
import { upgrades } from "./upgrades.ts";

const folder = mkdtempSync(join(tmpdir(), "objreview-postgres-"));
let server: PostgresServer;
let databases = 0;

before(async () => {
  server = await startPostgres({ programs: DEBIAN_POSTGRES, folder, durable: false });
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A database that stores are opened over, and a clock. */
function setting(t: TestContext) {
  const database = server.createDatabase(`test_${databases++}`);
  const clock = new TestClock();
  const opened: Store[] = [];
  t.after(async () => {
    for (const each of opened) await each.close();
  });
  return {
    async open() {
      const both = await openPostgresStores(database, { ...BOUNDS, clock });
      opened.push(both.store);
      return both;
    },
    async pass(seconds: number) {
      await clock.setTime(clock.now() + seconds * 1000);
    },
    now: () => clock.now(),
  };
}

contract("postgres", async (t): Promise<Stage> => {
  const { open, ...clock } = setting(t);
  return { ...clock, open: async () => (await open()).store };
});

mailroomContract("postgres", async (t) => {
  const { open, ...clock } = setting(t);
  return { ...clock, open: async () => (await open()).mailroom };
});

upgrades(
  "postgres",
  async (t) => {
    const options = { ...server.createDatabase(`test_${databases++}`), max: 2, supervise: false, schedule: false };
    const boss = new PgBoss({ ...options, options: "-c search_path=objreview" });
    await boss.start();
    const database = new PostgresDatabase(boss, () => boss.stop({ graceful: false }));
    t.after(() => database.close());
    await database.all("create schema objreview");
    return database;
  },
  (database) =>
    database.all(`select table_name as a, column_name as b, data_type as c, coalesce(column_default, '') || is_nullable as d
        from information_schema.columns where table_schema = 'objreview'
      union all select tablename, indexname, indexdef, '' from pg_indexes where schemaname = 'objreview' order by 1, 2`),
);

test("processes that start together on an empty database all get a store", async () => {
  const database = server.createDatabase(`test_${databases++}`);
  const stores = await Promise.all([1, 2, 3, 4].map(() => openPostgresStore(database)));
  for (const [i, store] of stores.entries()) await store.receive({ source: "p", id: String(i) }, []);
  assert.equal(await stores[0]!.forgetDeliveries(Number.MAX_SAFE_INTEGER), 4);
  for (const store of stores) await store.close();
});

test("a server that is not there is an error, and soon", async () => {
  await assert.rejects(openPostgresStore({ host: join(folder, "nowhere"), port: 5432, user: "postgres" }), /ENOENT/);
});

test("processes killed while they write break no promise", async () => {
  const seen = await killRepeatedly("postgres", server.host, "", 12);
  assert.deepEqual(seen.broken, []);
  assert.ok(seen.deliveries > 10 && seen.results > 0 && seen.sends > 0, JSON.stringify(seen));
});
