import { readNote, readSeries, SERIES_COLUMNS, seriesIn } from "./mail-rows.ts";
import type { Note, SeriesOrder, StoredSeries } from "./mailroom.ts";
import type { Sql } from "./sql.ts";

// Series as last seen, and notes. Functions that write are parts of a transaction that the caller has opened.

export async function putSeries(
  sql: Sql,
  now: number,
  cluster: number,
  series: readonly SeriesOrder[],
  stamp: number | undefined,
): Promise<boolean> {
  const orders = series.map((each) => seriesIn.parse(each));
  if (stamp !== undefined) {
    const current = await sql.all(
      "update mail_clusters set planned = $1 where cluster = $2 and stamp = $3 returning cluster",
      [stamp, cluster, stamp],
    );
    if (current.length === 0) return false;
  }
  const gone = new Map((await seriesOf(sql, cluster)).map((each) => [each.identity, each]));
  for (const order of orders) {
    const known = gone.get(order.identity);
    gone.delete(order.identity);
    if (known !== undefined && isSame(known, order)) continue;
    await sql.all(
      `insert into mail_series (${SERIES_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (identity) do update set cluster = excluded.cluster, state = excluded.state, reason = excluded.reason,
          due_at = excluded.due_at, details = excluded.details, changed_at = excluded.changed_at`,
      [order.identity, cluster, order.state, order.reason, order.dueAt ?? null, order.details, now, now],
    );
  }
  for (const identity of gone.keys()) await sql.all("delete from mail_series where identity = $1", [identity]);
  return true;
}

function isSame(known: StoredSeries, order: SeriesOrder): boolean {
  return (
    known.state === order.state &&
    known.reason === order.reason &&
    known.dueAt === order.dueAt &&
    known.details === order.details
  );
}

export async function seriesOf(sql: Sql, cluster: number): Promise<StoredSeries[]> {
  const rows = await sql.all(
    `select ${SERIES_COLUMNS} from mail_series where cluster = $1 order by first_seen_at, identity`,
    [cluster],
  );
  return rows.map(readSeries);
}

export async function seriesByIdentity(sql: Sql, identity: string): Promise<StoredSeries | undefined> {
  const [row] = await sql.all(`select ${SERIES_COLUMNS} from mail_series where identity = $1`, [identity]);
  return row === undefined ? undefined : readSeries(row);
}

export async function dueSeries(sql: Sql, now: number, limit: number): Promise<StoredSeries[]> {
  const rows = await sql.all(
    `select ${SERIES_COLUMNS} from mail_series where due_at is not null and due_at <= $1 order by due_at, identity limit $2`,
    [now, limit],
  );
  return rows.map(readSeries);
}

export async function seriesSince(sql: Sql, time: number, limit: number): Promise<StoredSeries[]> {
  const rows = await sql.all(
    `select ${SERIES_COLUMNS} from mail_series where changed_at >= $1 order by changed_at, identity limit $2`,
    [time, limit],
  );
  return rows.map(readSeries);
}

export async function putNote(sql: Sql, { kind, key, value, at }: Note): Promise<boolean> {
  const rows = await sql.all(
    "insert into notes (kind, key, value, noted_at) values ($1, $2, $3, $4) on conflict do nothing returning key",
    [kind, key, value, at],
  );
  return rows.length === 1;
}

export async function notes(sql: Sql, kind: string, keyPrefix: string, since: number): Promise<Note[]> {
  const rows = await sql.all(
    `select kind, key, value, noted_at from notes
      where kind = $1 and substr(key, 1, $2) = $3 and noted_at >= $4 order by noted_at, key`,
    [kind, [...keyPrefix].length, keyPrefix, since],
  );
  return rows.map(readNote);
}

export async function removeNote(sql: Sql, kind: string, key: string): Promise<boolean> {
  return (await sql.all("delete from notes where kind = $1 and key = $2 returning key", [kind, key])).length === 1;
}

export async function forgetNotes(sql: Sql, kind: string, before: number): Promise<void> {
  await sql.all("delete from notes where kind = $1 and noted_at < $2", [kind, before]);
}
