// The port between what comes in, what is built and what is said. Everything that must outlive a process is behind it; what it promises is held by
// test/store/contract.ts, which judges every implementation by the same tests. docs/store.md says it in prose.

/** Where a review stands. The last four are ends; a review never leaves one. */
export type ReviewState = "queued" | "running" | "finished" | "failed" | "superseded" | "cancelled";

/** What is wanted: one review of one head. */
export interface ReviewOrder {
  /** What is reviewed, over all its versions: "github:owner/name#12", "mail:<change-id>". */
  readonly target: string;
  /** The version that is reviewed: a head commit, or the id of a series version. */
  readonly head: string;
  /** What it is compared with; "" while nobody has said. */
  readonly base: string;
  /** All that the worker has to know, as JSON text. The store does not look inside. */
  readonly request: string;
  /** Higher goes first; 0 to 100. */
  readonly priority?: number;
  /** A recheck: a new review although this head and base have one that ended. */
  readonly again?: boolean;
}

/** What a webhook or a mail asks for. */
export type Order =
  | ({ readonly kind: "review" } & ReviewOrder)
  | { readonly kind: "cancel"; readonly target: string }
  /** Something for the speaker alone, such as a command that somebody wrote: it has the permissions to ask and to answer. */
  | { readonly kind: "post"; readonly post: PostOrder };

/** The sender's own id of what it sent: X-GitHub-Delivery, a Message-ID. */
export interface Delivery {
  readonly source: string;
  readonly id: string;
}

export interface Receipt {
  /** The delivery was here before: nothing was done. */
  readonly repeated: boolean;
  /** The review that each order led to or joined; undefined for a cancel and a post. In the order of the orders. */
  readonly reviews: readonly (string | undefined)[];
  /** Reviews that these orders ended. */
  readonly ended: readonly string[];
}

export interface Review {
  readonly id: string;
  readonly target: string;
  readonly head: string;
  readonly base: string;
  readonly request: string;
  readonly state: ReviewState;
  /** What the worker is at: "applying", "building", "analysing"; "" before. */
  readonly phase: string;
  /** How often a worker has taken it. */
  readonly attempts: number;
  /** Why it failed, for people. */
  readonly error: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly changedAt: number;
  /** The end of it has been put into the outbox, or it was decided to say nothing. */
  readonly told: boolean;
}

/** The right to work on one review. It ends with the lease, with a newer head and with a cancel; what comes after is refused. */
export interface Claim {
  readonly review: Review;
  readonly attempt: number;
}

/** What the store keeps of a finding by itself; all of it is in the review's result. */
export interface StoredFinding {
  readonly fingerprint: string;
  readonly class: "new" | "worsened" | "unchanged" | "fixed";
  readonly rule: string;
  readonly severity: "error" | "warning" | "note";
  readonly function: string;
  readonly file: string;
  /** 0: not known. */
  readonly line: number;
  readonly message: string;
}

/** Something to be said, decided but not yet sent. */
export interface PostOrder {
  /** Derived from review and finding, the same each time: a post whose identity is there already is not put in twice. */
  readonly identity: string;
  readonly target: string;
  /** What the speaker does with it: "check", "comment", "mail" ... */
  readonly kind: string;
  /** JSON text. */
  readonly body: string;
  /**
   * What follows when a speaker dies while it sends. "again": it is sent again; the speaker looks for the identity on the other side first.
   * "once": it is never sent again, and becomes "unknown"; for mail, which cannot be looked up.
   */
  readonly manner: "again" | "once";
}

export type PostState = "waiting" | "sending" | "sent" | "failed" | "unknown";

export interface Post extends PostOrder {
  /** "" where it came with a delivery and not from a review. */
  readonly review: string;
  /** Posts of one target are sent in this order, one at a time. */
  readonly sequence: number;
  readonly state: PostState;
  readonly attempts: number;
  /** What the other side calls it: a comment's id. "" before it is sent. */
  readonly remote: string;
  readonly error: string;
}

/** The right to send one post, until `until` (milliseconds since 1970). */
export interface Sending {
  readonly post: Post;
  readonly until: number;
}

export interface WaiverOrder {
  /** The target or the repository that it holds for: the caller's choice of words. */
  readonly scope: string;
  readonly fingerprint: string;
  readonly reason: string;
  readonly by: string;
  /** Milliseconds since 1970; undefined: until it is withdrawn. */
  readonly expiresAt?: number;
}

export interface Waiver extends WaiverOrder {
  readonly id: string;
  readonly createdAt: number;
}

/** For the process that hears: webhooks and mail. */
export interface Intake {
  /**
   * Remembers the delivery and does what it asks for, in one transaction: a delivery is remembered if and only if its jobs are stored.
   * A target has at most one open review: a newer head ends the older one, the same head and base join it.
   */
  receive(delivery: Delivery, orders: readonly Order[]): Promise<Receipt>;
  /** Forgets deliveries that came before `time`; how many. */
  forgetDeliveries(time: number): Promise<number>;
}

/** For the process that builds and analyses. It sees no post, and has nothing to send with. */
export interface Work {
  /** The next review: highest priority, then oldest. */
  claimReview(worker: string): Promise<Claim | undefined>;
  /** Says where the work is and keeps the lease; false: the claim is gone, stop. To be called more often than the lease is long. */
  progress(claim: Claim, phase: string): Promise<boolean>;
  /** Ends the review with its result (JSON text); false: the claim is gone, and nothing was stored. */
  finish(claim: Claim, result: string, findings: readonly StoredFinding[]): Promise<boolean>;
  /** The work broke down. "again": it will be tried again, after the store's `retrySeconds` or as said; "failed": that was the last time. */
  giveUp(claim: Claim, error: string, retrySeconds?: number): Promise<"again" | "failed" | "gone">;
  /** The worker has to stop, and the review is not at fault: it waits again at once, and no attempt is used up. False: the claim is gone. */
  putBack(claim: Claim): Promise<boolean>;
}

/** For the process that speaks. It never builds. */
export interface Speech {
  /** Reviews that ended and of which nobody was told, oldest first. `voice`: of targets that begin so ("github:"); each voice tells its own. */
  untold(limit: number, voice?: string): Promise<Review[]>;
  /** Puts the posts into the outbox and marks the review as told, in one transaction; false: it was told before, or has not ended. */
  tell(review: string, posts: readonly PostOrder[]): Promise<boolean>;
  /** Puts in posts that say something before the end: "queued". How many were not there yet. */
  announce(review: string, posts: readonly PostOrder[]): Promise<number>;
  /** The next post, unless one of the same target that came before it is still to be sent. `voice`: as above. */
  claimPost(speaker: string, voice?: string): Promise<Sending | undefined>;
  /** It is sent, and the other side calls it so; false: the lease had ended, and somebody else has it. */
  sent(sending: Sending, remote: string): Promise<boolean>;
  /** It is certain that it was not sent. Tried again at `retryAt` (milliseconds since 1970), or never. */
  notSent(sending: Sending, error: string, retryAt?: number): Promise<boolean>;
  /** All posts of a target, in their order. */
  posts(target: string): Promise<Post[]>;
}

/** For everybody: what there is. */
export interface Records {
  review(id: string): Promise<Review | undefined>;
  /** Reviews of a target, oldest first. */
  reviews(target: string): Promise<Review[]>;
  /** Reviews that have not ended, oldest first. */
  open(limit: number): Promise<Review[]>;
  /** JSON text of the result of a finished review. */
  result(review: string): Promise<string | undefined>;
  findings(review: string): Promise<StoredFinding[]>;
  waive(waiver: WaiverOrder): Promise<Waiver>;
  /** False: there is none of that id in force. */
  withdrawWaiver(id: string): Promise<boolean>;
  /** Waivers in force. */
  waivers(scope: string): Promise<Waiver[]>;
}

export interface Store extends Intake, Work, Speech, Records {
  /** Gives back what dead processes held: reviews whose lease ended, posts that were being sent. Every process may call it, some times a minute. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Without a sign of life for so long a review goes to another worker; at least 10 (a bound of pg-boss). */
  readonly reviewLeaseSeconds?: number;
  /** Between a failed attempt and the next one. */
  readonly retrySeconds?: number;
  /** How often a review is tried. */
  readonly attempts?: number;
  /** How long a speaker has for one post. */
  readonly postLeaseSeconds?: number;
}

export const STORE_DEFAULTS = {
  reviewLeaseSeconds: 60,
  retrySeconds: 30,
  attempts: 3,
  postLeaseSeconds: 120,
} as const;
