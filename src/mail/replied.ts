// A version of a series as it is answered.

import type { ReviewResult } from "../report/result.ts";
import type { Policy } from "./policy.ts";
import type { RepliedMail } from "./voice-notes.ts";

/** A version of a series as somebody sees it who answers it. */
export interface RepliedSeries {
  readonly identity: string;
  readonly version: number;
  readonly author: { readonly name?: string; readonly address: string };
  readonly cover?: RepliedMail;
  readonly patches: readonly { readonly number: number; readonly mail: RepliedMail }[];
  /** Of the lists that it came to, those of the config; undefined: there is none. */
  readonly policy: Policy | undefined;
  /** Milliseconds since 1970, by our clock: when its last part came. */
  readonly receivedAt: number;
  /** What its mails say themselves, never behind `receivedAt`. */
  readonly sentAt: number;
  /** Identity of a newer version. */
  readonly supersededBy?: string;
  /** The latest first. */
  readonly former: readonly FormerVersion[];
  /** Where its list can be read: "https://lore.kernel.org/list", without a final slash. */
  readonly archive?: string;
}

export interface FormerVersion {
  readonly identity: string;
  readonly version: number;
}

/** The verdict on a former version. */
export interface FormerResult {
  readonly version: number;
  readonly result: ReviewResult;
  /** It was mailed, so that what stays of it can be told short. */
  readonly isTold: boolean;
}
