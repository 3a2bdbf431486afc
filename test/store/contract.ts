import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Claim, Order, PostOrder, Store, StoredFinding } from "../../src/store/store.ts";

/** Stores over the same data, as processes have them, on a clock that the test moves. */
export interface Stage {
  open(): Promise<Store>;
  pass(seconds: number): Promise<void>;
  now(): number;
}

/** Options that every stage opens its stores with. */
export const BOUNDS = { reviewLeaseSeconds: 60, retrySeconds: 30, attempts: 2, postLeaseSeconds: 100 };

let deliveries = 0;

async function order(store: Store, target: string, head: string, more: Partial<Order> = {}): Promise<string> {
  const wanted = { kind: "review", target, head, base: "b", request: '{"a":1}', ...more } as Order;
  const receipt = await store.receive({ source: "test", id: `d${deliveries++}` }, [wanted]);
  return receipt.reviews[0]!;
}

async function claimed(store: Store, id: string): Promise<Claim> {
  const claim = await store.claimReview("w");
  assert.equal(claim?.review.id, id);
  return claim!;
}

function finding(fingerprint: string): StoredFinding {
  const where = { function: "do_exit", file: "kernel/exit.c", line: 9 };
  return {
    fingerprint,
    class: "new",
    rule: "frame",
    severity: "error",
    message: "do_exit() 'leaks' \u{1f600}",
    ...where,
  };
}

function post(identity: string, target = "t", manner: PostOrder["manner"] = "again"): PostOrder {
  return { identity, target, kind: "comment", body: '{"text":"x"}', manner };
}

/** A review of `target` that has ended, so that it may be told. */
async function ended(store: Store, target: string): Promise<string> {
  const id = await order(store, target, "h");
  const claim = await claimed(store, id);
  assert.equal(await store.finish(claim, "{}", []), true);
  return id;
}

/** What the port promises. `stage` makes an empty one for each test. */
export function contract(name: string, stage: (t: TestContext) => Promise<Stage>): void {
  const promise = (what: string, body: (stage: Stage, store: Store) => Promise<void>) =>
    test(`${name}: ${what}`, async (t) => {
      const made = await stage(t);
      await body(made, await made.open());
    });

  promise("a post that came with a delivery is put in once, and needs no review", async (_, store) => {
    const delivery = { source: "test", id: "command" };
    const orders: Order[] = [{ kind: "post", post: post("command-1", "t#comment") }];
    assert.deepEqual(await store.receive(delivery, orders), { repeated: false, reviews: [undefined], ended: [] });
    assert.equal((await store.receive(delivery, orders)).repeated, true);
    await store.receive({ source: "test", id: "another" }, orders);
    const sending = await store.claimPost("s");
    assert.equal(sending?.post.identity, "command-1");
    assert.equal(sending.post.review, "");
    assert.equal(await store.sent(sending, "9"), true);
    assert.equal(await store.claimPost("s"), undefined);
  });

  promise("each voice tells and says its own", async (_, store) => {
    const [pull, series] = [await ended(store, "github:a/b#1"), await ended(store, "mail:change")];
    const ids = async (voice?: string) => (await store.untold(10, voice)).map(({ id }) => id);
    assert.deepEqual(await ids("github:"), [pull]);
    assert.deepEqual(await ids("mail:"), [series]);
    assert.equal((await ids()).length, 2);
    await store.tell(series, [post("m", "mail:change", "once")]);
    await store.tell(pull, [post("g", "github:a/b#1")]);
    assert.equal((await store.claimPost("s", "github:"))?.post.identity, "g");
    assert.equal(await store.claimPost("s", "github:"), undefined);
    assert.equal((await store.claimPost("s", "mail:"))?.post.identity, "m");
  });

  promise("reviews that have not ended are listed", async (_, store) => {
    const first = await order(store, "t1", "h");
    const second = await order(store, "t2", "h");
    assert.deepEqual((await store.open(10)).map((each) => each.id).sort(), [first, second].sort());
    await store.receive({ source: "test", id: "close" }, [{ kind: "cancel", target: "t1" }]);
    assert.deepEqual(
      (await store.open(10)).map((each) => each.id),
      [second],
    );
  });

  promise("a review from its order to its end", async (stage, store) => {
    const id = await order(store, "github:o/r#1", "h1", { priority: 3 } as Partial<Order>);
    assert.equal((await store.review(id))?.state, "queued");
    const claim = await claimed(store, id);
    assert.deepEqual([claim.review.state, claim.review.request, claim.attempt], ["running", '{"a":1}', 1]);
    assert.equal(await store.claimReview("other"), undefined);
    await stage.pass(5);
    assert.equal(await store.progress(claim, "building"), true);
    assert.deepEqual((await store.review(id))?.phase, "building");
    const findings = [finding("f2"), finding("f1"), finding("f1")];
    assert.equal(await store.finish(claim, '{"big":"result"}', findings), true);
    const review = (await store.review(id))!;
    assert.deepEqual([review.state, review.attempts, review.told], ["finished", 1, false]);
    assert.equal(review.changedAt - review.createdAt, 5000);
    assert.deepEqual(await store.findings(id), findings);
    assert.equal(await store.result(id), '{"big":"result"}');
    assert.equal(await store.finish(claim, "{}", []), false, "a second end");
    assert.equal(await store.progress(claim, "x"), false);
    assert.equal(await store.review("none"), undefined);
    assert.equal(await store.result("none"), undefined);
  });

  promise("a delivery is taken once, however often and from wherever it comes", async (stage, store) => {
    const other = await stage.open();
    const delivery = { source: "github", id: "guid" };
    const wanted: Order = { kind: "review", target: "t", head: "h", base: "b", request: "{}" };
    const receipts = await Promise.all([store, other, store, other].map((each) => each.receive(delivery, [wanted])));
    assert.equal(receipts.filter((each) => !each.repeated).length, 1);
    assert.equal((await store.reviews("t")).length, 1);
    assert.equal((await store.receive({ source: "mail", id: "guid" }, [])).repeated, false, "another sender's id");
    await stage.pass(100);
    assert.equal(await store.forgetDeliveries(stage.now() - 50_000), 2);
    assert.equal((await store.receive(delivery, [])).repeated, false);
  });

  promise("a delivery with a bad order leaves nothing behind", async (_, store) => {
    const good: Order = { kind: "review", target: "t", head: "h", base: "b", request: "{}" };
    const delivery = { source: "s", id: "1" };
    for (const bad of [
      { ...good, request: "no json" },
      { ...good, head: "a\0b" },
      { ...good, target: "" },
    ]) {
      await assert.rejects(store.receive(delivery, [good, bad]));
    }
    assert.deepEqual(await store.reviews("t"), []);
    assert.equal((await store.receive(delivery, [good])).repeated, false);
  });

  promise("a newer head ends the older one, and its worker is told", async (_, store) => {
    const first = await order(store, "t", "h1");
    const claim = await claimed(store, first);
    const wanted: Order = { kind: "review", target: "t", head: "h2", base: "b", request: "{}" };
    const receipt = await store.receive({ source: "x", id: "newer" }, [wanted]);
    assert.deepEqual(receipt.ended, [first]);
    assert.equal((await store.review(first))?.state, "superseded");
    assert.equal(await store.progress(claim, "building"), false);
    assert.equal(await store.finish(claim, "{}", [finding("f")]), false);
    assert.equal(await store.giveUp(claim, "late"), "gone");
    assert.deepEqual(await store.findings(first), []);
    assert.equal((await store.review(first))?.state, "superseded");
    const next = await claimed(store, receipt.reviews[0]!);
    assert.equal(next.review.head, "h2");
    assert.equal(await store.claimReview("w"), undefined, "the older job is gone");
  });

  promise("the same head joins, another base does not", async (_, store) => {
    const first = await order(store, "t", "h1");
    assert.equal(await order(store, "t", "h1"), first);
    assert.equal(await order(store, "t", "h1", { again: true } as Partial<Order>), first, "nothing to do again yet");
    const second = await order(store, "t", "h1", { base: "b2" } as Partial<Order>);
    assert.notEqual(second, first);
    assert.equal((await store.review(first))?.state, "superseded");
    await store.finish(await claimed(store, second), "{}", []);
    assert.equal(await order(store, "t", "h1", { base: "b2" } as Partial<Order>), second, "it has its verdict");
    const again = await order(store, "t", "h1", { base: "b2", again: true } as Partial<Order>);
    assert.equal((await store.reviews("t")).length, 3);
    await store.finish(await claimed(store, again), "{}", []);
  });

  promise("a cancel ends what is open, of that target alone", async (_, store) => {
    const [mine, other] = [await order(store, "t", "h"), await order(store, "u", "h")];
    const claim = await claimed(store, mine);
    const receipt = await store.receive({ source: "x", id: "closed" }, [{ kind: "cancel", target: "t" }]);
    assert.deepEqual(receipt, { repeated: false, reviews: [undefined], ended: [mine] });
    assert.equal(await store.progress(claim, "x"), false);
    assert.deepEqual(
      (await store.untold(9)).map((each) => each.state),
      ["cancelled"],
    );
    await claimed(store, other);
    assert.notEqual(await order(store, "t", "h"), mine, "reopened: a cancelled review is no verdict");
  });

  promise("higher priority goes first, then the older", async (stage, store) => {
    const ids: string[] = [];
    for (const [target, priority] of [
      ["a", 0],
      ["b", 5],
      ["c", 5],
    ] as const) {
      ids.push(await order(store, target, "h", { priority } as Partial<Order>));
      await stage.pass(1);
    }
    const got: (string | undefined)[] = [];
    for (let i = 0; i < 4; i++) got.push((await store.claimReview("w"))?.review.id);
    assert.deepEqual(got, [ids[1], ids[2], ids[0], undefined]);
  });

  promise("workers beside each other never get the same review", async (stage, store) => {
    const stores = [store, await stage.open(), await stage.open()];
    const ids = new Set<string>();
    for (let i = 0; i < 12; i++) ids.add(await order(store, `t${i}`, "h"));
    const claims = await Promise.all(Array.from({ length: 15 }, (_, i) => stores[i % 3]!.claimReview(`w${i}`)));
    const got = claims.flatMap((each) => (each === undefined ? [] : [each.review.id]));
    assert.equal(got.length, 12);
    assert.deepEqual(new Set(got), ids);
  });

  promise("a worker that dies loses its review to the next one, and at last it fails", async (stage, store) => {
    const id = await order(store, "t", "h");
    const dead = await claimed(store, id);
    await stage.pass(40);
    assert.equal(await store.progress(dead, "building"), true);
    await stage.pass(40);
    await store.sweep();
    assert.equal((await store.review(id))?.state, "running", "it gave a sign of life in between");
    await stage.pass(61);
    await store.sweep();
    assert.equal((await store.review(id))?.state, "queued");
    await stage.pass(31);
    const second = await claimed(store, id);
    assert.equal(second.attempt, 2);
    assert.equal(await store.progress(dead, "back"), false);
    assert.equal(await store.finish(dead, "{}", []), false, "back from the dead");
    assert.equal((await store.review(id))?.state, "running");
    await stage.pass(61);
    await store.sweep();
    const review = (await store.review(id))!;
    assert.deepEqual([review.state, review.attempts], ["failed", 2]);
    assert.match(review.error, /no sign of life/);
    assert.deepEqual(
      (await store.untold(9)).map((each) => each.id),
      [id],
    );
    assert.equal(await store.finish(second, "{}", []), false);
  });

  promise("work that broke down is tried again later, so often and no more", async (stage, store) => {
    const id = await order(store, "t", "h");
    assert.equal(await store.giveUp(await claimed(store, id), "disk full\0"), "again");
    assert.equal((await store.review(id))?.error, "disk full\u2400");
    assert.equal(await store.claimReview("w"), undefined, "too early");
    await stage.pass(31);
    assert.equal(await store.giveUp(await claimed(store, id), "again full"), "failed");
    assert.equal((await store.review(id))?.state, "failed");
    await stage.pass(1000);
    await store.sweep();
    assert.equal(await store.claimReview("w"), undefined);
    assert.notEqual(await order(store, "t", "h"), id, "a failed review is no verdict");
  });

  promise("an attempt that was stopped is given back at once, and counts for nothing", async (stage, store) => {
    const id = await order(store, "t", "h");
    for (let stops = 0; stops < 5; stops++) {
      const claim = await claimed(store, id);
      assert.equal(claim.attempt, stops + 1);
      assert.equal(await store.putBack(claim), true);
      assert.equal(await store.putBack(claim), false, "it has no claim any more");
      assert.equal(await store.progress(claim, "back"), false);
      const review = (await store.review(id))!;
      assert.deepEqual([review.state, review.phase, review.error], ["queued", "", ""]);
    }
    assert.equal(await store.giveUp(await claimed(store, id), "broke"), "again");
    assert.equal(await store.claimReview("w"), undefined, "what breaks waits");
    await stage.pass(31);
    await store.putBack(await claimed(store, id));
    // A worker that dies uses up an attempt, and it is the second.
    await claimed(store, id);
    await stage.pass(61);
    await store.sweep();
    assert.equal((await store.review(id))?.state, "failed");
  });

  promise("what broke down may be tried again later than usual, once", async (stage, store) => {
    const id = await order(store, "t", "h");
    await store.putBack(await claimed(store, id));
    assert.equal(await store.giveUp(await claimed(store, id), "disk full", 600), "again");
    await stage.pass(595);
    assert.equal(await store.claimReview("w"), undefined);
    await stage.pass(6);
    await store.putBack(await claimed(store, id));
    assert.equal(await store.giveUp(await claimed(store, id), "disk full", 600), "failed");
  });

  promise("an end is told once", async (stage, store) => {
    const id = await order(store, "t", "h");
    assert.equal(await store.tell(id, [post("early")]), false, "it has not ended");
    assert.equal(await store.announce(id, [post("queued")]), 1);
    assert.equal(await store.announce(id, [post("queued")]), 0, "it is there already");
    await store.finish(await claimed(store, id), "{}", []);
    const other = await stage.open();
    const told = await Promise.all(
      [store, other].map((each) => each.tell(id, [post("one"), post("two"), post("queued")])),
    );
    assert.deepEqual(told.sort(), [false, true]);
    assert.deepEqual(await store.untold(9), []);
    assert.deepEqual(
      (await store.posts("t")).map((each) => each.identity),
      ["queued", "one", "two"],
    );
    assert.equal((await store.review(id))?.told, true);
    const loud = await ended(store, "u");
    await assert.rejects(store.tell(loud, [post("fine", "u"), { ...post("bad", "u"), body: "{" }]));
    assert.equal((await store.review(loud))?.told, false);
    assert.deepEqual(await store.posts("u"), []);
  });

  promise("posts of one target go one at a time and in order, targets beside each other", async (stage, store) => {
    const [a, b] = [await ended(store, "a"), await ended(store, "b")];
    await store.tell(a, [post("a1", "a"), post("a2", "a"), post("a3", "a")]);
    await store.tell(b, [post("b1", "b")]);
    const first = (await store.claimPost("s"))!;
    const second = (await store.claimPost("s"))!;
    assert.deepEqual([first.post.identity, second.post.identity], ["a1", "b1"]);
    assert.equal(await store.claimPost("s"), undefined);
    assert.equal(await store.sent(first, "comment 7"), true);
    assert.equal(await store.sent(first, "comment 8"), false);
    const third = (await store.claimPost("s"))!;
    assert.equal(third.post.identity, "a2");
    assert.equal(await store.notSent(third, "503", stage.now() + 10_000), true);
    assert.equal(await store.claimPost("s"), undefined, "a3 waits for a2");
    await stage.pass(11);
    const retried = (await store.claimPost("s"))!;
    assert.deepEqual([retried.post.identity, retried.post.attempts], ["a2", 2]);
    assert.equal(await store.notSent(third, "late"), false, "the claim before");
    assert.equal(await store.notSent(retried, "422"), true);
    assert.equal((await store.claimPost("s"))?.post.identity, "a3", "what failed for good holds nothing up");
    const seen = (await store.posts("a")).map((each) => [each.identity, each.state, each.remote, each.error]);
    assert.deepEqual(seen, [
      ["a1", "sent", "comment 7", ""],
      ["a2", "failed", "", "422"],
      ["a3", "sending", "", ""],
    ]);
  });

  promise("a speaker that dies: comments are sent again, mail is not", async (stage, store) => {
    const [a, m] = [await ended(store, "a"), await ended(store, "m")];
    await store.tell(a, [post("comment", "a")]);
    await store.tell(m, [post("mail", "m", "once"), post("mail2", "m", "once")]);
    const [comment, mail] = [(await store.claimPost("s"))!, (await store.claimPost("s"))!];
    await stage.pass(99);
    assert.equal(await store.claimPost("s"), undefined);
    await stage.pass(2);
    const again = (await store.claimPost("s"))!;
    assert.deepEqual([again.post.identity, again.post.attempts], ["comment", 2]);
    assert.equal(await store.sent(comment, "by the dead"), false, "another one has it");
    assert.equal((await store.posts("m"))[0]?.state, "unknown");
    assert.equal((await store.claimPost("s"))?.post.identity, "mail2", "the next mail of the target may go");
    assert.equal(await store.notSent(mail, "?", 0), false, "never again");
    assert.equal(await store.sent(mail, "<id>"), true, "but it may turn out to be sent");
    assert.equal((await store.posts("m"))[0]?.state, "sent");
  });

  promise("speakers beside each other never send the same post", async (stage, store) => {
    const stores = [store, await stage.open()];
    for (let i = 0; i < 8; i++) await store.announce(await order(store, `t${i}`, "h"), [post(`p${i}`, `t${i}`)]);
    const got = await Promise.all(Array.from({ length: 10 }, (_, i) => stores[i % 2]!.claimPost(`s${i}`)));
    const identities = got.flatMap((each) => (each === undefined ? [] : [each.post.identity]));
    assert.equal(identities.length, 8);
    assert.equal(new Set(identities).size, 8);
  });

  promise("waivers hold until they are withdrawn or expire", async (stage, store) => {
    const words = { scope: "o/r", reason: "asm; it's fine", by: "maintainer" };
    const forever = await store.waive({ ...words, fingerprint: "f1" });
    const short = await store.waive({ ...words, fingerprint: "f2", expiresAt: stage.now() + 5000 });
    await store.waive({ ...words, scope: "o/other", fingerprint: "f3" });
    const seen = async () => (await store.waivers("o/r")).map((each) => each.fingerprint).sort();
    assert.deepEqual(await seen(), ["f1", "f2"]);
    assert.deepEqual(
      (await store.waivers("o/r")).find((each) => each.id === short.id),
      short,
    );
    await stage.pass(6);
    assert.deepEqual(await seen(), ["f1"]);
    assert.equal(await store.withdrawWaiver(short.id), false);
    assert.equal(await store.withdrawWaiver(forever.id), true);
    assert.equal(await store.withdrawWaiver(forever.id), false);
    assert.deepEqual(await seen(), []);
  });

  promise("what was stored is there for the next process", async (stage, store) => {
    const id = await order(store, "t", "h");
    await store.close();
    const next = await stage.open();
    assert.equal((await next.review(id))?.state, "queued");
    await claimed(next, id);
    await next.close();
    await next.close();
  });
}
