import { randomUUID } from "node:crypto";
import { InvariantError } from "../base/errors.ts";
import type { Jobs, Take } from "./jobs.ts";
import { putPosts } from "./outbox.ts";
import {
  deliveryIn,
  FINDING_COLUMNS,
  findingIn,
  forPeople,
  orderIn,
  REVIEW_COLUMNS,
  readFinding,
  readReview,
  resultIn,
} from "./rows.ts";
import type { Sql } from "./sql.ts";
import type { Claim, Delivery, Order, Receipt, Review, ReviewOrder, ReviewState, StoredFinding } from "./store.ts";

// Every function here is one part of a transaction that the caller has opened; none commits anything itself.

const OPEN = "state in ('queued', 'running')";

export async function receive(
  sql: Sql,
  jobs: Jobs,
  now: number,
  delivery: Delivery,
  orders: readonly Order[],
): Promise<Receipt> {
  const { source, id } = deliveryIn.parse(delivery);
  const wanted = orders.map((each) => orderIn.parse(each));
  const fresh = await sql.all(
    "insert into deliveries (source, id, received_at) values ($1, $2, $3) on conflict do nothing returning id",
    [source, id, now],
  );
  if (fresh.length === 0) return { repeated: true, reviews: [], ended: [] };
  const ids: (string | undefined)[] = [];
  const ended: string[] = [];
  for (const order of wanted) {
    if (order.kind === "post") {
      await putPosts(sql, now, null, [order.post]);
      ids.push(undefined);
      continue;
    }
    const open = await openReview(sql, order.target);
    if (order.kind === "cancel") {
      if (open !== undefined) ended.push(await endOpen(sql, jobs, now, open, "cancelled"));
      ids.push(undefined);
    } else if (open !== undefined && isOf(open, order)) {
      ids.push(open.id);
    } else {
      // A head that moved away and back may have its verdict already; what is open is out of date then too.
      if (open !== undefined) ended.push(await endOpen(sql, jobs, now, open, "superseded"));
      const known = order.again === true ? undefined : await verdictOn(sql, order);
      ids.push(known?.id ?? (await add(sql, jobs, now, order)));
    }
  }
  return { repeated: false, reviews: ids, ended };
}

function isOf(review: Review, order: Pick<ReviewOrder, "head" | "base">): boolean {
  return review.head === order.head && review.base === order.base;
}

async function openReview(sql: Sql, target: string): Promise<Review | undefined> {
  const [row] = await sql.all(`select ${REVIEW_COLUMNS} from reviews where target = $1 and ${OPEN}`, [target]);
  return row === undefined ? undefined : readReview(row);
}

/** The newest review of that head and base that came to a verdict; a failed, superseded or cancelled one is none. */
async function verdictOn(sql: Sql, order: Pick<ReviewOrder, "target" | "head" | "base">): Promise<Review | undefined> {
  const [row] = await sql.all(
    `select ${REVIEW_COLUMNS} from reviews where target = $1 and head = $2 and base = $3 and state = 'finished'
      order by created_at desc, id limit 1`,
    [order.target, order.head, order.base],
  );
  return row === undefined ? undefined : readReview(row);
}

async function add(
  sql: Sql,
  jobs: Jobs,
  now: number,
  order: Pick<ReviewOrder, "target" | "head" | "base" | "request"> & { priority?: number | undefined },
): Promise<string> {
  const id = randomUUID();
  await sql.all(
    `insert into reviews (id, target, head, base, request, state, created_at, changed_at)
      values ($1, $2, $3, $4, $5, 'queued', $6, $7)`,
    [id, order.target, order.head, order.base, order.request, now, now],
  );
  await jobs.add(sql, id, order.priority ?? 0);
  return id;
}

async function endOpen(sql: Sql, jobs: Jobs, now: number, review: Review, state: ReviewState): Promise<string> {
  await sql.all("update reviews set state = $1, changed_at = $2 where id = $3", [state, now, review.id]);
  await jobs.drop(sql, review.id);
  return review.id;
}

export async function forgetDeliveries(sql: Sql, time: number): Promise<number> {
  return (await sql.all("delete from deliveries where received_at < $1 returning id", [time])).length;
}

export async function claimReview(sql: Sql, jobs: Jobs, now: number, worker: string): Promise<Claim | undefined> {
  const take = await jobs.take(sql);
  if (take === undefined) return undefined;
  const [row] = await sql.all(
    `update reviews set state = 'running', phase = '', attempts = $1, worker = $2, changed_at = $3
      where id = $4 and ${OPEN} returning ${REVIEW_COLUMNS}`,
    [take.attempt, forPeople(worker), now, take.id],
  );
  // Job and review change in the same transactions, so a job without an open review cannot be.
  if (row === undefined) throw new InvariantError(`job ${take.id} has no open review`);
  return { review: readReview(row), attempt: take.attempt };
}

function takeOf(claim: Claim): Take {
  return { id: claim.review.id, attempt: claim.attempt };
}

export async function progress(sql: Sql, jobs: Jobs, now: number, claim: Claim, phase: string): Promise<boolean> {
  if (!(await jobs.renew(sql, takeOf(claim)))) return false;
  await sql.all("update reviews set phase = $1, changed_at = $2 where id = $3", [
    forPeople(phase),
    now,
    claim.review.id,
  ]);
  return true;
}

export async function finish(
  sql: Sql,
  jobs: Jobs,
  now: number,
  claim: Claim,
  result: string,
  findings: readonly StoredFinding[],
): Promise<boolean> {
  const text = resultIn.parse(result);
  const rows = findings.map((each) => findingIn.parse(each));
  if (!(await jobs.done(sql, takeOf(claim)))) return false;
  const id = claim.review.id;
  await sql.all("update reviews set state = 'finished', result = $1, changed_at = $2 where id = $3", [text, now, id]);
  for (const [number, each] of rows.entries()) {
    await sql.all(
      `insert into findings (review, number, ${FINDING_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        id,
        number,
        each.fingerprint,
        each.class,
        each.rule,
        each.severity,
        each.function,
        each.file,
        each.line,
        each.message,
      ],
    );
  }
  return true;
}

export async function giveUp(
  sql: Sql,
  jobs: Jobs,
  now: number,
  claim: Claim,
  error: string,
  seconds: number,
): Promise<"again" | "failed" | "gone"> {
  if (!(await jobs.fail(sql, takeOf(claim), { seconds, isCounted: true }))) return "gone";
  const spent = (await jobs.state(sql, claim.review.id)) === "spent";
  const state: ReviewState = spent ? "failed" : "queued";
  await setState(sql, now, claim.review.id, state, forPeople(error));
  return spent ? "failed" : "again";
}

export async function putBack(sql: Sql, jobs: Jobs, now: number, claim: Claim): Promise<boolean> {
  if (!(await jobs.fail(sql, takeOf(claim), { seconds: 0, isCounted: false }))) return false;
  await setState(sql, now, claim.review.id, "queued", "");
  return true;
}

async function setState(sql: Sql, now: number, id: string, state: ReviewState, error: string): Promise<void> {
  await sql.all("update reviews set state = $1, phase = '', error = $2, changed_at = $3 where id = $4", [
    state,
    error,
    now,
    id,
  ]);
}

/** Brings reviews whose worker died in line with what the queue has decided about their jobs. */
export async function followJobs(sql: Sql, jobs: Jobs, now: number): Promise<void> {
  for (const row of await sql.all("select id from reviews where state = 'running'")) {
    const id = String(row.id);
    const state = await jobs.state(sql, id);
    if (state === "waiting") await setState(sql, now, id, "queued", "the worker gave no sign of life");
    else if (state !== "taken") await setState(sql, now, id, "failed", "the worker gave no sign of life, each time");
  }
}

export async function untold(sql: Sql, limit: number, voice: string): Promise<Review[]> {
  const rows = await sql.all(
    `select ${REVIEW_COLUMNS} from reviews
      where told_at is null and state in ('finished', 'failed', 'superseded', 'cancelled')
        and substr(target, 1, $1) = $2
      order by changed_at, id limit $3`,
    [voice.length, voice, limit],
  );
  return rows.map(readReview);
}

export async function review(sql: Sql, id: string): Promise<Review | undefined> {
  const [row] = await sql.all(`select ${REVIEW_COLUMNS} from reviews where id = $1`, [id]);
  return row === undefined ? undefined : readReview(row);
}

export async function reviews(sql: Sql, target: string): Promise<Review[]> {
  const rows = await sql.all(`select ${REVIEW_COLUMNS} from reviews where target = $1 order by created_at, id`, [
    target,
  ]);
  return rows.map(readReview);
}

export async function open(sql: Sql, limit: number): Promise<Review[]> {
  const rows = await sql.all(`select ${REVIEW_COLUMNS} from reviews where ${OPEN} order by created_at, id limit $1`, [
    limit,
  ]);
  return rows.map(readReview);
}

export async function result(sql: Sql, id: string): Promise<string | undefined> {
  const [row] = await sql.all("select result from reviews where id = $1", [id]);
  const text = row?.result;
  return typeof text === "string" ? text : undefined;
}

export async function findings(sql: Sql, id: string): Promise<StoredFinding[]> {
  const rows = await sql.all(`select ${FINDING_COLUMNS} from findings where review = $1 order by number`, [id]);
  return rows.map(readFinding);
}
