import { type AttachableClock, type ConstructorOptions, type Db, PgBoss } from "pg-boss";
import { BOSS_SCHEMA, BossJobs, prepareQueue } from "./boss-jobs.ts";
import type { Mailroom } from "./mailroom.ts";
import { migrate } from "./migrations.ts";
import type { Database, Row, Sql, SqlValue } from "./sql.ts";
import { SqlMailroom } from "./sql-mailroom.ts";
import { SqlStore } from "./sql-store.ts";
import { STORE_DEFAULTS, type Store, type StoreOptions } from "./store.ts";

/** All writing transactions take this lock first (any number does; these are the letters "objr"). */
const WRITER_LOCK = 0x6f626a72;
const SCHEMA = "objreview";

/** A transaction's handle as this module gives it to pg-boss, so that job and review are committed together. */
export interface BossSql extends Sql {
  readonly boss: Db;
}

/** Our tables, through the connections that pg-boss holds anyway. */
export class PostgresDatabase implements Database {
  readonly dialect = "postgres";
  readonly #boss: PgBoss;
  readonly #end: () => Promise<void>;

  constructor(boss: PgBoss, end: () => Promise<void>) {
    this.#boss = boss;
    this.#end = end;
  }

  async all(text: string, values?: readonly SqlValue[]): Promise<Row[]> {
    return rowsOf(this.#boss.getDb(), text, values);
  }

  async transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const handle = await this.#boss.getDb().beginTransaction!();
    try {
      // Until the commit. What a statement reads behind it has everything that earlier holders of the lock wrote (READ COMMITTED).
      await handle.db.executeSql(`select pg_advisory_xact_lock(${WRITER_LOCK})`);
      const sql: BossSql = {
        dialect: "postgres",
        boss: handle.db,
        all: (text, values) => rowsOf(handle.db, text, values),
      };
      const value = await work(sql);
      await handle.commit();
      return value;
    } catch (error) {
      await handle.rollback();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#end();
  }
}

async function rowsOf(db: Db, text: string, values?: readonly SqlValue[]): Promise<Row[]> {
  return (await db.executeSql(text, values === undefined ? undefined : [...values])).rows;
}

export interface PostgresOptions extends StoreOptions {
  /** Time for pg-boss too; a test's TestClock. Its `now` is the store's. */
  readonly clock?: AttachableClock;
  /** What is told of trouble in the background: a lost connection, a slow query. */
  readonly onError?: (error: Error) => void;
}

/**
 * The store in a PostgreSQL database: `connection` is a connection string, or the options of pg-boss's constructor. Tables are in the schema "objreview",
 * pg-boss's own in "objreview_jobs"; both are made where they are missing. PostgreSQL 13 or later (what pg-boss 12 asks for).
 */
export async function openPostgresStore(
  connection: string | ConstructorOptions,
  options: PostgresOptions = {},
): Promise<Store> {
  return (await openPostgresStores(connection, options)).store;
}

/** The same, and what comes in by mail beside it; closing the store closes both. */
export async function openPostgresStores(
  connection: string | ConstructorOptions,
  options: PostgresOptions = {},
): Promise<{ readonly store: Store; readonly mailroom: Mailroom }> {
  const { clock, onError, ...rest } = options;
  const { now = clock === undefined ? Date.now : () => clock.now(), ...bounds } = { ...STORE_DEFAULTS, ...rest };
  const boss = new PgBoss({
    ...(typeof connection === "string" ? { connectionString: connection } : connection),
    ...(clock === undefined ? {} : { clock }),
    schema: BOSS_SCHEMA,
    options: `-c search_path=${SCHEMA}`,
    // `sweep` does its upkeep; there are no schedules.
    supervise: false,
    schedule: false,
    monitorIntervalSeconds: 1,
  });
  boss.on("error", (error) => onError?.(error));
  await boss.start();
  const end = () => boss.stop({ graceful: false });
  try {
    const database = new PostgresDatabase(boss, end);
    await database.transaction((sql) => sql.all(`create schema if not exists ${SCHEMA}`));
    await migrate(database, now);
    const { reviewLeaseSeconds: leaseSeconds, retrySeconds, attempts, postLeaseSeconds } = bounds;
    await prepareQueue(boss, { leaseSeconds, retrySeconds, attempts });
    const store = new SqlStore(database, new BossJobs(boss), { now, postLeaseSeconds, retrySeconds });
    return { store, mailroom: new SqlMailroom(database, now) };
  } catch (error) {
    await end();
    throw error;
  }
}
