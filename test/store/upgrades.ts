import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { UsageError } from "../../src/base/errors.ts";
import { MIGRATIONS, migrate, SCHEMA_VERSION } from "../../src/store/migrations.ts";
import type { Database, Row } from "../../src/store/sql.ts";

/** What a database of each age has in it, by the step that made room for it. */
const CONTENT: Record<number, readonly string[]> = {
  1: [
    `insert into reviews (id, target, head, base, request, state, created_at, changed_at)
      values ('r1', 't', 'h', 'b', '{}', 'finished', 1, 2)`,
    "insert into findings values ('r1', 0, 'f', 'new', 'frame', 'error', 'do_exit', 'kernel/exit.c', 3, 'm')",
    "insert into deliveries values ('github', 'guid', 4)",
  ],
  3: [
    `insert into posts (identity, sequence, target, review, kind, body, manner, state, due_at, changed_at)
      values ('p1', 1, 't', 'r1', 'comment', '{}', 'again', 'sent', 0, 5)`,
  ],
  4: ["insert into waivers values ('w1', 's', 'f', 'reason', 'by', 6, null, null)"],
  7: [
    "insert into mails values (1, 'a@x', 'imap:i', 7, '{}', 1)",
    "insert into mail_keys values ('=k', 1)",
    "insert into mail_clusters values (1, 2, 1)",
    "insert into mail_sources values ('imap:i', 'uid 3')",
    "insert into mail_series values ('a@x', 1, 'waiting', 'r', null, '{}', 8, 9)",
    "insert into notes values ('opt-out', 'dev@x', '', 10)",
  ],
};
const TABLES: Record<number, readonly string[]> = {
  1: ["reviews", "findings", "deliveries"],
  3: ["posts"],
  4: ["waivers"],
  7: ["mails", "mail_keys", "mail_clusters", "mail_sources", "mail_series", "notes"],
};

/** Migrations from empty and from every older state. `empty` makes a database without tables; `shape` says what tables, columns and indexes it has. */
export function upgrades(
  name: string,
  empty: (t: TestContext) => Promise<Database>,
  shape: (database: Database) => Promise<Row[]>,
): void {
  const now = () => 77;

  test(`${name}: steps are numbered without a gap`, () => {
    assert.deepEqual(
      MIGRATIONS.map((each) => each.number),
      MIGRATIONS.map((_, i) => i + 1),
    );
  });

  test(`${name}: every older database becomes today's, and keeps what it has`, async (t) => {
    const fresh = await empty(t);
    await migrate(fresh, now);
    const today = await shape(fresh);
    assert.ok(today.length > 20, "the shape was not read");
    for (let age = 0; age <= SCHEMA_VERSION; age++) {
      const old = await empty(t);
      await migrate(old, now, age);
      const steps = Object.keys(CONTENT)
        .map(Number)
        .filter((step) => step <= age);
      for (const text of steps.flatMap((step) => CONTENT[step]!)) await old.all(text);
      const tables = steps.flatMap((step) => TABLES[step]!);
      const content = async () => Promise.all(tables.map((table) => old.all(`select * from ${table}`)));
      const before = await content();
      const isBehind = MIGRATIONS.some(({ number, only }) => number > age && (only ?? old.dialect) === old.dialect);
      if (isBehind && age > 0) assert.notDeepEqual(await shape(old), today, `age ${age} is today's already`);
      await migrate(old, now);
      assert.deepEqual(await shape(old), today, `from ${age}`);
      assert.deepEqual(await content(), before, `from ${age}`);
      await migrate(old, now);
      const steps2 = await old.all("select number from schema_steps order by number");
      assert.deepEqual(
        steps2.map((row) => Number(row.number)),
        MIGRATIONS.map((each) => each.number),
      );
    }
  });

  test(`${name}: a step that fails leaves the database as it was before it`, async (t) => {
    const database = await empty(t);
    await migrate(database, now, 3);
    // The index at the end of step 4 cannot be made: its name is taken.
    await database.all("create index waivers_by_scope on deliveries (id)");
    const before = await shape(database);
    await assert.rejects(migrate(database, now));
    assert.deepEqual(await shape(database), before);
    await database.all("drop index waivers_by_scope");
    await migrate(database, now);
    assert.equal((await database.all("select * from waivers")).length, 0);
  });

  test(`${name}: a store from the future is refused`, async (t) => {
    const database = await empty(t);
    await migrate(database, now);
    await database.all("insert into schema_steps values ($1, 'later', 0)", [SCHEMA_VERSION + 1]);
    await assert.rejects(migrate(database, now), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, new RegExp(`of schema ${SCHEMA_VERSION + 1}`));
      return true;
    });
  });
}
