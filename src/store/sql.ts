/** One row, columns by name. What is in it is not to be trusted before a schema of rows.ts has read it. */
export type Row = Record<string, unknown>;

/** A parameter of a statement. */
export type SqlValue = string | number | null | Uint8Array;

/** The SQL that both databases understand: `$1` parameters, `on conflict do nothing`, `returning`. */
export interface Sql {
  readonly dialect: "sqlite" | "postgres";
  /** All rows of one statement. */
  all(text: string, values?: readonly SqlValue[]): Promise<Row[]>;
}

export interface Database extends Sql {
  /**
   * Runs `work` in a transaction and commits it when it returns, or rolls back when it throws. Transactions that write come one after the other, over
   * all processes, in both databases: what `work` reads stays true until it is committed. They last milliseconds, and there are few of them.
   */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Lets one piece of work in at a time, in the order of asking. */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
