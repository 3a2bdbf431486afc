import type { Jobs } from "./jobs.ts";
import * as outbox from "./outbox.ts";
import * as reviews from "./reviews.ts";
import type { Database } from "./sql.ts";
import type { Claim, Delivery, Order, PostOrder, Sending, Store, StoredFinding, WaiverOrder } from "./store.ts";
import * as waivers from "./waivers.ts";

export interface Clocked {
  readonly now: () => number;
  readonly postLeaseSeconds: number;
  /** Between a failed attempt and the next one, where nothing else is said. */
  readonly retrySeconds: number;
}

/** The store over a database and a queue that lives in the same database: what changes together is one transaction. */
export class SqlStore implements Store {
  readonly #database: Database;
  readonly #jobs: Jobs;
  readonly #clock: Clocked;

  constructor(database: Database, jobs: Jobs, clock: Clocked) {
    this.#database = database;
    this.#jobs = jobs;
    this.#clock = clock;
  }

  receive(delivery: Delivery, orders: readonly Order[]) {
    return this.#database.transaction((sql) => reviews.receive(sql, this.#jobs, this.#clock.now(), delivery, orders));
  }

  forgetDeliveries(time: number) {
    return this.#database.transaction((sql) => reviews.forgetDeliveries(sql, time));
  }

  claimReview(worker: string) {
    return this.#database.transaction((sql) => reviews.claimReview(sql, this.#jobs, this.#clock.now(), worker));
  }

  progress(claim: Claim, phase: string) {
    return this.#database.transaction((sql) => reviews.progress(sql, this.#jobs, this.#clock.now(), claim, phase));
  }

  finish(claim: Claim, result: string, findings: readonly StoredFinding[]) {
    return this.#database.transaction((sql) =>
      reviews.finish(sql, this.#jobs, this.#clock.now(), claim, result, findings),
    );
  }

  giveUp(claim: Claim, error: string, retrySeconds = this.#clock.retrySeconds) {
    return this.#database.transaction((sql) =>
      reviews.giveUp(sql, this.#jobs, this.#clock.now(), claim, error, retrySeconds),
    );
  }

  putBack(claim: Claim) {
    return this.#database.transaction((sql) => reviews.putBack(sql, this.#jobs, this.#clock.now(), claim));
  }

  untold(limit: number, voice = "") {
    return reviews.untold(this.#database, limit, voice);
  }

  tell(review: string, posts: readonly PostOrder[]) {
    return this.#database.transaction((sql) => outbox.tell(sql, this.#clock.now(), review, posts));
  }

  announce(review: string, posts: readonly PostOrder[]) {
    return this.#database.transaction((sql) => outbox.putPosts(sql, this.#clock.now(), review, posts));
  }

  claimPost(speaker: string, voice = "") {
    return this.#database.transaction((sql) => outbox.claimPost(sql, this.#clock, speaker, voice));
  }

  sent(sending: Sending, remote: string) {
    return this.#database.transaction((sql) => outbox.sent(sql, this.#clock.now(), sending, remote));
  }

  notSent(sending: Sending, error: string, retryAt?: number) {
    return this.#database.transaction((sql) => outbox.notSent(sql, this.#clock.now(), sending, error, retryAt));
  }

  posts(target: string) {
    return outbox.posts(this.#database, target);
  }

  review(id: string) {
    return reviews.review(this.#database, id);
  }

  reviews(target: string) {
    return reviews.reviews(this.#database, target);
  }

  open(limit: number) {
    return reviews.open(this.#database, limit);
  }

  result(review: string) {
    return reviews.result(this.#database, review);
  }

  findings(review: string) {
    return reviews.findings(this.#database, review);
  }

  waive(waiver: WaiverOrder) {
    return this.#database.transaction((sql) => waivers.waive(sql, this.#clock.now(), waiver));
  }

  withdrawWaiver(id: string) {
    return this.#database.transaction((sql) => waivers.withdraw(sql, this.#clock.now(), id));
  }

  waivers(scope: string) {
    return waivers.inForce(this.#database, this.#clock.now(), scope);
  }

  async sweep() {
    await this.#jobs.giveBack();
    await this.#database.transaction(async (sql) => {
      const now = this.#clock.now();
      await reviews.followJobs(sql, this.#jobs, now);
      await outbox.giveBack(sql, now);
    });
  }

  close() {
    return this.#database.close();
  }
}
