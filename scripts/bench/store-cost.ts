import { readFileSync } from "node:fs";
import { type Engine, openEngine } from "./store-engines.ts";

// One process's cost of a store: node store-cost.ts <engine> <folder> <modules>. Prints JSON. Memory is Pss (proportional set size, proc(5)), so that
// pages which the processes of one server share are counted once.

const [engine, folder, modules] = process.argv.slice(2) as [Engine, string, string];
const REVIEWS = 200;

function pssBytes(pids: readonly (number | string)[]): number {
  let kilobytes = 0;
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

function withChildren(pids: readonly number[]): number[] {
  const children = pids.flatMap((pid) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return children.length === 0 ? [...pids] : [...pids, ...withChildren(children)];
}

const bare = pssBytes(["self"]);
const began = performance.now();
const { store, pids, close } = await openEngine(engine, folder, modules);
const openMillis = performance.now() - began;

const receiving = performance.now();
for (let i = 0; i < REVIEWS; i++) {
  const wanted = { kind: "review", target: `${began}.${i}`, head: "h", base: "b", request: "{}" } as const;
  await store.receive({ source: "cost", id: `${Date.now()}.${i}` }, [wanted]);
}
const receiveMillis = (performance.now() - receiving) / REVIEWS;

const working = performance.now();
let done = 0;
for (let claim = await store.claimReview("w"); claim !== undefined; claim = await store.claimReview("w")) {
  await store.finish(claim, JSON.stringify("x".repeat(20_000)), []);
  done++;
}
const reviewMillis = (performance.now() - working) / Math.max(1, done);
const memory = { own: pssBytes(["self"]), others: pssBytes(withChildren(pids)) };
await close();
console.log(JSON.stringify({ openMillis, receiveMillis, reviewMillis, bare, ...memory }));
