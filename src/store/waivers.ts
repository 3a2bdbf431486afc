import { randomUUID } from "node:crypto";
import { readWaiver, WAIVER_COLUMNS, waiverIn } from "./rows.ts";
import type { Sql } from "./sql.ts";
import type { Waiver, WaiverOrder } from "./store.ts";

export async function waive(sql: Sql, now: number, waiver: WaiverOrder): Promise<Waiver> {
  const { scope, fingerprint, reason, by, expiresAt } = waiverIn.parse(waiver);
  const [row] = await sql.all(
    `insert into waivers (id, scope, fingerprint, reason, made_by, created_at, expires_at)
      values ($1, $2, $3, $4, $5, $6, $7) returning ${WAIVER_COLUMNS}`,
    [randomUUID(), scope, fingerprint, reason, by, now, expiresAt ?? null],
  );
  return readWaiver(row);
}

export async function withdraw(sql: Sql, now: number, id: string): Promise<boolean> {
  const rows = await sql.all(
    `update waivers set withdrawn_at = $1 where id = $2 and withdrawn_at is null
      and (expires_at is null or expires_at > $3) returning id`,
    [now, id, now],
  );
  return rows.length === 1;
}

export async function inForce(sql: Sql, now: number, scope: string): Promise<Waiver[]> {
  const rows = await sql.all(
    `select ${WAIVER_COLUMNS} from waivers
      where scope = $1 and withdrawn_at is null and (expires_at is null or expires_at > $2) order by created_at, id`,
    [scope, now],
  );
  return rows.map(readWaiver);
}
