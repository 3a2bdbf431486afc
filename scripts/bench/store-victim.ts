import { writeSync } from "node:fs";
import type { PostOrder, StoredFinding } from "../../src/store/store.ts";
import { type Engine, openEngine } from "./store-engines.ts";

// A process that uses a store as the service does, says on stdout what the store has promised it, and is killed by store-kills.ts in the middle of it.
// Lines: R ready (pids) · D delivery · F review · T target · S identity (on the wire) · M identity (marked as sent).

const [engine, folder, modules, round] = process.argv.slice(2) as [Engine, string, string, string];
const say = (line: string) => writeSync(1, `${line}\n`);

const { store, pids } = await openEngine(engine, folder, modules);
say(`R ${pids.join(" ")}`);

const FINDINGS: StoredFinding[] = ["a", "b", "c"].map((fingerprint) => ({
  fingerprint,
  class: "new",
  rule: "frame",
  severity: "warning",
  function: "do_exit",
  file: "kernel/exit.c",
  line: 1,
  message: "do_exit() is measured",
}));
/** A result of a common size. */
const RESULT = JSON.stringify({ text: "x".repeat(20_000) });

for (let i = 0; ; i++) {
  const name = `${round}.${i}`;
  const wanted = { kind: "review", target: name, head: "h", base: "b", request: "{}" } as const;
  await store.receive({ source: "victim", id: name }, [wanted]);
  say(`D ${name}`);
  await store.sweep();
  const claim = await store.claimReview("victim");
  if (claim !== undefined && (await store.progress(claim, "building"))) {
    if (await store.finish(claim, RESULT, FINDINGS)) say(`F ${claim.review.id}`);
  }
  for (const review of await store.untold(3)) {
    const { target } = review;
    const posts: PostOrder[] = (["again", "once"] as const).map((manner) => ({
      identity: `${manner}:${target}`,
      target,
      kind: "comment",
      body: "{}",
      manner,
    }));
    if (await store.tell(review.id, posts)) say(`T ${target}`);
  }
  for (let n = 0; n < 3; n++) {
    const sending = await store.claimPost("victim");
    if (sending === undefined) break;
    say(`S ${sending.post.identity}`);
    if (await store.sent(sending, `remote ${name}`)) say(`M ${sending.post.identity}`);
  }
}
