import { chmodSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Mailroom } from "./mailroom.ts";
import { migrate } from "./migrations.ts";
import { type Database, type Row, type Sql, type SqlValue, Turnstile } from "./sql.ts";
import { SqlMailroom } from "./sql-mailroom.ts";
import { SqlStore } from "./sql-store.ts";
import { SqliteJobs } from "./sqlite-jobs.ts";
import { STORE_DEFAULTS, type Store, type StoreOptions } from "./store.ts";

/** How long a statement waits for another process's transaction; those last milliseconds. */
const BUSY_MILLIS = 10_000;
const KEPT_STATEMENTS = 200;

// One for each file in this process. One connection is one transaction: what is asked beside it waits, or it would be in there. And SQLite waits for
// another connection's transaction by blocking the thread, so that one in the same process could never end.
const turnstiles = new Map<string, Turnstile>();

function turnstileOf(path: string): Turnstile {
  let turnstile = turnstiles.get(path);
  if (turnstile === undefined) {
    turnstile = new Turnstile();
    turnstiles.set(path, turnstile);
  }
  return turnstile;
}

/** One SQLite file. Other processes may have it open too. */
export class SqliteDatabase implements Database {
  readonly dialect = "sqlite";
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #turnstile: Turnstile;
  #closed = false;

  constructor(path: string) {
    this.#connection = new DatabaseSync(path, { timeout: BUSY_MILLIS, enableForeignKeyConstraints: true });
    this.#turnstile = turnstileOf(realpathSync(path));
    this.#connection.exec("pragma journal_mode = wal");
    // FULL: a commit is on the disk when it returns, also if the machine dies. NORMAL would lose the last ones (sqlite.org/pragma.html#pragma_synchronous).
    this.#connection.exec("pragma synchronous = full");
  }

  all(text: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#turnstile.run(async () => this.#run(text, values));
  }

  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#turnstile.run(async () => {
      // IMMEDIATE takes the right to write at once: no other process's write can come between a read in here and what follows from it.
      this.#connection.exec("begin immediate");
      try {
        const value = await work({ dialect: "sqlite", all: async (text, values) => this.#run(text, values ?? []) });
        this.#connection.exec("commit");
        return value;
      } catch (error) {
        if (this.#connection.isTransaction) this.#connection.exec("rollback");
        throw error;
      }
    });
  }

  close(): Promise<void> {
    return this.#turnstile.run(async () => {
      if (this.#closed) return;
      this.#closed = true;
      this.#statements.clear();
      this.#connection.close();
    });
  }

  #run(text: string, values: readonly SqlValue[]): Row[] {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      if (this.#statements.size >= KEPT_STATEMENTS) this.#statements.clear();
      statement = this.#connection.prepare(text);
      this.#statements.set(text, statement);
    }
    // SQLite takes `$1` for a name.
    return statement.all(Object.fromEntries(values.map((value, i) => [`$${i + 1}`, value])));
  }
}

/** The embedded store: `objreview.sqlite` in a folder of its own on a local disk, which is made where it is missing. No server. */
export async function openSqliteStore(folder: string, options: StoreOptions = {}): Promise<Store> {
  return (await openSqliteStores(folder, options)).store;
}

/** The same, and what comes in by mail beside it; closing the store closes both. */
export async function openSqliteStores(
  folder: string,
  options: StoreOptions = {},
): Promise<{ readonly store: Store; readonly mailroom: Mailroom }> {
  const { now = Date.now, ...bounds } = { ...STORE_DEFAULTS, ...options };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "objreview.sqlite");
  const database = new SqliteDatabase(path);
  try {
    chmodSync(path, 0o600);
    await migrate(database, now);
  } catch (error) {
    await database.close();
    throw error;
  }
  const { reviewLeaseSeconds: leaseSeconds, retrySeconds, attempts, postLeaseSeconds } = bounds;
  const jobs = new SqliteJobs(database, now, { leaseSeconds, retrySeconds, attempts });
  return {
    store: new SqlStore(database, jobs, { now, postLeaseSeconds, retrySeconds }),
    mailroom: new SqlMailroom(database, now),
  };
}
