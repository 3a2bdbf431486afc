import type { Again, JobBounds, JobState, Jobs, Take } from "./jobs.ts";
import type { Database, Sql } from "./sql.ts";

/** The queue where no pg-boss is: a table with leases. */
export class SqliteJobs implements Jobs {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #bounds: JobBounds;

  constructor(database: Database, now: () => number, bounds: JobBounds) {
    this.#database = database;
    this.#now = now;
    this.#bounds = bounds;
  }

  async add(sql: Sql, id: string, priority: number): Promise<void> {
    await sql.all("insert into jobs (id, priority, state, due_at) values ($1, $2, 'waiting', $3)", [
      id,
      priority,
      this.#now(),
    ]);
  }

  async take(sql: Sql): Promise<Take | undefined> {
    const now = this.#now();
    const [row] = await sql.all(
      `update jobs set state = 'taken', attempts = attempts + 1, lease_until = $1
        where id = (
          select id from jobs where state = 'waiting' and due_at <= $2 order by priority desc, due_at, rowid limit 1
        ) returning id, attempts`,
      [now + this.#bounds.leaseSeconds * 1000, now],
    );
    return row === undefined ? undefined : { id: String(row.id), attempt: Number(row.attempts) };
  }

  async renew(sql: Sql, take: Take): Promise<boolean> {
    const until = this.#now() + this.#bounds.leaseSeconds * 1000;
    return this.#change(sql, take, "set lease_until = $3", until);
  }

  async done(sql: Sql, take: Take): Promise<boolean> {
    const rows = await sql.all("delete from jobs where id = $1 and attempts = $2 and state = 'taken' returning id", [
      take.id,
      take.attempt,
    ]);
    return rows.length === 1;
  }

  async fail(sql: Sql, take: Take, { seconds, isCounted }: Again): Promise<boolean> {
    const due = this.#now() + seconds * 1000;
    if (!isCounted)
      return this.#change(sql, take, "set state = 'waiting', uncounted = uncounted + 1, due_at = $3", due);
    const [row] = await sql.all("select uncounted from jobs where id = $1", [take.id]);
    const spent = take.attempt - Number(row?.uncounted) >= this.#bounds.attempts;
    return this.#change(sql, take, `set state = '${spent ? "spent" : "waiting"}', due_at = $3`, due);
  }

  async drop(sql: Sql, id: string): Promise<void> {
    await sql.all("delete from jobs where id = $1", [id]);
  }

  async state(sql: Sql, id: string): Promise<JobState> {
    const [row] = await sql.all("select state from jobs where id = $1", [id]);
    const state = row?.state;
    return state === "waiting" || state === "taken" || state === "spent" ? state : "gone";
  }

  giveBack(): Promise<void> {
    const now = this.#now();
    return this.#database.transaction(async (sql) => {
      await sql.all(
        `update jobs set state = case when attempts - uncounted >= $1 then 'spent' else 'waiting' end, due_at = $2
          where state = 'taken' and lease_until <= $3`,
        [this.#bounds.attempts, now + this.#bounds.retrySeconds * 1000, now],
      );
    });
  }

  async #change(sql: Sql, take: Take, set: string, value: number): Promise<boolean> {
    const rows = await sql.all(`update jobs ${set} where id = $1 and attempts = $2 and state = 'taken' returning id`, [
      take.id,
      take.attempt,
      value,
    ]);
    return rows.length === 1;
  }
}
