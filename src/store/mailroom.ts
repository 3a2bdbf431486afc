// The port between what comes in by mail and who looks at it. Each message is stored once, by its Message-ID, before anybody looks at it; what is made of it
// can be made again from what is stored. docs/store.md says it in prose, test/store/mailroom-contract.ts holds it.

export interface IncomingMail {
  /** Without angle brackets. A mail without one gets one from its bytes: "sha256.<hex>@no-message-id". */
  readonly messageId: string;
  /** As it came, separator line of an mbox removed. */
  readonly raw: Uint8Array;
}

export interface StoredMail {
  /** In the order of arrival here. */
  readonly sequence: number;
  readonly messageId: string;
  /** The source that brought it first: "public-inbox:<name>", "imap:<name>" ... */
  readonly source: string;
  /** Milliseconds since 1970, by our clock. */
  readonly receivedAt: number;
  /** What reading it gave, as JSON text; "" before it was filed. The store does not look inside. */
  readonly facts: string;
  /** Messages that belong together have the same; 0 before it was filed. */
  readonly cluster: number;
}

/** What reading a message gave, see Mailroom.file. */
export interface Filing {
  readonly sequence: number;
  readonly facts: string;
  readonly keys: readonly string[];
}

export interface Cluster {
  readonly cluster: number;
  /** Grows with each message that is filed there. */
  readonly stamp: number;
}

/** One version of a series as last seen, complete or not. */
export interface SeriesOrder {
  /** The same whatever order its messages came in: the Message-ID of its first patch, or of its cover letter where that is all there is. */
  readonly identity: string;
  /** "waiting" until `dueAt`, "ordered", "incomplete", "superseded", "not-for-us" ...: the mail's own words. */
  readonly state: string;
  /** For people. */
  readonly reason: string;
  /** Milliseconds since 1970: when it is to be looked at again; undefined: only when a message comes. */
  readonly dueAt?: number | undefined;
  /** All else that is known, as JSON text. */
  readonly details: string;
}

export interface StoredSeries extends SeriesOrder {
  readonly cluster: number;
  /** Milliseconds since 1970. */
  readonly firstSeenAt: number;
  readonly changedAt: number;
}

/** A small fact that outlives a process: an opt-out, a command that was carried out, a digest that was sent. */
export interface Note {
  readonly kind: string;
  readonly key: string;
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface Mailroom {
  /** Stores what is not there yet and moves the source's cursor, in one transaction; the sequence numbers of what is new. */
  deliver(source: string, mails: readonly IncomingMail[], cursor?: string): Promise<number[]>;
  /** Where a source is to go on; undefined: it was never read. */
  cursor(source: string): Promise<string | undefined>;
  /** Not filed yet, oldest first. */
  unfiled(limit: number): Promise<StoredMail[]>;
  /**
   * Keeps what reading a mail gave, and joins it with all messages that share one of `keys`, which may merge clusters; the cluster it is in.
   * `keys` empty: it belongs to nothing. Filing it again changes nothing but the facts.
   */
  file(sequence: number, facts: string, keys: readonly string[]): Promise<number>;
  /** Several at once, and notes with them, in one transaction; the cluster of each. */
  fileAll(filings: readonly Filing[], notes?: readonly Note[]): Promise<number[]>;
  /** Clusters in which something was filed since `putSeries` was told the stamp of what it came from, the lowest first. */
  staleClusters(limit: number): Promise<Cluster[]>;
  /** Messages of a cluster in the order of arrival, at most `limit` (the newest are left out), without their bytes. */
  cluster(id: number, limit: number): Promise<StoredMail[]>;
  /** The cluster that holds a key. */
  clusterOfKey(key: string): Promise<number | undefined>;
  mail(messageId: string): Promise<StoredMail | undefined>;
  raw(messageId: string): Promise<Uint8Array | undefined>;
  /**
   * What is known now of the series of a cluster, in place of what was; series of clusters that were merged into it move along. With the `stamp` that the
   * cluster had before its messages were read, nothing is stored where a message has come since, or where it is no cluster any more: false.
   */
  putSeries(cluster: number, series: readonly SeriesOrder[], stamp?: number): Promise<boolean>;
  series(cluster: number): Promise<StoredSeries[]>;
  /** Of a cluster that is known; undefined: it is none, or no more. */
  stamp(cluster: number): Promise<number | undefined>;
  seriesByIdentity(identity: string): Promise<StoredSeries | undefined>;
  /** Series whose `dueAt` has come, the longest overdue first. */
  dueSeries(now: number, limit: number): Promise<StoredSeries[]>;
  /** Series that changed since, oldest first: for digests. */
  seriesSince(time: number, limit: number): Promise<StoredSeries[]>;
  /** False: there is one of that kind and key, and it stays as it is. */
  note(note: Note): Promise<boolean>;
  /** Of a kind, whose keys begin so, no older than `since`; oldest first. */
  notes(kind: string, keyPrefix?: string, since?: number): Promise<Note[]>;
  removeNote(kind: string, key: string): Promise<boolean>;
  /**
   * Forgets the bytes of messages that came before and whose cluster waits for nothing (is filed, planned, and has no series with a `dueAt`), and notes of
   * `noteKinds`; how many messages. The Message-IDs stay.
   */
  forgetMails(before: number, noteKinds?: readonly string[]): Promise<number>;
}
