import { UsageError } from "../base/errors.ts";
import type { Database, Sql } from "./sql.ts";

export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly statements: readonly string[];
  /** For one database alone. */
  readonly only?: Sql["dialect"];
}

/**
 * All steps from an empty database to today's, in order. A step that a release has shipped is never changed again: what is wrong with it is put right by
 * a later one. Times are milliseconds since 1970.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "reviews, findings, deliveries",
    statements: [
      `create table reviews (
        id text primary key,
        target text not null,
        head text not null,
        base text not null,
        request text not null,
        state text not null,
        phase text not null default '',
        attempts bigint not null default 0,
        worker text not null default '',
        error text not null default '',
        result text,
        created_at bigint not null,
        changed_at bigint not null,
        told_at bigint
      )`,
      "create unique index one_open_review on reviews (target) where state in ('queued', 'running')",
      "create index reviews_by_target on reviews (target, created_at)",
      `create index untold_reviews on reviews (changed_at)
        where told_at is null and state in ('finished', 'failed', 'superseded', 'cancelled')`,
      `create table findings (
        review text not null references reviews (id),
        number bigint not null,
        fingerprint text not null,
        "class" text not null,
        rule text not null,
        severity text not null,
        "function" text not null,
        file text not null,
        line bigint not null,
        message text not null,
        primary key (review, number)
      )`,
      `create table deliveries (
        source text not null,
        id text not null,
        received_at bigint not null,
        primary key (source, id)
      )`,
      "create index deliveries_by_time on deliveries (received_at)",
    ],
  },
  {
    number: 2,
    name: "jobs, where no pg-boss keeps them",
    only: "sqlite",
    statements: [
      `create table jobs (
        id text primary key,
        priority bigint not null,
        state text not null,
        attempts bigint not null default 0,
        due_at bigint not null,
        lease_until bigint not null default 0
      )`,
      "create index jobs_to_take on jobs (priority desc, due_at) where state = 'waiting'",
    ],
  },
  {
    number: 3,
    name: "outbox",
    statements: [
      `create table posts (
        identity text primary key,
        sequence bigint not null unique,
        target text not null,
        review text not null references reviews (id),
        kind text not null,
        body text not null,
        manner text not null,
        state text not null,
        attempts bigint not null default 0,
        speaker text not null default '',
        due_at bigint not null,
        lease_until bigint not null default 0,
        remote text not null default '',
        error text not null default '',
        changed_at bigint not null
      )`,
      "create index open_posts on posts (target, sequence) where state in ('waiting', 'sending')",
      "create index posts_by_target on posts (target, sequence)",
    ],
  },
  {
    number: 4,
    name: "waivers",
    statements: [
      `create table waivers (
        id text primary key,
        scope text not null,
        fingerprint text not null,
        reason text not null,
        made_by text not null,
        created_at bigint not null,
        expires_at bigint,
        withdrawn_at bigint
      )`,
      "create index waivers_by_scope on waivers (scope, created_at) where withdrawn_at is null",
    ],
  },
  {
    number: 5,
    name: "posts that came with a delivery: SQLite makes the table anew for that",
    only: "sqlite",
    statements: [
      "alter table posts rename to posts_before",
      "drop index open_posts",
      "drop index posts_by_target",
      `create table posts (
        identity text primary key,
        sequence bigint not null unique,
        target text not null,
        review text references reviews (id),
        kind text not null,
        body text not null,
        manner text not null,
        state text not null,
        attempts bigint not null default 0,
        speaker text not null default '',
        due_at bigint not null,
        lease_until bigint not null default 0,
        remote text not null default '',
        error text not null default '',
        changed_at bigint not null
      )`,
      "insert into posts select * from posts_before",
      "drop table posts_before",
      "create index open_posts on posts (target, sequence) where state in ('waiting', 'sending')",
      "create index posts_by_target on posts (target, sequence)",
    ],
  },
  {
    number: 6,
    name: "posts that came with a delivery",
    only: "postgres",
    statements: ["alter table posts alter column review drop not null"],
  },
  {
    number: 7,
    name: "mails, what belongs together, series, notes",
    statements: [
      `create table mails (
        sequence bigint primary key,
        message_id text not null unique,
        source text not null,
        received_at bigint not null,
        facts text not null default '',
        cluster bigint not null default 0
      )`,
      "create index unfiled_mails on mails (sequence) where cluster = 0",
      "create index mails_by_cluster on mails (cluster, sequence)",
      `create table mail_keys (
        key text primary key,
        sequence bigint not null references mails (sequence)
      )`,
      `create table mail_clusters (
        cluster bigint primary key,
        stamp bigint not null,
        planned bigint not null default 0
      )`,
      "create index stale_clusters on mail_clusters (cluster) where planned < stamp",
      `create table mail_sources (
        source text primary key,
        position text not null
      )`,
      `create table mail_series (
        identity text primary key,
        cluster bigint not null,
        state text not null,
        reason text not null,
        due_at bigint,
        details text not null,
        first_seen_at bigint not null,
        changed_at bigint not null
      )`,
      "create index series_by_cluster on mail_series (cluster)",
      "create index series_by_change on mail_series (changed_at)",
      "create index due_series on mail_series (due_at) where due_at is not null",
      `create table notes (
        kind text not null,
        key text not null,
        value text not null,
        noted_at bigint not null,
        primary key (kind, key)
      )`,
    ],
  },
  {
    number: 8,
    name: "the bytes of mails",
    only: "sqlite",
    statements: [
      `create table mail_bytes (
        sequence bigint primary key references mails (sequence),
        raw blob not null
      )`,
    ],
  },
  {
    number: 9,
    name: "the bytes of mails",
    only: "postgres",
    statements: [
      `create table mail_bytes (
        sequence bigint primary key references mails (sequence),
        raw bytea not null
      )`,
    ],
  },
  {
    number: 10,
    name: "attempts that were stopped count for nothing",
    only: "sqlite",
    statements: ["alter table jobs add column uncounted bigint not null default 0"],
  },
];

export const SCHEMA_VERSION = Math.max(...MIGRATIONS.map((each) => each.number));

/**
 * Brings the tables up to `upTo`, each step in a transaction of its own together with the note that it is done. Processes that start together do it one
 * after the other. Throws UsageError where the tables are newer than this program.
 */
export async function migrate(database: Database, now: () => number, upTo = SCHEMA_VERSION): Promise<void> {
  await database.transaction(async (sql) => {
    await sql.all(
      "create table if not exists schema_steps (number bigint primary key, name text not null, applied_at bigint not null)",
    );
  });
  for (const step of MIGRATIONS) {
    if (step.number > upTo) break;
    await database.transaction(async (sql) => {
      const [newest] = await sql.all("select coalesce(max(number), 0) as number from schema_steps");
      const done = Number(newest?.number);
      if (done > SCHEMA_VERSION) {
        throw new UsageError(
          `the store is of schema ${done}, and this program knows up to ${SCHEMA_VERSION}: take a newer one`,
        );
      }
      if (done >= step.number) return;
      if (step.only === undefined || step.only === sql.dialect) {
        for (const statement of step.statements) await sql.all(statement);
      }
      await sql.all("insert into schema_steps (number, name, applied_at) values ($1, $2, $3)", [
        step.number,
        step.name,
        now(),
      ]);
    });
  }
}
