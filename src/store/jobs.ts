import type { Sql } from "./sql.ts";

export interface Take {
  readonly id: string;
  /** 1 for the first time it is taken. What later calls give must be this number, or they are refused. */
  readonly attempt: number;
}

/** Where the queue has a job: nobody has it, somebody has, its attempts are used up, or it is no longer there. */
export type JobState = "waiting" | "taken" | "spent" | "gone";

/** The queue under the reviews; every call but `giveBack` is part of the caller's transaction. A job's id is its review's. */
export interface Jobs {
  add(sql: Sql, id: string, priority: number): Promise<void>;
  take(sql: Sql): Promise<Take | undefined>;
  /** False here and below: it is no longer the caller's. */
  renew(sql: Sql, take: Take): Promise<boolean>;
  done(sql: Sql, take: Take): Promise<boolean>;
  /** Tried again after so many seconds, if an attempt is left: `state` tells. One that is not `isCounted` always is. */
  fail(sql: Sql, take: Take, again: Again): Promise<boolean>;
  drop(sql: Sql, id: string): Promise<void>;
  state(sql: Sql, id: string): Promise<JobState>;
  /** Takes jobs back whose holder gave no sign of life; opens transactions of its own. */
  giveBack(): Promise<void>;
}

export interface Again {
  readonly seconds: number;
  /** It is one of the attempts that a job has. */
  readonly isCounted: boolean;
}

export interface JobBounds {
  readonly leaseSeconds: number;
  readonly retrySeconds: number;
  readonly attempts: number;
}
