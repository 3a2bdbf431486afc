import { createHash } from "node:crypto";
import { InvariantError } from "../base/errors.ts";
import { clusterRow, factsIn, keysIn, MAIL_COLUMNS, readStoredMail } from "./mail-rows.ts";
import type { Cluster, StoredMail } from "./mailroom.ts";
import type { Sql } from "./sql.ts";

// Messages and what belongs together. A key belongs to the first message that had it, and through that to the cluster that this one is in by now: so merging
// touches the messages of the smaller cluster alone. Functions that write are parts of a transaction that the caller has opened.

export interface PackedMail {
  readonly messageId: string;
  readonly packed: Uint8Array;
}

export async function deliver(
  sql: Sql,
  now: number,
  source: string,
  mails: readonly PackedMail[],
  cursor: string | undefined,
): Promise<number[]> {
  const fresh: number[] = [];
  for (const { messageId, packed } of mails) {
    const [row] = await sql.all(
      `insert into mails (sequence, message_id, source, received_at)
        select coalesce(max(sequence), 0) + 1, $1, $2, $3 from mails where true
        on conflict (message_id) do nothing returning sequence`,
      [messageId, source, now],
    );
    if (row === undefined) continue;
    const sequence = Number(row.sequence);
    await sql.all("insert into mail_bytes (sequence, raw) values ($1, $2)", [sequence, packed]);
    fresh.push(sequence);
  }
  if (cursor !== undefined) {
    await sql.all(
      `insert into mail_sources (source, position) values ($1, $2)
        on conflict (source) do update set position = excluded.position`,
      [source, cursor],
    );
  }
  return fresh;
}

export async function unfiled(sql: Sql, limit: number): Promise<StoredMail[]> {
  const rows = await sql.all(`select ${MAIL_COLUMNS} from mails where cluster = 0 order by sequence limit $1`, [limit]);
  return rows.map(readStoredMail);
}

export async function file(sql: Sql, sequence: number, facts: string, keys: readonly string[]): Promise<number> {
  const text = factsIn.parse(facts);
  const names = [...new Set(keysIn.parse(keys).map(keyName))];
  const [row] = await sql.all("select cluster from mails where sequence = $1", [sequence]);
  if (row === undefined) throw new InvariantError(`there is no message ${sequence}`);
  const filed = Number(row.cluster);
  if (filed !== 0) {
    await sql.all("update mails set facts = $1 where sequence = $2", [text, sequence]);
    await sql.all("update mail_clusters set stamp = stamp + 1 where cluster = $1", [filed]);
    return filed;
  }
  const cluster = await joined(sql, sequence, names);
  await sql.all("update mails set facts = $1, cluster = $2 where sequence = $3", [text, cluster, sequence]);
  for (const key of names) {
    await sql.all("insert into mail_keys (key, sequence) values ($1, $2) on conflict (key) do nothing", [
      key,
      sequence,
    ]);
  }
  return cluster;
}

/** The cluster that holds the keys, made of all that hold one of them; a new one, called after this message, where there is none. */
async function joined(sql: Sql, sequence: number, keys: readonly string[]): Promise<number> {
  const found = keys.length === 0 ? [] : await clustersOf(sql, keys);
  const [largest, ...others] = found;
  if (largest === undefined) {
    await sql.all("insert into mail_clusters (cluster, stamp) values ($1, 1)", [sequence]);
    return sequence;
  }
  let stamp = largest.stamp;
  for (const { cluster, stamp: its } of others) {
    await sql.all("update mails set cluster = $1 where cluster = $2", [largest.cluster, cluster]);
    await sql.all("update mail_series set cluster = $1 where cluster = $2", [largest.cluster, cluster]);
    await sql.all("delete from mail_clusters where cluster = $1", [cluster]);
    stamp = Math.max(stamp, its);
  }
  await sql.all("update mail_clusters set stamp = $1 where cluster = $2", [stamp + 1, largest.cluster]);
  return largest.cluster;
}

/** Those that hold one of the keys, the largest first: a message moves at most as often as a cluster can double. */
async function clustersOf(sql: Sql, keys: readonly string[]): Promise<Cluster[]> {
  const places = keys.map((_, i) => `$${i + 1}`).join(", ");
  const rows = await sql.all(
    `select c.cluster, c.stamp from mail_clusters c
      where c.cluster in (
        select m.cluster from mail_keys k join mails m on m.sequence = k.sequence where k.key in (${places})
      ) order by (select count(*) from mails n where n.cluster = c.cluster) desc, c.cluster`,
    keys,
  );
  return rows.map((row) => clusterRow.parse(row));
}

export async function clusterOfKey(sql: Sql, key: string): Promise<number | undefined> {
  return (await clustersOf(sql, [keyName(key)]))[0]?.cluster;
}

/** Keys are compared and nothing else: long ones, and what a database cannot hold, by their hash. */
function keyName(key: string): string {
  return key.length <= 200 && !key.includes("\0") ? `=${key}` : `#${createHash("sha256").update(key).digest("hex")}`;
}

export async function staleClusters(sql: Sql, limit: number): Promise<Cluster[]> {
  const rows = await sql.all(
    "select cluster, stamp from mail_clusters where planned < stamp order by cluster limit $1",
    [limit],
  );
  return rows.map((row) => clusterRow.parse(row));
}

export async function stamp(sql: Sql, cluster: number): Promise<number | undefined> {
  const [row] = await sql.all("select cluster, stamp from mail_clusters where cluster = $1", [cluster]);
  return row === undefined ? undefined : clusterRow.parse(row).stamp;
}

export async function cluster(sql: Sql, id: number, limit: number): Promise<StoredMail[]> {
  const rows = await sql.all(
    `select ${MAIL_COLUMNS} from mails where cluster = $1 and cluster <> 0 order by sequence limit $2`,
    [id, limit],
  );
  return rows.map(readStoredMail);
}

export async function mail(sql: Sql, messageId: string): Promise<StoredMail | undefined> {
  const [row] = await sql.all(`select ${MAIL_COLUMNS} from mails where message_id = $1`, [messageId]);
  return row === undefined ? undefined : readStoredMail(row);
}

export async function forgetBytes(sql: Sql, before: number): Promise<number> {
  const rows = await sql.all(
    `delete from mail_bytes where sequence in (
        select m.sequence from mails m join mail_clusters c on c.cluster = m.cluster
          where m.received_at < $1 and c.planned >= c.stamp
            and not exists (select 1 from mail_series s where s.cluster = m.cluster and s.due_at is not null)
      ) returning sequence`,
    [before],
  );
  return rows.length;
}
