// Where mail comes from: one interface, whatever it is.

import type { IncomingMail } from "../store/mailroom.ts";

/** Messages and where to go on behind them. The two are stored together, so that nothing is lost and nothing read twice for long. */
export interface Batch {
  readonly mails: readonly IncomingMail[];
  /** Text that only the source understands; undefined: as before. */
  readonly cursor: string | undefined;
}

export interface MailSource {
  /** "public-inbox:lkml": the name that its cursor is kept under. */
  readonly name: string;
  /**
   * All that is new behind the cursor, in batches of bounded size, in its order; ends when there is nothing more for now. What cannot be taken (too big, not
   * readable) is named to `skipped` and passed over: one bad message never stops a source. Throws ToolError where the source as a whole cannot be read.
   */
  read(cursor: string | undefined, signal: AbortSignal, skipped: (what: string) => void): AsyncIterable<Batch>;
  /** Until something may be new, the poll interval at the latest; after a reading that failed, until it is worth another try. Returns at once when the signal says so. */
  wait(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
