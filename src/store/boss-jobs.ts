import type { PgBoss } from "pg-boss";
import { z } from "zod";
import { InvariantError } from "../base/errors.ts";
import type { Again, JobBounds, JobState, Jobs, Take } from "./jobs.ts";
import type { BossSql } from "./postgres.ts";
import type { Sql } from "./sql.ts";

const QUEUE = "reviews";
/** Where pg-boss has its tables. */
export const BOSS_SCHEMA = "objreview_jobs";

/** A build may take hours; what ends a dead worker's claim is the missing sign of life, not this. pg-boss allows less than a day. */
const LONGEST_SECONDS = 12 * 3600;

/** Makes the queue, or gives it today's bounds. */
export async function prepareQueue(boss: PgBoss, bounds: JobBounds): Promise<void> {
  const options = {
    heartbeatSeconds: bounds.leaseSeconds,
    expireInSeconds: LONGEST_SECONDS,
    retryLimit: bounds.attempts - 1,
    retryDelay: bounds.retrySeconds,
    retryBackoff: false,
    // A review waits in the queue for as long as it takes.
    retentionSeconds: 365 * 24 * 3600,
  };
  await boss.createQueue(QUEUE, options);
  await boss.updateQueue(QUEUE, options);
}

/** The queue in pg-boss. A job's id is its review's; it carries no data of its own. */
export class BossJobs implements Jobs {
  readonly #boss: PgBoss;

  constructor(boss: PgBoss) {
    this.#boss = boss;
  }

  async add(sql: Sql, id: string, priority: number): Promise<void> {
    const sent = await this.#boss.send(QUEUE, null, { id, priority, ...within(sql) });
    if (sent !== id) throw new InvariantError(`pg-boss did not take job ${id}`);
  }

  async take(sql: Sql): Promise<Take | undefined> {
    const [job] = await this.#boss.fetch(QUEUE, { includeMetadata: true, ...within(sql) });
    return job === undefined ? undefined : { id: job.id, attempt: job.retryCount + 1 };
  }

  async renew(sql: Sql, take: Take): Promise<boolean> {
    return changedOne(await this.#boss.touch(QUEUE, fence(take), within(sql)));
  }

  async done(sql: Sql, take: Take): Promise<boolean> {
    return changedOne(await this.#boss.complete(QUEUE, fence(take), null, within(sql)));
  }

  async fail(sql: Sql, take: Take, { seconds, isCounted }: Again): Promise<boolean> {
    // pg-boss has no call for this (12.35): a limit and a delay of one job. The names of the columns are those of its schema.
    await sql.all(
      `update ${BOSS_SCHEMA}.job set retry_delay = $1, retry_limit = retry_limit + $2
        where name = $3 and id = $4 and retry_count = $5 and state = 'active'`,
      [seconds, isCounted ? 0 : 1, QUEUE, take.id, take.attempt - 1],
    );
    return changedOne(await this.#boss.fail(QUEUE, fence(take), null, within(sql)));
  }

  async drop(sql: Sql, id: string): Promise<void> {
    await this.#boss.cancel(QUEUE, id, within(sql));
  }

  async state(sql: Sql, id: string): Promise<JobState> {
    const [job] = await this.#boss.findJobs(QUEUE, { id, ...within(sql) });
    if (job === undefined) return "gone";
    if (job.state === "created" || job.state === "retry") return "waiting";
    if (job.state === "active") return "taken";
    return job.state === "failed" ? "spent" : "gone";
  }

  giveBack(): Promise<void> {
    return this.#boss.supervise(QUEUE, { reindex: false });
  }
}

/** pg-boss settles a job only for the attempt that it is in. */
function fence(take: Take): { id: string; retryCount: number } {
  return { id: take.id, retryCount: take.attempt - 1 };
}

function within(sql: Sql): { db: BossSql["boss"] } {
  return { db: (sql as BossSql).boss };
}

// The number is in every answer, though not in pg-boss's types.
const answer = z.object({ affected: z.number() });

function changedOne(response: unknown): boolean {
  return answer.parse(response).affected === 1;
}
